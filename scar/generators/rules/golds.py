"""The gold caption of a region: the most natural of the captions that the evidence gives and that tell it apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from scar.generators.generator import Gold, GoldTask, Rejected
from scar.generators.rules.negatives import FEW_NEGATIVES, has_false_relations
from scar.generators.rules.records import RulesGold, TrueCaption
from scar.generators.rules.true_captions import list_true_captions
from scar.sample import REASONS, Reason

NO_EVIDENCE, OVER_SHARE = "no_caption", "position_share"
"""Reasons to reject a region: nothing tells it apart, or only captions do of which the source has enough already."""

_PROBLEMS = (NO_EVIDENCE, FEW_NEGATIVES, OVER_SHARE)
"""Of several problems of a region's captions, the last one is its reason."""


def write_golds(tasks: Sequence[GoldTask], shares: Mapping[str, float] | None = None) -> list[Gold | Rejected]:
    """Choose the true caption of the region of each task, or reject the region.

    The first reason in the order of `REASONS` that has captions counts; of its captions, weights and chance choose one.
    A caption whose relation has no three false alternatives is passed over.

    Args:
        tasks: the regions.
        shares: share of the captions to keep, by reason ("position") and by landmark ("landmark person"); 1 for all
            others. A region whose caption is not kept gets its next one. None keeps all. `fit_shares` finds them.
    """
    return [_write_gold(task, shares or {}) for task in tasks]


def _write_gold(task: GoldTask, shares: Mapping[str, float]) -> Gold | Rejected:
    rng = Random(f"{task.key}/gold")  # noqa: S311 - choices of a corpus, not secrets
    by_reason: dict[Reason, list[TrueCaption]] = {reason: [] for reason in REASONS}
    for true in list_true_captions(task.evidence, task.region):
        by_reason[true.reason].append(true)
    problem = NO_EVIDENCE
    for options in by_reason.values():
        is_kept = rng.random()
        while options:
            (true,) = rng.choices(options, [option.weight for option in options])
            options.remove(true)
            if not has_false_relations(true.phrases, task):
                problem = max(problem, FEW_NEGATIVES, key=_PROBLEMS.index)
            elif is_kept >= _find_share(true, shares):
                problem = OVER_SHARE
            else:
                return RulesGold(true.phrases.caption, true.reason, true.phrases)
    return Rejected(problem)


def _find_share(option: TrueCaption, shares: Mapping[str, float]) -> float:
    return shares.get(option.reason, 1.0) * shares.get(f"landmark {option.phrases.landmark.noun}", 1.0)
