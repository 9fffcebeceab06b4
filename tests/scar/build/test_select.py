"""At most five regions of a picture, of as many categories as there are; the others are counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scar.build.select import select_regions
from scar.recipe import Source
from scar.sample import Box, Picture, Region

boxes = st.builds(Box.from_xywh, st.just(0), st.just(0), st.integers(1, 100), st.integers(1, 100))
kinds = st.tuples(boxes, st.sampled_from("abc"), st.booleans())


def source(**limits: Any) -> Source:
    """A source with some limits."""
    return Source(name="Toy", split="eval", images=Path("images"), instances=Path("instances.json"), **limits)


def picture(things: list[tuple[Box, str, bool]]) -> Picture:
    regions = tuple(Region(number, box, category, crowd=crowd) for number, (box, category, crowd) in enumerate(things))
    return Picture(1, "x.png", 100, 100, regions)


@given(st.lists(kinds, max_size=20), st.integers(1, 6), st.integers(0, 9))
def test_selection_by_definition(things: list[tuple[Box, str, bool]], most: int, seed: int) -> None:
    limited = source(max_per_image=most, min_side=10, min_area_share=0.02)
    rejected: Counter[str] = Counter()
    chosen = select_regions(picture(things), limited, Random(seed), rejected)

    crowds = [box for box, _, crowd in things if crowd]
    fit = [(box, name) for box, name, crowd in things if not crowd and min(box.xywh[2:]) >= 10 and box.area >= 200]
    counts = Counter(name for _, name in fit)
    assert len(chosen) == min(most, len(fit))
    assert rejected["crowd"] == len(crowds)
    assert rejected["small"] == len(things) - len(crowds) - len(fit)
    assert rejected["over_limit"] == len(fit) - len(chosen)
    assert all(rejected.values())
    assert [region.id for region in chosen] == sorted({region.id for region in chosen})
    assert all((region.box, region.category) in fit for region in chosen)
    # Brute force: fill round by round, one of each category that has any left.
    taken = Counter(region.category for region in chosen)
    rounds = max(taken.values(), default=0)
    for name, there in counts.items():
        assert min(there, rounds - 1) <= taken[name] <= min(there, rounds)


def test_the_seed_alone_decides() -> None:
    everyone = picture([(Box(0, 0, 50, 50), "a", False)] * 30)
    choices = {
        tuple(region.id for region in select_regions(everyone, source(), Random(seed), Counter())) for seed in range(20)
    }
    assert len(choices) > 15
    again = [select_regions(everyone, source(), Random(4), Counter()) for _ in range(2)]
    assert again[0] == again[1]


def test_every_region_has_its_chance() -> None:
    everyone = picture([(Box(0, 0, 50, 50), "a", False)] * 10)
    times = Counter(
        region.id for seed in range(400) for region in select_regions(everyone, source(), Random(seed), Counter())
    )
    assert min(times.values()) > 150  # of 200 expected
