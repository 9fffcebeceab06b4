"""A rank is what sorting by centres says; sizes are compared of whole things."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scar.evidence.ordinals import NUMBERS, RANKS, find_ordinals, list_rank_predicates, name_others
from scar.evidence.picture_evidence import PictureEvidence
from scar.language.relation_phrase import LARGER_THAN
from scar.sample import Picture
from tests.scar.evidence.drawings import HEIGHT, WIDTH, Rectangle, mirror, place, reverse, things

PEOPLE = ("person", "person", "person", "dog")


def told(picture: Picture) -> set[tuple[int, str, str]]:
    """Region, predicate and group of each rank."""
    evidence = PictureEvidence(picture)
    return {
        (region.id, predicate, group.text)
        for region in picture.regions
        for predicate, group in find_ordinals(evidence, region)
    }


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[str, Rectangle]]:
    """Persons side by side, in any order."""
    count, width = draw(st.integers(2, 8)), 24
    steps = [(30 + 34 * number, 60 + draw(st.integers(0, 8))) for number in range(count)]
    return [("person", (x, y, x + width, y + 80)) for x, y in draw(st.permutations(steps))]


@settings(max_examples=60, deadline=None)
@given(rows())
def test_a_rank_is_the_place_in_the_row_from_the_nearer_end(row: list[tuple[str, Rectangle]]) -> None:
    order = sorted(range(len(row)), key=lambda number: row[number][1][0])
    expected = set()
    if 3 <= len(row) <= len(RANKS):
        for place_in_row, number in enumerate(order):
            right = len(row) - 1 - place_in_row
            end = f"{RANKS[place_in_row]} from the left" if place_in_row <= right else f"{RANKS[right]} from the right"
            expected.add((number, f"{end} in", f"a row of {NUMBERS[len(row)]}"))
    assert {rank for rank in told(place(*row)) if rank[1] != LARGER_THAN} == expected


@settings(max_examples=60, deadline=None)
@given(things(PEOPLE))
def test_each_rank_is_told_of_one_thing_and_of_the_one_that_sorting_says(some: list[tuple[str, Rectangle]]) -> None:
    picture = place(*some)
    ranks = told(picture)
    kinds = {number: region.category for number, region in enumerate(picture.regions)}
    assert len({(kinds[number], *rest) for number, *rest in ranks}) == len(ranks)
    for number, predicate, group in ranks:
        region = picture.regions[number]
        alike, box = picture.regions_by_category[region.category], region.box
        if predicate == LARGER_THAN:
            assert max(alike, key=lambda other: other.box.area).id == number
            assert box.x0 > 0
            assert box.x1 < WIDTH
            assert box.y1 < HEIGHT
        else:
            rank, _, _, end, _ = predicate.split()
            by_center = sorted(alike, key=lambda other: other.box.center[0], reverse=end == "right")
            assert by_center[RANKS.index(rank)].id == number
            assert group == f"a row of {NUMBERS[len(alike)]}"


@settings(max_examples=60, deadline=None)
@given(things(PEOPLE))
def test_the_order_of_regions_does_not_matter(some: list[tuple[str, Rectangle]]) -> None:
    assert told(place(*some)) == told(reverse(place(*some)))


@settings(max_examples=60, deadline=None)
@given(rows())
def test_a_mirror_swaps_the_ends_of_a_row_but_for_its_middle(row: list[tuple[str, Rectangle]]) -> None:
    assume(3 <= len(row) <= len(RANKS))
    swap = {"left": "right", "right": "left"}
    for number, predicate, group in told(place(*row)):
        rank, end = predicate.split()[0], predicate.split()[3]
        is_middle = 2 * RANKS.index(rank) + 1 == len(row)
        expected = f"{rank} from the {end if is_middle else swap[end]} in"
        assert (number, expected, group) in told(place(*mirror(row)))


def test_sizes_of_things_that_are_cut_off_or_overlap_are_not_compared() -> None:
    small = [("dog", (120, 90, 140, 110)), ("dog", (200, 95, 220, 115))]
    assert (0, LARGER_THAN, "two others") in told(place(("dog", (10, 10, 90, 90)), *small))
    assert not told(place(("dog", (0, 10, 90, 90)), *small))
    assert not told(place(("dog", (10, 10, 125, 105)), *small))


def test_sizes_of_things_at_other_distances_are_not_compared() -> None:
    far = [("dog", (120, 20, 140, 40)), ("dog", (200, 20, 220, 40))]
    assert not told(place(("dog", (10, 60, 90, 140)), *far))


def test_what_is_bent_or_has_one_farther_away_is_no_row() -> None:
    people = [("person", (30 + 40 * number, 60, 54 + 40 * number, 140)) for number in range(4)]
    assert len(told(place(*people))) == 4
    for box in ((70, 100, 94, 180), (70, 60, 94, 99)):
        assert not told(place(people[0], ("person", box), *people[2:]))
    assert not told(place(*people[:3], ("person", (260, 60, 284, 140))))


def test_there_is_no_rank_with_a_crowd() -> None:
    row = [("person", (30 + 40 * number, 60, 54 + 40 * number, 140)) for number in range(4)]
    assert len(told(place(*row))) == 4
    assert not told(place(*row, crowds=(2,)))


def test_all_other_ranks_of_a_row_are_listed_and_the_true_one_is_not() -> None:
    for count in range(3, len(RANKS) + 1):
        row = [("person", (20 + 40 * number, 60, 44 + 40 * number, 140)) for number in range(count)]
        for number, predicate, _ in told(place(*row)):
            others = {rank for other, rank, _ in told(place(*row)) if other != number}
            assert predicate not in list_rank_predicates(predicate, count)
            assert others <= set(list_rank_predicates(predicate, count))


def test_words_for_others() -> None:
    assert [name_others("dog", count).text for count in (1, 2, 6, 7)] == [
        "another one",
        "two others",
        "six others",
        "several others",
    ]
