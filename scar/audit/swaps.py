"""Which negatives of some rows may be true."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from scar.audit.arrays import asked_once, pairs, ranges, renamed
from scar.audit.lineage import same_lineage, swap
from scar.audit.logistic import Floats, Ints
from scar.audit.rows import KINDS, Coded, Rows
from scar.generators.rules.vetoes import IN_BOX
from scar.language import english
from scar.language.lexicon import alike, place, thing
from scar.sample import Part

_SAME_REGION = 0.5
"""Two boxes of one category that overlap so far, as intersection over union, may be of one thing."""

REASONS = ("wordnet", "in_box", "scene_of_image", "gold_of_region")
"""A swap of the same lineage as what it replaces; an object that another sample's box shows in this one; a scene that
another gold caption of the image names; the gold caption of another box that may be of the same thing."""


class Swaps:
    """The negatives of some rows, by number.

    Attributes:
        owners: (negatives,) the row that each is of.
        kinds: (negatives,) the place of what it replaces in `rows.KINDS`.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.owners = rows.owners[rows.count :]
        self.kinds = rows.kinds[rows.count :]

    def of(self, part: Part, *, known: bool) -> Ints:
        """The swaps of a part in rows whose elements are known or not."""
        own = (self.kinds == KINDS.index(part)) & (self._rows.known[self.owners] == known)
        return np.flatnonzero(own)

    def example(self, negative: int) -> str:
        """A sample's id, its gold caption and a negative."""
        row = int(self.owners[negative])
        return f"{self._rows.id(row)}: {self._rows.text(row)!r}, {self._rows.text(self._rows.count + negative)!r}"

    def elsewhere(self, objects: Ints) -> Any:
        """Whether another sample of the image is about such a thing, for each of some object swaps."""
        names: dict[str, int] = {}
        categories = self._rows.categories
        shown = renamed(categories.values, categories.codes, lambda value: thing(value).name, names)
        swapped = self._renamed("object", objects, lambda value: thing(english.bare(value)).name, names)
        return self._others_have(shown, np.ones(self._rows.count, bool), objects, swapped, len(names))

    def suspicions(self) -> dict[str, Any]:
        """By reason of `REASONS`: (negatives,) whether it holds."""
        return {
            "wordnet": self._of_lineage(),
            "in_box": self._in_box(),
            "scene_of_image": self._scene_of_image(),
            "gold_of_region": self._gold_of_region(),
        }

    def _of_lineage(self) -> Any:
        """What replaces an element is of the lineage of what it replaces; relations have none."""
        found = np.zeros(len(self.owners), bool)
        for part in ("object", "scene"):
            own, elements = self.of(part, known=True), self._rows.elements[part]
            found[own] = self._replaced(own, elements, same_lineage)
        told = np.flatnonzero(~self._rows.known[self.owners])
        found[told] = self._replaced(told, self._rows.texts, lambda gold, negative: same_lineage(*swap(gold, negative)))
        return found

    def _replaced(self, negatives: Ints, texts: Coded, question: Callable[[str, str], bool]) -> Any:
        """What a question says of what the gold caption has and what negatives have instead."""
        before, after = texts.codes[self.owners[negatives]], texts.codes[self._rows.count + negatives]
        return asked_once(before, after, lambda one, other: question(texts.values[one], texts.values[other]))

    def _in_box(self) -> Any:
        """The box of the sample shows what replaces the object; see `vetoes.present_in_box`."""
        found = np.zeros(len(self.owners), bool)
        codes, values = self._elements("object")
        categories, regions = self._rows.categories, self._rows.regions
        for first, second in pairs(self._rows.groups):
            shared, areas = self._shared(first, second), self._areas
            inside = (shared > IN_BOX * np.minimum(areas[first], areas[second])) & (shared > 0)
            inside &= regions[first] != regions[second]
            negatives, pair = self._negatives_of(first[inside])
            objects = self.kinds[negatives] == KINDS.index("object")
            negatives, pair = negatives[objects], pair[objects]
            shown, noun = categories.codes[second[inside][pair]], codes[self._rows.count + negatives]
            said = asked_once(
                shown, noun, lambda one, other: alike(categories.values[one], english.bare(values[other]))
            )
            found[negatives[said]] = True
        return found

    def _scene_of_image(self) -> Any:
        """Another gold caption of the image names the scene."""
        scenes, names = self.of("scene", known=True), dict[str, int]()
        codes, values = self._elements("scene")
        gold = np.array([bool(value) for value in values], bool)[codes[: self._rows.count]]
        told = renamed(values, codes[: self._rows.count], lambda value: place(english.bare(value)).name, names)
        swapped = self._renamed("scene", scenes, lambda value: place(english.bare(value)).name, names)
        found = np.zeros(len(self.owners), bool)
        found[scenes] = self._others_have(told, gold, scenes, swapped, len(names))
        return found

    def _gold_of_region(self) -> Any:
        """The gold caption of another box says it, which overlaps so far that it may be of the same thing."""
        found = np.zeros(len(self.owners), bool)
        texts = self._rows.texts.codes
        for first, second in pairs(self._rows.groups):
            shared = self._shared(first, second)
            union = self._areas[first] + self._areas[second] - shared
            near = np.divide(shared, union, out=np.zeros(len(union)), where=union > 0) >= _SAME_REGION
            negatives, pair = self._negatives_of(first[near])
            found[negatives[texts[second[near][pair]] == texts[self._rows.count + negatives]]] = True
        return found

    def _others_have(self, names: Ints, counts: Any, negatives: Ints, swapped: Ints, width: int) -> Any:
        """Whether another row of its image has the name that is swapped in, for each of some negatives.

        Args:
            names: (rows,) of each row.
            counts: (rows,) which rows count.
            negatives: which negatives.
            swapped: the name of each.
            width: how many names there are.
        """
        keys = self._rows.groups * width + names
        known, often = np.unique(keys[counts], return_counts=True)
        owners = self.owners[negatives]
        wanted = self._rows.groups[owners] * width + swapped
        at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        there = np.where(known[at] == wanted, often[at], 0) if len(known) else np.zeros(len(wanted), np.int64)
        return there > (counts[owners] & (keys[owners] == wanted))

    def _renamed(self, part: Part, negatives: Ints, name: Any, names: dict[str, int]) -> Ints:
        codes, values = self._elements(part)
        return renamed(values, codes[self._rows.count + negatives], name, names)

    def _elements(self, part: Part) -> tuple[Ints, Any]:
        return self._rows.elements[part].codes, self._rows.elements[part].values

    def _negatives_of(self, rows: Ints) -> tuple[Ints, Ints]:
        """The negatives of some rows, and the place in ``rows`` that each comes of."""
        starts, ends = (self._rows.negatives[rows + more] for more in (0, 1))
        return ranges(starts - self._rows.count, ends - starts), np.repeat(np.arange(len(rows)), ends - starts)

    @cached_property
    def _areas(self) -> Floats:
        """(rows,) square pixels; see `Box.area`."""
        x0, y0, x1, y1 = self._rows.boxes.T
        return np.where((x1 > x0) & (y1 > y0), (x1 - x0) * (y1 - y0), 0.0)

    def _shared(self, first: Ints, second: Ints) -> Floats:
        """Square pixels that both boxes of each pair cover; see `Box.shared`."""
        one, other = self._rows.boxes[first], self._rows.boxes[second]
        width, height = (np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])).T
        return np.where((width > 0) & (height > 0), width * height, 0.0)
