"""Choose negatives so that the gold caption has any place among the ten, as a reader who sees only words ranks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from scar.sample import NEGATIVES_PER_PART, PARTS, Part


def choose_places(above: Mapping[Part, Sequence[bool]], seed: str) -> dict[Part, list[int]]:
    """Choose three negatives of each part.

    A place of the gold caption is drawn from 1 to 10, and spread over the parts: so many negatives score above it. In a
    part with too few above or below, the place is the next possible one. In each part, all numbers from 0 to 3 above
    are equally likely.

    Args:
        above: by part, whether each of its candidates scores above the gold caption; in order of preference, and at
            least three.
        seed: seed of the choice.

    Returns:
        By part, the indices of the chosen candidates, ascending.
    """
    rng = Random(seed)  # noqa: S311 - choices of a corpus, not secrets
    total = NEGATIVES_PER_PART * len(PARTS)
    slots = set(rng.sample(range(total), rng.randint(0, total)))
    chosen: dict[Part, list[int]] = {}
    for number, part in enumerate(PARTS):
        higher = [index for index, is_above in enumerate(above[part]) if is_above]
        lower = [index for index, is_above in enumerate(above[part]) if not is_above]
        own = range(number * NEGATIVES_PER_PART, (number + 1) * NEGATIVES_PER_PART)
        count = sum(slot in slots for slot in own)
        count = min(max(count, NEGATIVES_PER_PART - len(lower)), len(higher))
        chosen[part] = sorted([*higher[:count], *lower[: NEGATIVES_PER_PART - count]])
    return chosen
