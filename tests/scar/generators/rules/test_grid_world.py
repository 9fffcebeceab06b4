"""Every negative is false, by brute force, in pictures whose things stand in the cells of a grid."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from scar.generators.generator import Rejected
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import write_negatives
from scar.language.english import strip_article
from scar.sample import Box, Caption, Picture, Region
from tests.scar.generators.tasks import make_task, write_gold

NAMES = ("dog", "bus", "umbrella", "pizza", "clock", "toothbrush", "zebra", "kite")
STATS = CaptionStats(annotated=frozenset(NAMES))
CELL, SIZE = 120, 60
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}

Cell = tuple[int, int]
World = dict[Cell, str]
"""Column and row of a thing -> what it is."""

worlds = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 3)), st.sampled_from(NAMES), min_size=2, max_size=7
)


def make_picture(world: World) -> Picture:
    regions = tuple(
        Region(number, Box(x * CELL + 20, y * CELL + 20, x * CELL + 20 + SIZE, y * CELL + 20 + SIZE), name)
        for number, ((x, y), name) in enumerate(world.items())
    )
    return Picture(1, "a.jpg", 6 * CELL, 4 * CELL, regions)


def may_be_true(predicate: str, cell: Cell, other: Cell) -> bool:
    """What a strict reader might accept of two cells: things of two cells touch nowhere."""
    (x, y), (other_x, other_y) = cell, other
    return {
        "to the left of": x < other_x and y == other_y,
        "to the right of": x > other_x and y == other_y,
        "above": y < other_y and x == other_x,
        "below": y > other_y and x == other_x,
        "under": y > other_y and x == other_x,
        "next to": y == other_y and abs(x - other_x) == 1,
        "in front of": y > other_y and x == other_x,
        "behind": y < other_y and x == other_x,
    }.get(predicate, False)


def holds(predicate: str, scene: str, cell: Cell, world: World) -> bool:
    """Whether a reader might accept "the thing of a cell <predicate> <scene>"."""
    name = world[cell]
    others = [place for place, other in world.items() if other == name and place != cell]
    if scene.startswith("a row of "):
        return False  # ranks are tested with the rows themselves
    if scene == "another one":
        return any(may_be_true(predicate, cell, place) for place in others)
    if scene.endswith(" others"):
        number = NUMBERS[scene.split()[0]]
        return len(others) >= number and all(may_be_true(predicate, cell, place) for place in others)
    noun = strip_article(scene)
    return any(may_be_true(predicate, cell, place) for place, other in world.items() if other == noun)


@settings(max_examples=200, deadline=None)
@given(worlds, st.integers(0, 3))
def test_no_negative_is_true(world: World, seed: int) -> None:
    picture = make_picture(world)
    for region, cell in zip(picture.regions, world, strict=True):
        task = make_task(picture, region, seed)
        gold = write_gold(task)
        if gold is None or gold.phrases.relation.landmark:
            continue
        (nine,) = write_negatives([(task, gold)], Counter(), STATS)
        if isinstance(nine, Rejected):
            continue
        assert len({gold.caption.text, *(negative.caption.text for negative in nine)}) == 10
        for negative in nine:
            false = negative.caption
            assert differing_parts(gold.caption, false) == [negative.part]
            if negative.part == "object":
                assert strip_article(false.object) != world[cell]
            else:
                assert not holds(false.relation, false.scene, cell, world), (gold.caption.text, false.text)


def differing_parts(gold: Caption, false: Caption) -> list[str]:
    return [part for part in ("scene", "relation", "object") if getattr(gold, part) != getattr(false, part)]
