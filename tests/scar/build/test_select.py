"""At most five regions of a picture, those that a caption tells apart first, of as many categories as there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scar.build.select import choose_regions, list_eligible_regions, shuffle_regions
from scar.recipe import Source
from scar.sample import Box, Picture, Region

boxes = st.builds(Box.from_xywh, st.just(0), st.just(0), st.integers(1, 100), st.integers(1, 100))
kinds = st.tuples(boxes, st.sampled_from("abc"), st.booleans())
groups = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=20)


def source(**limits: Any) -> Source:
    """A source with some limits."""
    return Source(name="Toy", split="eval", images=Path("images"), instances=Path("instances.json"), **limits)


def picture(things: list[tuple[Box, str, bool]]) -> Picture:
    regions = tuple(Region(number, box, category, crowd=crowd) for number, (box, category, crowd) in enumerate(things))
    return Picture(1, "x.png", 100, 100, regions)


def make_regions(categories: list[str]) -> list[Region]:
    return [Region(number, Box(0, 0, 50, 50), category) for number, category in enumerate(categories)]


@given(st.lists(kinds, max_size=20))
def test_eligible_regions_by_definition(things: list[tuple[Box, str, bool]]) -> None:
    rejected: Counter[str] = Counter()
    eligible = list_eligible_regions(picture(things), source(min_side=10, min_area_share=0.02), rejected)
    fit = [
        number
        for number, (box, _, crowd) in enumerate(things)
        if not crowd and min(box.xywh[2:]) >= 10 and box.area >= 200
    ]
    crowds = sum(crowd for _, _, crowd in things)
    assert [region.id for region in eligible] == fit
    assert +rejected == rejected == +Counter(crowd=crowds, small=len(things) - crowds - len(fit))


def choose(regions: list[Region], tiers: dict[int, int], most: int, seed: int) -> list[Region]:
    return choose_regions(shuffle_regions(regions, Random(seed)), tiers, most)


def make_tiers(things: list[tuple[str, int]]) -> dict[int, int]:
    return {number: tier for number, (_, tier) in enumerate(things)}


@given(groups, st.integers(1, 6), st.integers(0, 9))
def test_choice_by_definition(things: list[tuple[str, int]], most: int, seed: int) -> None:
    regions = make_regions([category for category, _ in things])
    chosen = [region.id for region in choose(regions, make_tiers(things), most, seed)]
    assert len(chosen) == min(most, len(regions))
    assert chosen == sorted(set(chosen))
    left = most
    for tier in range(3):
        of_tier = [number for number, (_, other) in enumerate(things) if other == tier]
        taken = Counter(things[number][0] for number in of_tier if number in chosen)
        # A region takes no place of one of a lower tier.
        assert taken.total() == min(left, len(of_tier))
        left -= taken.total()
        if tier:
            continue
        # Brute force: fill round by round, one of each category that has any left.
        rounds = max(taken.values(), default=0)
        for name, count in Counter(things[number][0] for number in of_tier).items():
            assert min(count, rounds - 1) <= taken[name] <= min(count, rounds)


@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(1, 6), st.integers(0, 9), st.integers(0, 2))
def test_within_one_tier_categories_alone_decide(categories: list[str], most: int, seed: int, tier: int) -> None:
    regions = make_regions(categories)
    tiers = dict.fromkeys(range(len(regions)), tier)
    taken = Counter(region.category for region in choose(regions, tiers, most, seed))
    rounds = max(taken.values(), default=0)
    for name, count in Counter(categories).items():
        assert min(count, rounds - 1) <= taken[name] <= min(count, rounds)


@given(groups, st.integers(1, 6), st.integers(0, 9))
def test_the_choice_does_not_depend_on_the_order_of_the_tiers(
    things: list[tuple[str, int]], most: int, seed: int
) -> None:
    regions = make_regions([category for category, _ in things])
    tiers = make_tiers(things)
    once = choose(regions, tiers, most, seed)
    assert once == choose(regions, dict(reversed(tiers.items())), most, seed)


@given(groups, st.integers(1, 6), st.integers(0, 9))
def test_tiers_that_are_asked_for_when_they_are_needed_give_the_same_choice(
    things: list[tuple[str, int]], most: int, seed: int
) -> None:
    regions, tiers, known = make_regions([category for category, _ in things]), make_tiers(things), dict[int, int]()
    while missing := {region.id for region in choose(regions, known, most, seed)} - known.keys():
        known |= {number: tiers[number] for number in missing}
    assert choose(regions, known, most, seed) == choose(regions, tiers, most, seed)


def test_the_seed_alone_decides() -> None:
    regions, tiers = make_regions(["a"] * 30), dict.fromkeys(range(30), 2)
    choices = {tuple(region.id for region in choose(regions, tiers, 5, seed)) for seed in range(20)}
    assert len(choices) > 15
    assert choose(regions, tiers, 5, 4) == choose(regions, tiers, 5, 4)


def test_every_region_has_its_chance() -> None:
    regions, tiers = make_regions(["a"] * 10), dict.fromkeys(range(10), 2)
    times = Counter(region.id for seed in range(400) for region in choose(regions, tiers, 5, seed))
    assert min(times.values()) > 150  # of 200 expected
