"""Ranks of a region among the things of its kind in the picture: in a row from the left, or by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from scar.evidence.picture_evidence import PictureEvidence
from scar.evidence.thing_groups import is_stuff
from scar.evidence.visibility import is_well_seen
from scar.language import english
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import IN_ROW, LARGER_THAN
from scar.sample import Box, Picture, Region

NUMBERS = {count: english.NUMBER_WORDS[count - 1] for count in range(2, 7)}
"""The numbers of things in a row: more than a reader counts at a glance have no ranks."""

RANKS = ("first", "second", "third", "fourth", "fifth", "sixth")
"""The ranks in a row, from either end."""

_MIN_STEP_SHARE = 0.35
"""Least distance between the centres of two neighbours in a row, as a share of their mean width: else nobody counts."""

_MIN_LEVEL_SHARE = 0.3
"""Least common height of two neighbours in a row, as a share of the smaller height."""

_MAX_SIZE_RATIO = 2
"""Largest ratio of the heights of two things in a row: a smaller one is farther away and in no row with the other."""

_MIN_ROW_SHARE = 0.015
"""Least share of the picture that each thing in a row covers: a reader counts all of them."""

_MAX_STEP_SHARE = 4
"""Largest distance between the centres of two neighbours in a row, as a share of their mean width."""

_MAX_BEND_SHARE = 0.3
"""Largest distance of a thing's lower edge from the line through those of both ends, as a share of the mean height."""

_MAX_FOOT_OFFSET = 0.5
"""Largest offset of the lower edges of two things whose sizes are compared, as a share of the larger height.

With a larger one, the lower thing is nearer to the viewer, and not larger."""

_MIN_AREA_RATIO = 2.0
"""Least ratio of the areas of the largest thing (or the smallest) and the next one, and of their heights' square."""

_MARGIN_SHARE = 0.005
"""Share of the picture at its frame; a thing that reaches into it may be cut off, and its size is open."""


def find_ordinals(evidence: PictureEvidence, region: Region) -> Iterator[tuple[str, NounPhrase]]:
    """Yield predicate and group of each rank that a region clearly has among the things of its name in the picture.

    A rank is a place in a row, "second from the left in" + "a row of four", or the largest size, "larger than" + "two
    others". Sizes are compared only if all things are whole: neither cut off by the frame nor overlapping. There are no
    ranks if the picture has fewer than three things of the name, more than a reader counts at a glance, or a crowd.
    """
    name = evidence.things[region.category].name
    group = evidence.regions_by_name[name]
    if not 3 <= len(group) <= max(NUMBERS) or is_stuff(region.category) or any(other.crowd for other in group):
        return
    row = sorted((other.box for other in group), key=lambda box: box.x0 + box.x1)
    if _is_row(row) and all(is_well_seen(box, evidence.picture, _MIN_ROW_SHARE) for box in row):
        rank = _name_rank(row.index(region.box), len(row))
        yield f"{rank} {IN_ROW}", NounPhrase(f"a row of {NUMBERS[len(row)]}", name, plural=True)
    others = [other.box for other in group if other.id != region.id]
    are_whole = all(_is_whole(other.box, evidence.picture) for other in group)
    are_apart = not any(a.box.intersection_area(b.box) for a, b in combinations(group, 2))
    is_largest = all(_is_larger(region.box, other) and _is_level(region.box, other) for other in others)
    if are_whole and are_apart and is_largest:
        yield LARGER_THAN, name_others(name, len(others))


def name_others(name: str, count: int) -> NounPhrase:
    """The words for ``count`` more things of a name that the caption has already said: "another one", "two others"."""
    if count == 1:
        return NounPhrase("another one", name)
    return NounPhrase(f"{NUMBERS.get(count, 'several')} others", name, plural=True)


def list_rank_predicates(rank: str, count: int) -> tuple[str, ...]:
    """The predicates of the other ranks in a row, up to the third from either end; most ranks have two predicates.

    Args:
        rank: predicate of the true rank, as `find_ordinals` gives it.
        count: number of things in the row.

    >>> list_rank_predicates("first from the left in", 3)
    ('second from the left in', 'second from the right in', 'third from the left in', 'first from the right in')
    """
    true = next(i for i in range(count) if f"{_name_rank(i, count)} {IN_ROW}" == rank)
    names = ((f"{RANKS[i]} from the left", f"{RANKS[count - 1 - i]} from the right") for i in range(count) if i != true)
    return tuple(f"{name} {IN_ROW}" for pair in names for name in pair if not name.startswith(RANKS[3:]))


def _is_row(row: Sequence[Box]) -> bool:
    """Whether boxes, sorted by their centres, stand side by side."""
    for box, after in pairwise(row):
        step = (after.x0 + after.x1 - box.x0 - box.x1) / 2
        width = (box.width + after.width) / 2
        if not _MIN_STEP_SHARE * width <= step <= _MAX_STEP_SHARE * width or box.x0 > after.x0 or box.x1 > after.x1:
            return False
        common = min(box.y1, after.y1) - max(box.y0, after.y0)
        if common < _MIN_LEVEL_SHARE * min(box.height, after.height):
            return False
    heights = [box.height for box in row]
    return max(heights) <= _MAX_SIZE_RATIO * min(heights) and _is_straight(row)


def _is_straight(row: Sequence[Box]) -> bool:
    """Whether the lower edges of boxes, from the left, are on one line: persons around a table are in no row."""
    first, last = row[0], row[-1]
    slope = (last.y1 - first.y1) / ((last.center[0] - first.center[0]) or 1)
    most = _MAX_BEND_SHARE * sum(box.height for box in row) / len(row)
    return all(abs(box.y1 - first.y1 - slope * (box.center[0] - first.center[0])) <= most for box in row)


def _name_rank(index: int, count: int) -> str:
    """Words for a rank in a row, from the nearer end; the left end for the middle.

    >>> [_name_rank(index, 4) for index in range(4)]
    ['first from the left', 'second from the left', 'second from the right', 'first from the right']
    """
    from_right = count - 1 - index
    return f"{RANKS[index]} from the left" if index <= from_right else f"{RANKS[from_right]} from the right"


def _is_whole(box: Box, picture: Picture) -> bool:
    """Whether the frame of the picture does not cut a thing off."""
    margin_x, margin_y = _MARGIN_SHARE * picture.width, _MARGIN_SHARE * picture.height
    return (
        box.x0 > margin_x
        and box.y0 > margin_y
        and box.x1 < picture.width - margin_x
        and box.y1 < picture.height - margin_y
    )


def _is_larger(box: Box, other: Box) -> bool:
    return box.area >= _MIN_AREA_RATIO * other.area and box.height**2 >= _MIN_AREA_RATIO * other.height**2 / 2


def _is_level(box: Box, other: Box) -> bool:
    """Whether the lower edges of two boxes are at one level, so that neither thing is clearly nearer."""
    return abs(box.y1 - other.y1) <= _MAX_FOOT_OFFSET * max(box.height, other.height)
