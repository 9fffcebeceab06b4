"""How much the words of a caption look like those of a gold caption, learnt from the captions of the fit.

The score of a caption is the sum of the log odds of its words and of pairs of them: how often each is in gold captions,
relative to false ones that no veto refuses. A caption is scored by what other images say, so that the words that only
its own gold caption has do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import TypeAlias

from scar.generators.rules.records import CaptionPhrases
from scar.sample import PARTS, Part

FOLDS = 4
"""Parts of the images; each is scored by the words of the others."""

_SMOOTHING = 1.0
"""Count that is added to that of each feature, among gold captions and among false ones."""


WordCounts: TypeAlias = Mapping[Part, Mapping[str, tuple[tuple[float, float], ...]]]
"""By part and feature, for each fold of the images: the number of gold captions with the feature, and of false ones in
which the part is replaced, divided by their number for each gold caption."""


def score_caption(counts: WordCounts, part: Part, caption: CaptionPhrases, fold: int) -> float:
    """The log odds that a caption is gold, among those that differ in a part; 0 for words that nobody knows.

    Args:
        counts: what `count_words` returned.
        part: the part that may be replaced.
        caption: the caption.
        fold: fold of its image, whose counts are left out.
    """
    known = counts.get(part, {})
    score = 0.0
    for feature in find_word_features(part, caption):
        if found := known.get(feature):
            gold = sum(pair[0] for number, pair in enumerate(found) if number != fold)
            false = sum(pair[1] for number, pair in enumerate(found) if number != fold)
            score += log((gold + _SMOOTHING) / (false + _SMOOTHING))
    return score


def find_fold(file: str) -> int:
    """The fold of an image, by the hash of its file name."""
    return blake2b(file.encode("utf-8", "surrogatepass"), digest_size=2).digest()[0] % FOLDS


def count_words(
    captions: Iterable[tuple[str, CaptionPhrases, Mapping[Part, Sequence[CaptionPhrases]]]],
) -> WordCounts:
    """Count the words of captions: image file, gold caption, and false captions by part."""
    counts: dict[Part, dict[str, list[list[float]]]] = {part: {} for part in PARTS}
    for file, gold, false in captions:
        fold = find_fold(file)
        for part, several in false.items():
            known = counts[part]
            for feature in find_word_features(part, gold):
                known.setdefault(feature, [[0.0, 0.0] for _ in range(FOLDS)])[fold][0] += 1
            features = Counter(feature for caption in several for feature in find_word_features(part, caption))
            for feature, count in features.items():
                known.setdefault(feature, [[0.0, 0.0] for _ in range(FOLDS)])[fold][1] += count / len(several)
    return {
        part: {name: tuple((gold, false) for gold, false in folds) for name, folds in known.items()}
        for part, known in counts.items()
    }


def find_word_features(part: Part, caption: CaptionPhrases) -> list[str]:
    """The words of a part of a caption, and pairs of them with the heads of the other parts."""
    relation = caption.relation
    landmark = relation.landmark.text if relation.landmark else ""
    if part == "relation":
        found = [f"p {relation.predicate}", f"l {relation.form} {landmark}", f"f {relation.form} {caption.object.noun}"]
        return [
            *found,
            f"p {relation.predicate} o {caption.object.noun}",
            f"p {relation.predicate} l {caption.landmark.noun}",
        ]
    if part == "scene":
        scene = caption.scene
        pairs = [f"s {scene.noun} o {caption.object.noun}", f"s {scene.text} p {relation.last_preposition}"]
        return [f"s {scene.text}", f"n {scene.noun}", *pairs]
    phrase = caption.object
    pairs = [f"o {phrase.noun} s {caption.scene.noun}", f"o {phrase.noun} p {relation.predicate}"]
    return [f"o {phrase.text}", f"n {phrase.noun}", f"a {phrase.attributes}", *pairs]


def score_parts(
    gold: CaptionPhrases, swaps: Mapping[Part, Sequence[CaptionPhrases]], file: str, counts: WordCounts
) -> dict[Part, list[bool]]:
    """By part, whether each false caption scores above the gold caption of an image."""
    fold, found = find_fold(file), {}
    for part, several in swaps.items():
        least = score_caption(counts, part, gold, fold)
        found[part] = [score_caption(counts, part, swap, fold) >= least for swap in several]
    return found
