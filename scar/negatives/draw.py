"""Nine negatives for a gold caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from scar.negatives.lots import drawn_together
from scar.negatives.pools import Pools, fit
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Picture, Region
from scar.vetoes import Context, veto

TABLES = Pools()


def draw(
    gold: Caption, picture: Picture, region: Region, rng: Random, tally: Counter[str], pools: Pools = TABLES
) -> tuple[Negative, ...] | None:
    """Nine negatives, three of each part in the order of `PARTS`; with the gold caption ten distinct texts.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the captions are about.
        rng: the only chance in it.
        tally: counts every proposal that is refused, under its reason.
        pools: how likely each element is drawn; by default as the tables say.

    Returns:
        None when the rules do not have three of each part that are plainly false.
    """
    accepted: list[Negative] = []
    context = Context(picture, region)
    for part in PARTS:
        enough = len(accepted) + NEGATIVES_PER_PART
        seen: set[str] = set()
        for value in drawn_together(pools.urns(part, gold, picture, region), rng):
            if value in seen:
                continue
            seen.add(value)
            negative = Negative(part, gold.swap(part, value))
            reason = veto(gold, negative, context)
            if reason:
                tally[reason] += 1
                continue
            accepted.append(negative)
            context.taken.add(negative.caption.text.lower())
            if len(accepted) == enough:
                break
        if len(accepted) < enough:
            return None
    return tuple(accepted)


def fitted(
    told: Sequence[tuple[Caption, Picture, Region]], rng: Random, whole: bool
) -> Callable[..., tuple[Negative, ...] | None]:
    """`draw` with pools that suit a corpus, by true captions of it; see `fit`."""
    return partial(draw, pools=fit(told, rng, whole=whole))
