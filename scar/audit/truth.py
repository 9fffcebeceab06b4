"""Negatives that may be true: what WordNet, and what the corpus itself says of the same image, have against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from scar import english, wordnet
from scar.audit.words import has_elements
from scar.lexicon import colours, place, thing
from scar.sample import PARTS, Negative, Picture, Sample
from scar.vetoes import Context, present_in_box

EXAMPLES = 5

_SAME_REGION = 0.5
"""Two boxes of one category that overlap so far, as intersection over union, may be of one thing."""


class Truth:
    """Counts over the samples of one file, image by image."""

    def __init__(self) -> None:
        self._suspects: Counter[tuple[str, str]] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._objects = self._elsewhere = self._negatives = 0

    def add(self, samples: Sequence[Sample]) -> None:
        """Count the samples of one image."""
        picture = Picture(samples[0].image_id, samples[0].image, 0, 0, tuple(sample.region for sample in samples))
        for sample in samples:
            others = [other for other in samples if other is not sample]
            there = {thing(other.region.category).name for other in others}
            self._negatives += len(sample.negatives)
            for negative in sample.negatives:
                if negative.part == "object" and has_elements(sample.gold):
                    self._objects += 1
                    self._elsewhere += thing(english.bare(negative.caption.object)).name in there
                for reason in _suspicions(sample, negative, others, picture):
                    self._suspects[reason, negative.part] += 1
                    examples = self._examples.setdefault(reason, [])
                    if len(examples) < EXAMPLES:
                        examples.append(f"{sample.id}: {sample.gold.text!r}, {negative.caption.text!r}")

    def figures(self) -> dict[str, Any]:
        """What was counted.

        Returns:
            ``negatives`` seen; how many are suspect, by reason, under ``kinds`` by part too, and ``examples`` of each;
            ``elsewhere``: share of the object swaps that another sample of the image is about. An image shows more
            than its samples are about, so of all that it shows that is the least share.
        """
        return {
            "negatives": self._negatives,
            **{reason: sum(self._suspects[reason, part] for part in PARTS) for reason in REASONS},
            "kinds": {part: {reason: self._suspects[reason, part] for reason in REASONS} for part in PARTS},
            "elsewhere": round(self._elsewhere / self._objects, 4) if self._objects else 0.0,
            "examples": dict(sorted(self._examples.items())),
        }


REASONS = ("wordnet", "in_box", "scene_of_image", "gold_of_region")
"""A swap of the same lineage as what it replaces; an object that another sample's box shows in this one; a scene that
another gold caption of the image names; the gold caption of another box that may be of the same thing."""


def _suspicions(sample: Sample, negative: Negative, others: Sequence[Sample], picture: Picture) -> Iterator[str]:
    before, after = swap(sample.gold.text, negative.caption.text)
    if has_elements(sample.gold):
        before, after = (getattr(each, negative.part) for each in (sample.gold, negative.caption))
    if (negative.part != "relation" or not has_elements(sample.gold)) and same_lineage(before, after):
        yield "wordnet"
    if present_in_box(sample.gold, negative, Context(picture, sample.region)):
        yield "in_box"
    if negative.part == "scene" and has_elements(sample.gold):
        named = place(english.bare(negative.caption.scene)).name
        if any(other.gold.scene and place(english.bare(other.gold.scene)).name == named for other in others):
            yield "scene_of_image"
    for other in others:
        near = other.region.box.iou(sample.region.box) >= _SAME_REGION
        if near and other.gold.text == negative.caption.text:
            yield "gold_of_region"
            break


@lru_cache(maxsize=65536)
def same_lineage(before: str, after: str) -> bool:
    """Whether WordNet has one noun phrase above, below or beside the other under one meaning.

    Phrases of one head with colours or the like before it that WordNet lacks are told apart by these.

    >>> same_lineage("a dog", "an animal"), same_lineage("a red star", "a blue star")
    (True, False)
    """
    first, second = english.bare(before).lower(), english.bare(after).lower()
    (*mine, head), (*theirs, other) = first.split() or [""], second.split() or [""]
    if head == other and mine and theirs and {mine[0], theirs[0]} <= set(colours()):
        return mine == theirs
    return wordnet.related(first, second)


def swap(gold: str, negative: str) -> tuple[str, str]:
    """What a negative replaces and by what, as the texts tell it: the words between those that both share.

    >>> swap("salad fork on table", "butter knife on table")
    ('salad fork', 'butter knife')
    """
    mine, theirs = gold.split(), negative.split()
    start = 0
    while start < min(len(mine), len(theirs)) and mine[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(mine), len(theirs)) - start and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    return " ".join(mine[start : len(mine) - end]), " ".join(theirs[start : len(theirs) - end])
