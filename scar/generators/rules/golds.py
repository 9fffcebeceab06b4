"""The gold caption of a region: the most natural of the captions that the evidence gives and that tell it apart."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from random import Random

from scar.generators.generator import Gold, GoldTask, Rejected
from scar.generators.rules.negatives import FEW_NEGATIVES, have_false_relations, list_nouns
from scar.generators.rules.noun_table import NounTable
from scar.generators.rules.records import RulesGold, TrueCaption
from scar.generators.rules.true_captions import list_true_captions
from scar.sample import RANKING_REASONS, Reason

NO_EVIDENCE, OVER_SHARE = "no_caption", "position_share"
"""Reasons to reject a region: nothing tells it apart, or only captions do of which the source has enough already."""

RANKED = "ranked"
"""The key, in ``shares``, of positions and ordinals."""

_PROBLEMS = (NO_EVIDENCE, FEW_NEGATIVES, OVER_SHARE)
"""Of several problems of a region's captions, the last one is its reason."""


_ORDER: tuple[Reason | None, ...] = ("human", "mask", "annotated", None, "direction", *RANKING_REASONS)
"""The reasons in the order in which they count; None stands for captions that tell the place alone."""


def write_golds(
    tasks: Sequence[GoldTask],
    shares: Mapping[str, float] | None = None,
    known: Mapping[str, Gold | Rejected] | None = None,
) -> list[Gold | Rejected]:
    """Choose the true caption of the region of each task, or reject the region.

    The first reason in the order of `_ORDER` that has captions counts; of its captions, weights and chance choose one.
    A caption that tells the place alone comes before directions, ranks and positions: it is truer, and more natural.
    A caption whose relation has no three false alternatives is passed over.

    Args:
        tasks: the regions.
        shares: share of the captions to keep, by `RANKED` and by landmark ("landmark person"); 1 for all others. Ranks
            and positions are kept by image, see `draw_rank`. A region whose caption is not kept gets its next one.
            None keeps all. `fit_shares` finds them.
        known: results of this function with these shares, by the key of the task: they are not worked out again.
    """
    if known:
        missing = iter(write_golds([task for task in tasks if task.key not in known], shares))
        return [known[task.key] if task.key in known else next(missing) for task in tasks]
    several = [list_true_captions(task.evidence, task.region) for task in tasks]
    lists = (list_nouns(task, (true.phrases for true in own)) for task, own in zip(tasks, several, strict=True))
    nouns = NounTable(noun for own in lists for noun in own)
    choices = [_choose_gold(task, own, shares or {}) for task, own in zip(tasks, several, strict=True)]
    results: list[Gold | Rejected] = [Rejected(NO_EVIDENCE)] * len(tasks)
    answers: dict[int, bool | None] = dict.fromkeys(range(len(tasks)))
    while answers:
        asked: list[tuple[int, TrueCaption]] = []
        for number, answer in answers.items():
            try:
                asked.append((number, choices[number].send(answer)))
            except StopIteration as end:
                results[number] = end.value
        tested = have_false_relations([(tasks[number], true.phrases) for number, true in asked], nouns)
        answers = {number: has for (number, _), has in zip(asked, tested, strict=True)}
    return results


def _choose_gold(
    task: GoldTask, captions: Sequence[TrueCaption], shares: Mapping[str, float]
) -> Generator[TrueCaption, bool | None, Gold | Rejected]:
    """Choose one of the true captions of a region; of each yielded one, ask whether it has three false relations."""
    rng = Random(f"{task.key}/gold")  # noqa: S311 - choices of a corpus, not secrets
    groups: dict[Reason | None, list[TrueCaption]] = {kind: [] for kind in _ORDER}
    for true in captions:
        groups[None if true.is_scene_only else true.reason].append(true)
    problem = NO_EVIDENCE
    for kind, options in groups.items():
        is_ranking = kind in RANKING_REASONS
        is_over = kind is not None and is_ranking and draw_rank(task, kind) >= shares.get(RANKED, 1.0)
        is_kept = rng.random()
        while options:
            (true,) = rng.choices(options, [option.weight for option in options])
            options.remove(true)
            landmark_share = 1.0 if is_ranking else shares.get(f"landmark {true.phrases.landmark.noun}", 1.0)
            if not (yield true):
                problem = max(problem, FEW_NEGATIVES, key=_PROBLEMS.index)
            elif is_over or is_kept >= landmark_share:
                problem = OVER_SHARE
            else:
                return RulesGold(true.phrases.caption, true.reason, true.phrases)
    return Rejected(problem)


def draw_rank(task: GoldTask, reason: Reason) -> float:
    """Draw a number from 0 to 1 for the image of a task; its ranks and positions are kept if their share is above it.

    Ordinals have numbers below 0.5 and positions others, which nobody would say: they are kept if there is room for
    all ordinals. All regions of an image share their numbers. Otherwise an image of ten chairs in a row, of which five
    are chosen, would have five ranks kept at a share of a half.
    """
    source = task.key.rpartition("/")[0]
    drawn = Random(f"{source}/{task.evidence.picture.file}/ranks").random()  # noqa: S311 - as above
    return (drawn + (reason == "position")) / 2
