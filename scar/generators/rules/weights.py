"""Sampling weights that make false elements as frequent as true ones.

A text-only model learns which words occur in wrong captions. It learns nothing from a word if, of all captions with the
word, as many are gold captions as by chance. Vetoes refuse some words more often than others, so sampling must make up
for it. `fit_weights` finds the weights on true captions of the corpus.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from scar.generators.generator import GoldTask
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.feature_fit import fit_feature_weights
from scar.generators.rules.negatives import draw_swaps, make_blocks
from scar.generators.rules.places import fit_count_weights
from scar.generators.rules.records import RulesGold
from scar.generators.rules.word_score import count_words, score_parts
from scar.sample import NEGATIVES_PER_PART, PARTS


def fit_weights(golds: Sequence[tuple[GoldTask, RulesGold]], *, is_complete: bool) -> CaptionStats:
    """Fit weights with which accepted candidates have each feature about as often as true captions have it.

    Args:
        golds: true captions of a corpus with their tasks.
        is_complete: whether these are all true captions of the corpus. Otherwise the fit assumes that the other ones
            also have features that none of these has.
    """
    annotated = sorted({name for task, _ in golds for name in task.evidence.regions_by_name})
    several = [(task, gold.phrases) for task, gold in golds]
    stats = CaptionStats.from_captions([gold for _, gold in several], annotated)
    if not several:
        return stats
    blocks = make_blocks(several, stats)
    weights = {part: fit_feature_weights(block, is_complete=is_complete) for part, block in blocks.items()}
    stats = dataclasses.replace(stats, weights=weights)
    swaps = draw_swaps(several, blocks, stats, Counter())
    files = [task.evidence.picture.file for task, _ in several]
    captions = [
        (file, gold, {part: own[row] for part, own in swaps.items() if own[row]})
        for row, (file, (_, gold)) in enumerate(zip(files, several, strict=True))
    ]
    word_counts = count_words(captions)
    above = [score_parts(gold, false, file, word_counts) for file, gold, false in captions]
    enough = {part: [own[part] for own in above if len(own.get(part, ())) >= NEGATIVES_PER_PART] for part in PARTS}
    count_weights = {part: fit_count_weights(own) for part, own in enough.items()}
    return dataclasses.replace(stats, word_counts=word_counts, count_weights=count_weights)
