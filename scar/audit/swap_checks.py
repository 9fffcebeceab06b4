"""Which negatives of some rows may be true."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from scar.audit.arrays import concatenate_ranges, iter_group_pairs, map_codes, map_unique_pairs
from scar.audit.lineage import find_replaced_words, is_same_lineage
from scar.audit.logistic import Floats, Ints
from scar.audit.row_blocks import CAPTION_KINDS, CodedTexts, RowBlock
from scar.generators.rules.vetoes import MIN_BOX_OVERLAP
from scar.language import english
from scar.language.lexicon import is_interchangeable, resolve_category, resolve_scene
from scar.sample import Part

_MIN_SAME_REGION_IOU = 0.5
"""Two boxes of one category that overlap so far, as intersection over union, may be of one thing."""


class SwapChecks:
    """The negatives of some rows, by number.

    Attributes:
        negative_rows: (negatives,) the row that each is of.
        negative_kinds: (negatives,) the place of what it replaces in `rows.KINDS`.
    """

    def __init__(self, rows: RowBlock) -> None:
        self._rows = rows
        self.negative_rows = rows.caption_rows[rows.count :]
        self.negative_kinds = rows.caption_kinds[rows.count :]

    def select_swaps(self, part: Part, *, has_elements: bool) -> Ints:
        """The swaps of a part in rows whose elements are known or not."""
        own = (self.negative_kinds == CAPTION_KINDS.index(part)) & (
            self._rows.has_elements[self.negative_rows] == has_elements
        )
        return np.flatnonzero(own)

    def describe_example(self, negative: int) -> str:
        """A sample's id, its gold caption and a negative."""
        row = int(self.negative_rows[negative])
        gold, swap = self._rows.caption_text(row), self._rows.caption_text(self._rows.count + negative)
        return f"{self._rows.sample_id(row)}: {gold!r}, {swap!r}"

    def find_elsewhere(self, object_swaps: Ints) -> Any:
        """Whether another sample of the image is about such a thing, for each of some object swaps."""
        names: dict[str, int] = {}
        categories = self._rows.categories
        shown = map_codes(categories.values, categories.codes, lambda value: resolve_category(value).name, names)
        swapped = self._map_swap_codes(
            "object", object_swaps, lambda value: resolve_category(english.strip_article(value)).name, names
        )
        return self._find_in_other_rows(shown, np.ones(self._rows.count, bool), object_swaps, swapped, len(names))

    def find_suspects(self) -> dict[str, Any]:
        """By reason of `findings.SUSPECT_REASONS`: (negatives,) whether it holds."""
        return {
            "wordnet": self._find_same_lineage(),
            "in_box": self._find_in_box(),
            "scene_of_image": self._find_scene_of_image(),
            "gold_of_region": self._find_gold_of_region(),
        }

    def _find_same_lineage(self) -> Any:
        """What replaces an element is of the lineage of what it replaces; relations have none."""
        found = np.zeros(len(self.negative_rows), bool)
        for part in ("object", "scene"):
            own, elements = self.select_swaps(part, has_elements=True), self._rows.elements[part]
            found[own] = self._compare_replaced(own, elements, is_same_lineage)
        told = np.flatnonzero(~self._rows.has_elements[self.negative_rows])
        found[told] = self._compare_replaced(
            told, self._rows.texts, lambda gold, negative: is_same_lineage(*find_replaced_words(gold, negative))
        )
        return found

    def _compare_replaced(self, negatives: Ints, texts: CodedTexts, predicate: Callable[[str, str], bool]) -> Any:
        """What a question says of what the gold caption has and what negatives have instead."""
        before, after = texts.codes[self.negative_rows[negatives]], texts.codes[self._rows.count + negatives]
        return map_unique_pairs(before, after, lambda one, other: predicate(texts.values[one], texts.values[other]))

    def _find_in_box(self) -> Any:
        """The box of the sample shows what replaces the object; see `vetoes.present_in_box`."""
        found = np.zeros(len(self.negative_rows), bool)
        codes, values = self._part_elements("object")
        categories, regions = self._rows.categories, self._rows.region_ids
        for first, second in iter_group_pairs(self._rows.image_groups):
            shared, areas = self._shared_areas(first, second), self._areas
            inside = (shared > MIN_BOX_OVERLAP * np.minimum(areas[first], areas[second])) & (shared > 0)
            inside &= regions[first] != regions[second]
            negatives, pair = self._expand_negatives(first[inside])
            objects = self.negative_kinds[negatives] == CAPTION_KINDS.index("object")
            negatives, pair = negatives[objects], pair[objects]
            shown, noun = categories.codes[second[inside][pair]], codes[self._rows.count + negatives]
            said = map_unique_pairs(
                shown,
                noun,
                lambda one, other: is_interchangeable(categories.values[one], english.strip_article(values[other])),
            )
            found[negatives[said]] = True
        return found

    def _find_scene_of_image(self) -> Any:
        """Another gold caption of the image names the scene."""
        scenes, names = self.select_swaps("scene", has_elements=True), dict[str, int]()
        codes, values = self._part_elements("scene")
        gold = np.array([bool(value) for value in values], bool)[codes[: self._rows.count]]
        told = map_codes(
            values, codes[: self._rows.count], lambda value: resolve_scene(english.strip_article(value)).name, names
        )
        swapped = self._map_swap_codes(
            "scene", scenes, lambda value: resolve_scene(english.strip_article(value)).name, names
        )
        found = np.zeros(len(self.negative_rows), bool)
        found[scenes] = self._find_in_other_rows(told, gold, scenes, swapped, len(names))
        return found

    def _find_gold_of_region(self) -> Any:
        """The gold caption of another box says it, which overlaps so far that it may be of the same thing."""
        found = np.zeros(len(self.negative_rows), bool)
        texts = self._rows.texts.codes
        for first, second in iter_group_pairs(self._rows.image_groups):
            shared = self._shared_areas(first, second)
            union = self._areas[first] + self._areas[second] - shared
            near = np.divide(shared, union, out=np.zeros(len(union)), where=union > 0) >= _MIN_SAME_REGION_IOU
            negatives, pair = self._expand_negatives(first[near])
            found[negatives[texts[second[near][pair]] == texts[self._rows.count + negatives]]] = True
        return found

    def _find_in_other_rows(
        self, row_names: Ints, counted_rows: Any, negatives: Ints, swapped_names: Ints, name_count: int
    ) -> Any:
        """Whether another row of its image has the name that is swapped in, for each of some negatives.

        Args:
            row_names: (rows,) of each row.
            counted_rows: (rows,) which rows count.
            negatives: which negatives.
            swapped_names: the name of each.
            name_count: how many names there are.
        """
        keys = self._rows.image_groups * name_count + row_names
        known, often = np.unique(keys[counted_rows], return_counts=True)
        owners = self.negative_rows[negatives]
        wanted = self._rows.image_groups[owners] * name_count + swapped_names
        at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        there = np.where(known[at] == wanted, often[at], 0) if len(known) else np.zeros(len(wanted), np.int64)
        return there > (counted_rows[owners] & (keys[owners] == wanted))

    def _map_swap_codes(self, part: Part, negatives: Ints, find_name: Any, name_codes: dict[str, int]) -> Ints:
        codes, values = self._part_elements(part)
        return map_codes(values, codes[self._rows.count + negatives], find_name, name_codes)

    def _part_elements(self, part: Part) -> tuple[Ints, Any]:
        return self._rows.elements[part].codes, self._rows.elements[part].values

    def _expand_negatives(self, rows: Ints) -> tuple[Ints, Ints]:
        """The negatives of some rows, and the place in ``rows`` that each comes of."""
        starts, ends = (self._rows.negative_starts[rows + more] for more in (0, 1))
        return concatenate_ranges(starts - self._rows.count, ends - starts), np.repeat(
            np.arange(len(rows)), ends - starts
        )

    @cached_property
    def _areas(self) -> Floats:
        """(rows,) square pixels; see `Box.area`."""
        x0, y0, x1, y1 = self._rows.boxes.T
        return np.where((x1 > x0) & (y1 > y0), (x1 - x0) * (y1 - y0), 0.0)

    def _shared_areas(self, first: Ints, second: Ints) -> Floats:
        """Square pixels that both boxes of each pair cover; see `Box.shared`."""
        one, other = self._rows.boxes[first], self._rows.boxes[second]
        width, height = (np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])).T
        return np.where((width > 0) & (height > 0), width * height, 0.0)
