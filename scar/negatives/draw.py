"""Nine negatives for a gold caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from scar.negatives.rules import swap_object, swap_relation, swap_scene
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region
from scar.vetoes import Context, veto

SWAPS: dict[Part, Callable[[Caption, Picture, Region, Random], Iterator[Caption]]] = {
    "scene": swap_scene,
    "relation": swap_relation,
    "object": swap_object,
}


def draw(
    gold: Caption, picture: Picture, region: Region, rng: Random, tally: Counter[str]
) -> tuple[Negative, ...] | None:
    """Nine negatives, three of each part in the order of `PARTS`; with the gold caption ten distinct texts.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the captions are about.
        rng: the only chance in it.
        tally: counts every proposal that is refused, under its reason.

    Returns:
        None when the rules do not have three of each part that are plainly false.
    """
    accepted: list[Negative] = []
    context = Context(picture, region)
    for part in PARTS:
        enough = len(accepted) + NEGATIVES_PER_PART
        for caption in SWAPS[part](gold, picture, region, rng):
            negative = Negative(part, caption)
            reason = veto(gold, negative, context)
            if reason:
                tally[reason] += 1
                continue
            accepted.append(negative)
            context.taken.add(caption.text.lower())
            if len(accepted) == enough:
                break
        if len(accepted) < enough:
            return None
    return tuple(accepted)
