"""A batch of golds as columns: what is known about their regions and pictures, gathered once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.generator import GoldTask
from scar.generators.rules.draws import Bools, Ints
from scar.generators.rules.noun_table import NounTable, Numbers
from scar.generators.rules.records import CaptionPhrases
from scar.language.caption_parser import (
    collect_words,
    find_named_scenes,
    find_stated_scenes,
    spaced_forms,
    tokenize_caption,
)
from scar.language.lexicon import Scene, Thing, resolve_scene
from scar.sample import Picture, Region

MIN_BOX_OVERLAP = 0.1
"""Overlap of two boxes, as a share of the smaller box, above which one thing is visible in the box of the other."""

Golds = Sequence[tuple[GoldTask, CaptionPhrases]]
"""True captions in phrases, with their tasks."""


class GoldBatch:
    """The golds of a batch. T is their number, N that of the nouns.

    Args:
        golds: the golds.
        nouns: nouns of the candidates; those of the golds and their pictures are added. Or a table that has them all.
        annotated: names of the things that the source annotates wherever it sees them, as far as is known.

    Attributes:
        tasks: task of each gold.
        golds: the true captions.
        things: the thing that each region shows.
        nouns: the nouns.
        annotated: names of the things that the source annotates.
        objects, categories, names, landmarks, scenes: (T,) numbers of the nouns of each gold: of its object, of the
            category and the name of its region, of its landmark and of its scene.
        owners: (T,) index of each gold's picture among `pictures`.
        pictures: evidence of the different pictures.
    """

    def __init__(self, golds: Golds, nouns: Iterable[str] | NounTable, annotated: frozenset[str]) -> None:
        self.tasks = [task for task, _ in golds]
        self.golds = [gold for _, gold in golds]
        self.annotated = annotated
        owners = Numbers()
        self.owners: Ints = np.array([owners[id(task.evidence)] for task in self.tasks], np.intp)
        by_id = {id(task.evidence): task.evidence for task in self.tasks}
        self.pictures: Sequence[PictureEvidence] = [by_id[number] for number in owners]
        self.things: Sequence[Thing] = [task.evidence.things[task.region.category] for task in self.tasks]
        columns = [
            [gold.object.noun for gold in self.golds],
            [task.region.category for task in self.tasks],
            [thing.name for thing in self.things],
            [gold.landmark.noun for gold in self.golds],
            [gold.scene.noun for gold in self.golds],
        ]
        if not isinstance(nouns, NounTable):
            shown = (name for picture in self.pictures for name in picture.regions_by_name)
            nouns = NounTable([*nouns, *(noun for column in columns for noun in column), *shown])
        self.nouns = nouns
        self.objects, self.categories, self.names, self.landmarks, self.scenes = map(self.nouns.find, columns)

    def __len__(self) -> int:
        return len(self.golds)

    @property
    def regions(self) -> list[Region]:
        """The region of each gold."""
        return [task.region for task in self.tasks]

    def test(self, rule: Callable[[CaptionPhrases], bool]) -> Bools:
        """(T,) whether a rule holds for each gold."""
        return np.array([rule(gold) for gold in self.golds], bool)

    @cached_property
    def shown(self) -> Bools:
        """(T, N) whether the gold's picture has an annotated thing with the same name as the noun's thing."""
        found = np.zeros((len(self.pictures), len(self.nouns.names)), bool)
        for number, picture in enumerate(self.pictures):
            found[number, [self.nouns.names[name] for name in picture.regions_by_name]] = True
        return found[self.owners][:, self.nouns.name_numbers]

    @cached_property
    def in_box(self) -> Bools:
        """(T, N) whether a thing that the noun may name is visible in the region's box."""
        found = np.zeros((len(self), len(self.nouns)), bool)
        for number, (task, region) in enumerate(zip(self.tasks, self.regions, strict=True)):
            names = find_names_in_box(task.evidence, region)
            found[number] = self.nouns.interchangeable[self.nouns.find(names)].any(axis=0)
        return found

    @cached_property
    def _texts(self) -> tuple[Ints, list[tuple[str, ...]]]:
        """(T,) index of the human texts of each gold, and the different texts."""
        numbers = Numbers()
        found = [numbers[(*task.evidence.picture.captions, *task.region.phrases)] for task in self.tasks]
        return np.array(found, np.intp), list(numbers)

    @cached_property
    def mentioned(self) -> Bools:
        """(T, N) whether human texts about the picture have a word for the noun's thing, in singular or plural."""
        owners, several = self._texts
        forms: dict[tuple[str, ...], list[int]] = {}
        for number, thing in enumerate(self.nouns.things):
            for form in spaced_forms(thing.words):
                forms.setdefault(tuple(form.split()), []).append(number)
        longest = max(map(len, forms), default=0)
        found = np.zeros((len(several), len(self.nouns)), bool)
        for number, texts in enumerate(several):
            for text in texts:
                words = tokenize_caption(text)
                for start in range(len(words)):
                    for end in range(start + 1, min(start + longest, len(words)) + 1):
                        if members := forms.get(words[start:end]):
                            found[number, members] = True
        return found[owners]

    def mention(self, words: Sequence[Sequence[str]]) -> Bools:
        """(T, M) whether the human texts of each gold have one of the words of each of M groups."""
        owners, several = self._texts
        known = map(collect_words, several)
        found = [[not own.isdisjoint(group) for group in words] for own in known]
        return np.array(found, bool).reshape(len(several), len(words))[owners]

    @cached_property
    def named_scenes(self) -> list[frozenset[str]]:
        """Names of the scenes that the human texts of each gold mention."""
        owners, several = self._texts
        found = [find_named_scenes(texts) for texts in several]
        return [found[owner] for owner in owners]

    def has_word(self, row: int, words: set[str]) -> bool:
        """Whether the human texts of one gold have one of some words."""
        owners, several = self._texts
        return not collect_words(several[owners[row]]).isdisjoint(words)

    @cached_property
    def true_scenes(self) -> list[tuple[Scene, ...]]:
        """The scenes that each gold, the source's label of its picture and the picture's captions name."""
        known = [_find_scenes(evidence.picture) for evidence in self.pictures]
        return [
            (resolve_scene(gold.scene.noun), *known[own]) for gold, own in zip(self.golds, self.owners, strict=True)
        ]


def find_names_in_box(evidence: PictureEvidence, region: Region) -> tuple[str, ...]:
    """Names of the other things that are visible in a region's box."""
    area = region.box.area
    names: dict[str, None] = {}
    for other in evidence.picture.regions:
        overlap = region.box.intersection_area(other.box)
        if overlap and overlap > MIN_BOX_OVERLAP * min(area, other.box.area) and other.id != region.id:
            names[evidence.things[other.category].name] = None
    return tuple(names)


def _find_scenes(picture: Picture) -> tuple[Scene, ...]:
    label = [resolve_scene(picture.scene)] if picture.scene else []
    stated = (scene for caption in picture.captions for scene in find_stated_scenes(caption))
    return tuple(dict.fromkeys((*label, *stated)))
