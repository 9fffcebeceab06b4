"""Measure how hard negatives are: objects of the same kind or in the image, scenes that suit the object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scar.audit.arrays import map_unique_pairs
from scar.audit.caption_codes import Codes, hash_text, mix_codes
from scar.audit.cooccurrence import ImageCounts
from scar.audit.hit_rates import resample_share
from scar.audit.logistic import Ints, Numbers
from scar.audit.row_blocks import RowBlock
from scar.audit.swap_checks import SwapChecks, resolve_phrase
from scar.generators.rules.usual_pairs import is_plausible
from scar.language import english
from scar.language.lexicon import resolve_scene


class HardnessCounts:
    """Counts of hard negatives in the samples of one file; rows are added block by block.

    Attributes:
        gold_images: for each block of rows, the code of each gold caption's image; samples whose elements are unknown
            are left out.
        gold_pairs: for each block, the code of each such caption's pair of nouns, object and scene.
    """

    def __init__(self) -> None:
        self.gold_images: list[Codes] = []
        self.gold_pairs: list[Codes] = []
        self._swap_images: list[Codes] = []
        self._swap_pairs: list[Codes] = []
        self._is_usual: list[NDArray[np.bool_]] = []
        self._object_counts: list[Numbers] = []

    def add_rows(self, rows: RowBlock, checks: SwapChecks) -> None:
        """Count the negatives of a block of rows."""
        images = _hash_group_images(rows)
        owners = rows.image_groups[checks.negative_rows[checks.object_swaps]]
        same, elsewhere = checks.is_same_kind, checks.is_elsewhere
        flags = (same, elsewhere, same | elsewhere, np.ones(len(owners), bool))
        sums = np.stack([np.bincount(owners, flag, len(images)) for flag in flags], axis=1)
        self._object_counts.append(sums[sums[:, -1] > 0])
        known = np.flatnonzero(rows.has_elements)
        self.gold_images.append(images[rows.image_groups[known]])
        self.gold_pairs.append(_code_pairs(rows, known, known))
        scene_swaps = checks.select_swaps("scene", has_elements=True)
        swap_rows = checks.negative_rows[scene_swaps]
        self._swap_images.append(images[rows.image_groups[swap_rows]])
        self._swap_pairs.append(_code_pairs(rows, swap_rows, rows.count + scene_swaps))
        objects, scenes = rows.elements["object"], rows.elements["scene"]
        self._is_usual.append(
            map_unique_pairs(
                objects.codes[swap_rows],
                scenes.codes[rows.count + scene_swaps],
                lambda thing, scene: is_usual_place(objects.values[thing], scenes.values[scene]),
            )
        )

    def to_figures(self, golds: ImageCounts) -> dict[str, Any]:
        """Figures of all counted rows.

        Args:
            golds: in how many images a gold caption has each pair of nouns.

        Returns:
            ``objects``: ``share`` of object swaps whose thing is of the true thing's kind or in the image, with its
            95 % ``interval``; ``same_kind``, of the kind; ``elsewhere``, the category of another sample of the image.
            ``scenes``: ``share`` of scene swaps that suit the object, with its ``interval``: captions of photographs
            name both (`is_usual_place`), or the gold caption of another image does. Both are None without elements.
        """
        counts = np.concatenate([np.zeros((0, 4)), *self._object_counts])
        images, pairs = _join_codes(self._swap_images), _join_codes(self._swap_pairs)
        _, owners = np.unique(images, return_inverse=True)
        is_usual = np.concatenate([np.zeros(0, bool), *self._is_usual])
        plausible = np.bincount(owners, is_usual | (golds.count_others(images, pairs) > 0))
        objects = _make_share(counts[:, 2], counts[:, 3])
        if objects is not None:
            kinds, elsewhere = (round(float(counts[:, each].sum() / counts[:, 3].sum()), 4) for each in (0, 1))
            objects |= {"same_kind": kinds, "elsewhere": elsewhere}
        return {"objects": objects, "scenes": _make_share(plausible, np.bincount(owners))}


def count_gold_pairs(files: Sequence[HardnessCounts]) -> ImageCounts:
    """Count the images whose gold captions have each pair of nouns, object and scene, in all files together."""
    return ImageCounts.from_codes(
        _join_codes([block for each in files for block in each.gold_images]),
        _join_codes([block for each in files for block in each.gold_pairs]),
    )


def _make_share(hits: Numbers, counts: Numbers) -> dict[str, Any] | None:
    """Share of hits with its interval; None without trials. Both arrays are by image."""
    if not len(counts):
        return None
    low, high = resample_share(hits, counts)
    return {"share": round(float(hits.sum() / counts.sum()), 4), "interval": [round(low, 4), round(high, 4)]}


def _join_codes(blocks: Sequence[Codes]) -> Codes:
    return np.concatenate([np.zeros(0, np.uint64), *blocks])


def _hash_group_images(rows: RowBlock) -> Codes:
    """(groups,) code of the image of each group of rows."""
    first_rows = np.flatnonzero(np.diff(rows.image_groups, prepend=-1))
    return np.array([hash_text(rows.images[row]) for row in first_rows.tolist()], np.uint64)


def _code_pairs(rows: RowBlock, gold_rows: Ints, captions: Ints) -> Codes:
    """(pairs,) code of the nouns of the object of each gold caption and of the scene of each other caption.

    Args:
        rows: the block.
        gold_rows: (pairs,) row of each gold caption.
        captions: (pairs,) index, among all captions of the block, of each other caption.
    """
    objects, scenes = rows.elements["object"], rows.elements["scene"]
    return mix_codes(
        _hash_nouns(objects.codes[gold_rows], objects.values), _hash_nouns(scenes.codes[captions], scenes.values)
    )


def _hash_nouns(codes: Ints, values: Sequence[str]) -> Codes:
    """(texts,) code of the noun of each text; see `CodedTexts`."""
    different, inverse = np.unique(codes, return_inverse=True)
    return np.array([hash_text(resolve_phrase(values[code]).name) for code in different.tolist()], np.uint64)[inverse]


@lru_cache(maxsize=1 << 16)
def is_usual_place(thing_phrase: str, scene_phrase: str) -> bool:
    """Whether captions of photographs name the thing of a phrase with the place or thing of another: `is_plausible`.

    >>> is_usual_place("a black oven", "a kitchen"), is_usual_place("two ovens", "a beach")
    (True, False)
    """
    thing, scene = resolve_phrase(thing_phrase), resolve_phrase(scene_phrase)
    place = resolve_scene(english.strip_article(scene_phrase))
    return is_plausible(thing.name, thing.kind, place.name if place.side else scene.name)
