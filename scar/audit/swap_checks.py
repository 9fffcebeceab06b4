"""Find the negatives of a block of rows that may be true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from scar.audit.arrays import concatenate_ranges, iter_group_pairs, map_codes, map_unique_pairs
from scar.audit.lineage import find_replaced_words, is_same_lineage
from scar.audit.logistic import Floats, Ints
from scar.audit.row_blocks import CAPTION_KINDS, CodedTexts, RowBlock
from scar.generators.rules.gold_batch import MIN_BOX_OVERLAP
from scar.language import english
from scar.language.category_names import parse_noun_phrase
from scar.language.lexicon import Thing, is_interchangeable, resolve_category, resolve_noun_phrase, resolve_scene
from scar.sample import Part

_MIN_SAME_REGION_IOU = 0.5
"""Least intersection over union from which on two boxes may show the same thing."""


class SwapChecks:
    """Checks that find negatives of a block of rows that may be true. A negative is named by its index in these arrays.

    Attributes:
        negative_rows: (negatives,) row of each negative.
        negative_kinds: (negatives,) index in `CAPTION_KINDS` of the part that each negative replaces.
    """

    def __init__(self, rows: RowBlock) -> None:
        self._rows = rows
        self.negative_rows = rows.caption_rows[rows.count :]
        self.negative_kinds = rows.caption_kinds[rows.count :]

    def select_swaps(self, part: Part, *, has_elements: bool) -> Ints:
        """Indices of the negatives that replace a part, in ascending order.

        Args:
            part: the replaced part.
            has_elements: True selects among the rows whose elements are known; False among all other rows.
        """
        of_part = self.negative_kinds == CAPTION_KINDS.index(part)
        return np.flatnonzero(of_part & (self._rows.has_elements[self.negative_rows] == has_elements))

    def describe_example(self, negative: int) -> str:
        """Describe a negative in one line: sample id, gold caption and the negative."""
        row = int(self.negative_rows[negative])
        gold, swap = self._rows.caption_text(row), self._rows.caption_text(self._rows.count + negative)
        return f"{self._rows.sample_id(row)}: {gold!r}, {swap!r}"

    @cached_property
    def object_swaps(self) -> Ints:
        """Indices, ascending, of the negatives that replace the object, in rows whose elements are known."""
        return self.select_swaps("object", has_elements=True)

    @cached_property
    def is_elsewhere(self) -> Any:
        """(object_swaps,) whether the thing that a swap names is the category of another sample of the image."""
        object_swaps = self.object_swaps
        name_codes: dict[str, int] = {}
        categories = self._rows.categories
        row_names = map_codes(
            categories.values, categories.codes, lambda value: resolve_category(value).name, name_codes
        )
        swapped_names = self._map_swap_codes(
            "object", object_swaps, lambda phrase: resolve_noun_phrase(phrase).name, name_codes
        )
        is_counted = np.ones(self._rows.count, bool)
        return self._find_in_other_rows(row_names, is_counted, object_swaps, swapped_names, len(name_codes))

    @cached_property
    def is_same_kind(self) -> Any:
        """(object_swaps,) whether the thing that a swap names is of the true thing's kind."""
        objects = self._rows.elements["object"]
        return self._compare_replaced(self.object_swaps, objects, is_same_kind)

    def find_suspects(self) -> dict[str, Any]:
        """By each of `scar.audit.findings.SUSPECT_REASONS`, (negatives,) whether it holds for a negative."""
        return {
            "wordnet": self._find_same_lineage(),
            "in_box": self._find_in_box(),
            "scene_of_image": self._find_scene_of_image(),
            "gold_of_region": self._find_gold_of_region(),
        }

    def _find_same_lineage(self) -> Any:
        """(negatives,) whether the new element has the lineage of the replaced one; known relations never do."""
        found = np.zeros(len(self.negative_rows), bool)
        for part in ("object", "scene"):
            swaps, elements = self.select_swaps(part, has_elements=True), self._rows.elements[part]
            found[swaps] = self._compare_replaced(swaps, elements, is_same_lineage)
        text_swaps = np.flatnonzero(~self._rows.has_elements[self.negative_rows])
        found[text_swaps] = self._compare_replaced(
            text_swaps, self._rows.texts, lambda gold, negative: is_same_lineage(*find_replaced_words(gold, negative))
        )
        return found

    def _compare_replaced(self, negatives: Ints, texts: CodedTexts, predicate: Callable[[str, str], bool]) -> Any:
        """(negatives,) whether the predicate holds for the gold caption's and the negative's entry in ``texts``."""
        before, after = texts.codes[self.negative_rows[negatives]], texts.codes[self._rows.count + negatives]
        return map_unique_pairs(
            before, after, lambda gold, negative: predicate(texts.values[gold], texts.values[negative])
        )

    def _find_in_box(self) -> Any:
        """(negatives,) whether an object swap names a thing whose box overlaps the sample's box.

        The veto `scar.generators.rules.noun_vetoes.present_in_box` refuses such swaps.
        """
        found = np.zeros(len(self.negative_rows), bool)
        codes, values = self._part_elements("object")
        categories, regions = self._rows.categories, self._rows.region_ids
        for first, second in iter_group_pairs(self._rows.image_groups):
            shared, areas = self._shared_areas(first, second), self._areas
            is_inside = (shared > MIN_BOX_OVERLAP * np.minimum(areas[first], areas[second])) & (shared > 0)
            is_inside &= regions[first] != regions[second]
            negatives, pairs = self._expand_negatives(first[is_inside])
            is_object = self.negative_kinds[negatives] == CAPTION_KINDS.index("object")
            negatives, pairs = negatives[is_object], pairs[is_object]
            named = map_unique_pairs(
                categories.codes[second[is_inside][pairs]],
                codes[self._rows.count + negatives],
                lambda category, noun: is_interchangeable(
                    categories.values[category], english.strip_article(values[noun])
                ),
            )
            found[negatives[named]] = True
        return found

    def _find_scene_of_image(self) -> Any:
        """(negatives,) whether a scene swap names the place of another gold caption of the image."""
        swaps = self.select_swaps("scene", has_elements=True)
        name_codes: dict[str, int] = {}
        codes, values = self._part_elements("scene")
        gold_codes = codes[: self._rows.count]
        has_scene = np.array([_is_place(value) for value in values], bool)[gold_codes]
        row_names = map_codes(values, gold_codes, _find_scene_name, name_codes)
        swapped_names = self._map_swap_codes("scene", swaps, _find_scene_name, name_codes)
        found = np.zeros(len(self.negative_rows), bool)
        found[swaps] = self._find_in_other_rows(row_names, has_scene, swaps, swapped_names, len(name_codes))
        return found

    def _find_gold_of_region(self) -> Any:
        """(negatives,) whether a negative equals the gold caption of another box that may show the same thing."""
        found = np.zeros(len(self.negative_rows), bool)
        texts = self._rows.texts.codes
        for first, second in iter_group_pairs(self._rows.image_groups):
            shared = self._shared_areas(first, second)
            union = self._areas[first] + self._areas[second] - shared
            iou = np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)
            is_near = iou >= _MIN_SAME_REGION_IOU
            negatives, pairs = self._expand_negatives(first[is_near])
            is_equal = texts[second[is_near][pairs]] == texts[self._rows.count + negatives]
            found[negatives[is_equal]] = True
        return found

    def _find_in_other_rows(
        self, row_names: Ints, counted_rows: Any, negatives: Ints, swapped_names: Ints, name_count: int
    ) -> Any:
        """(negatives,) whether another row of the image has the name that the negative swaps in.

        Args:
            row_names: (rows,) code of each row's name.
            counted_rows: (rows,) whether the name of each row counts.
            negatives: indices of the negatives to check.
            swapped_names: (negatives,) code of the name that each negative swaps in.
            name_count: number of different names.
        """
        keys = self._rows.image_groups * name_count + row_names
        known, known_counts = np.unique(keys[counted_rows], return_counts=True)
        own_rows = self.negative_rows[negatives]
        wanted = self._rows.image_groups[own_rows] * name_count + swapped_names
        if not len(known):
            return np.zeros(len(wanted), bool)
        indices = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        counts = np.where(known[indices] == wanted, known_counts[indices], 0)
        return counts > (counted_rows[own_rows] & (keys[own_rows] == wanted))

    def _map_swap_codes(
        self, part: Part, negatives: Ints, find_name: Callable[[str], str], name_codes: dict[str, int]
    ) -> Ints:
        """(negatives,) code of the name that each negative swaps in; see `map_codes`."""
        codes, values = self._part_elements(part)
        return map_codes(values, codes[self._rows.count + negatives], find_name, name_codes)

    def _part_elements(self, part: Part) -> tuple[Ints, Sequence[str]]:
        """Codes and values of the elements of a part; see `CodedTexts`."""
        return self._rows.elements[part].codes, self._rows.elements[part].values

    def _expand_negatives(self, rows: Ints) -> tuple[Ints, Ints]:
        """Indices of the negatives of some rows, and the index in ``rows`` of each negative's row."""
        starts, ends = self._rows.negative_starts[rows], self._rows.negative_starts[rows + 1]
        sizes = ends - starts
        return concatenate_ranges(starts - self._rows.count, sizes), np.repeat(np.arange(len(rows)), sizes)

    @cached_property
    def _areas(self) -> Floats:
        """(rows,) area of each box in square pixels; see `scar.sample.Box.area`."""
        x0, y0, x1, y1 = self._rows.boxes.T
        return np.where((x1 > x0) & (y1 > y0), (x1 - x0) * (y1 - y0), 0.0)

    def _shared_areas(self, first: Ints, second: Ints) -> Floats:
        """(pairs,) area in pixels that both boxes of each pair share; see `scar.sample.Box.intersection_area`."""
        boxes, others = self._rows.boxes[first], self._rows.boxes[second]
        width, height = (np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])).T
        return np.where((width > 0) & (height > 0), width * height, 0.0)


@lru_cache(maxsize=1 << 16)
def resolve_phrase(phrase: str) -> Thing:
    """The thing that a noun phrase names, without its attributes and its number.

    >>> resolve_phrase("two red cups").name, resolve_phrase("a ski slope").name
    ('cup', 'ski slope')
    """
    return resolve_category(parse_noun_phrase(phrase).noun)


def is_same_kind(phrase: str, other: str) -> bool:
    """Whether the things of two noun phrases have the same name or the same `Thing.kind`: a fork and a spoon.

    >>> is_same_kind("a salad fork", "a red spoon"), is_same_kind("a red car", "a car"), is_same_kind("a cat", "a cup")
    (True, True, False)
    """
    first, second = resolve_phrase(phrase), resolve_phrase(other)
    return first.name == second.name or (bool(first.kind) and first.kind == second.kind)


def _is_place(phrase: str) -> bool:
    """Whether a phrase means a place where a picture is taken; a thing of the picture may end a false caption."""
    return resolve_scene(english.strip_article(phrase)).side in ("indoor", "outdoor")


def _find_scene_name(phrase: str) -> str:
    """Name of the scene that a phrase such as "a beach" means."""
    return resolve_scene(english.strip_article(phrase)).name
