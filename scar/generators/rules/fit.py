"""Adapt the rules to a source: shares of captions that would be too frequent, and weights of candidates."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import cast

from scar.generators.generator import Generator, Gold, GoldOfTask, GoldTask, Rejected
from scar.generators.rules.golds import RANKED, draw_rank
from scar.generators.rules.records import RulesGold
from scar.generators.rules.weights import fit_weights
from scar.sample import RANKING_REASONS

MAX_RANKED_SHARE = 0.19
"""Largest share of positions and ordinals among the golds of a source: below the limit of 0.2, as others get lost."""

MAX_LANDMARK_SHARE = 0.4
"""Largest share of golds with one landmark, such as "a person"."""

MAX_FIT_GOLDS = 600
"""Most golds that the weights are fitted on; they suffice to estimate word frequencies."""


def fit_generator(generator: Generator, golds: Sequence[GoldOfTask], seed: str, is_complete: bool) -> Generator:
    """Fit the functions of the rules generator to a source, and return a generator with the fitted ones.

    Args:
        generator: the rules generator, not fitted. Its functions take ``shares``, ``known`` and ``stats``.
        golds: golds of pictures of the source, which ``generator`` wrote.
        seed: seed of the source's random choices.
        is_complete: whether these are golds of all pictures of the source.
    """
    shares = fit_shares([(task, RulesGold.of(gold)) for task, gold in golds])
    write_golds = partial(cast(Callable[..., list[Gold | Rejected]], generator.write_golds), shares=shares)
    limited = [task for task, gold in golds if _is_limited(RulesGold.of(gold), shares)]
    known: dict[str, Gold | Rejected] = {task.key: gold for task, gold in golds}
    known |= zip((task.key for task in limited), write_golds(limited), strict=True) if limited else {}
    written = ((task, known[task.key]) for task, _ in golds)
    kept = [(task, gold) for task, gold in written if isinstance(gold, RulesGold)]
    rng = Random(seed)  # noqa: S311 - choices of a corpus, not secrets
    is_complete = is_complete and len(kept) <= MAX_FIT_GOLDS
    some = kept if len(kept) <= MAX_FIT_GOLDS else rng.sample(kept, MAX_FIT_GOLDS)
    stats = fit_weights(some, is_complete=is_complete)
    return dataclasses.replace(
        generator,
        write_golds=partial(write_golds, known=known),
        write_negatives=partial(generator.write_negatives, stats=stats),
    )


def _is_limited(gold: RulesGold, shares: Mapping[str, float]) -> bool:
    """Whether shares may replace a gold that was written without them."""
    return (RANKED if gold.reason in RANKING_REASONS else f"landmark {gold.phrases.landmark.noun}") in shares


def fit_shares(golds: Sequence[tuple[GoldTask, RulesGold]]) -> dict[str, float]:
    """Find the ``shares`` for `write_golds` that keep positions, ordinals and the most frequent landmark in limits.

    They are from 0 to 1, by `RANKED` and by landmark as there; empty if no limit is exceeded.

    Args:
        golds: golds of the source that were written without shares, with their tasks.
    """
    shares: dict[str, float] = {}
    others = [gold for _, gold in golds if gold.reason not in RANKING_REASONS]
    most = int(MAX_RANKED_SHARE / (1 - MAX_RANKED_SHARE) * len(others))
    ranked = sorted(draw_rank(task, gold.reason) for task, gold in golds if gold.reason in RANKING_REASONS)
    if len(ranked) > most:
        shares[RANKED] = ranked[most]
    landmarks = Counter(gold.phrases.landmark.noun for gold in others)
    for noun, count in landmarks.most_common(1):
        if count > MAX_LANDMARK_SHARE * len(others):
            shares[f"landmark {noun}"] = MAX_LANDMARK_SHARE * len(others) / count
    return shares
