"""What boxes say about where a thing is: what plainly holds, and what plainly does not.

Between the two lies what a reader may see either way; it is neither claimed nor denied. Directions are those of the
picture, as its viewer sees it.
"""

from __future__ import annotations

from collections.abc import Mapping

from scar.sample import Box, Picture

DIRECTIONS = LEFT, RIGHT, ABOVE, BELOW = ("to the left of", "to the right of", "above", "below")
"""How a thing stands to another."""

_HORIZONTAL, _VERTICAL = frozenset({LEFT, RIGHT}), frozenset({ABOVE, BELOW})

SUPPORT, INSIDE = "on", "inside"
"""How a thing stands to what bears it, and to what holds it."""

NEXT_TO = "next to"
"""How a thing stands to one that is close by on the left or right."""

IN_FRONT_OF, BEHIND = "in front of", "behind"
"""How things stand that are one behind the other; boxes do not tell, masks may."""

POSITIONS: Mapping[str, int] = {
    "on the left of": 7,
    "on the right of": 7,
    "at the top of": 4,
    "at the bottom of": 5,
    "in the middle of": 6,
    "filling most of": 1,
}
"""Where a thing is in the picture, and how often things are there, against each other."""

OPPOSITES: Mapping[str, str] = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
    IN_FRONT_OF: BEHIND,
    BEHIND: IN_FRONT_OF,
}

_MAX_OVERLAP_SHARE = 0.1
"""Share of the smaller of two things by which they may reach into each other and still lie side by side."""

_MIN_LEVEL_SHARE = 0.4
"""Share of the smaller of two things that must be level with the other for them to lie side by side."""

_MIN_ORDER_OFFSET_SHARE = 0.15
"""How far past each other's centre two things must be before their order is plain: share of their mean size."""

_MAX_NEUTRAL_OFFSET_SHARE = 0.3
"""How far apart the centres of two things may be for none to count as further along: share of the larger one."""

_MAX_GAP_SHARE = 0.3
"""Two things side by side are next to each other if the gap is at most this part of the narrower one's width."""

_MIN_WITHIN_SHARE = 0.9
"""Share of its box that a thing has in the box of what it lies on."""


def find_directions(box: Box, other: Box) -> tuple[str, ...]:
    """The `DIRECTIONS` in which `box` plainly stands to `other`: clear of it, and level with it."""
    width, height = _smaller_of(box.x1 - box.x0, other.x1 - other.x0), _smaller_of(box.y1 - box.y0, other.y1 - other.y0)
    found = []
    if _smaller_of(box.y1, other.y1) - _larger_of(box.y0, other.y0) >= _MIN_LEVEL_SHARE * height:
        if other.x0 - box.x1 >= -_MAX_OVERLAP_SHARE * width:
            found.append(LEFT)
        if box.x0 - other.x1 >= -_MAX_OVERLAP_SHARE * width:
            found.append(RIGHT)
    if _smaller_of(box.x1, other.x1) - _larger_of(box.x0, other.x0) >= _MIN_LEVEL_SHARE * width:
        if other.y0 - box.y1 >= -_MAX_OVERLAP_SHARE * height:
            found.append(ABOVE)
        if box.y0 - other.y1 >= -_MAX_OVERLAP_SHARE * height:
            found.append(BELOW)
    return tuple(found)


def is_in_direction(direction: str, box: Box, other: Box) -> bool:
    """Whether `box` plainly stands in `direction` to `other`."""
    return direction in find_directions(box, other)


def is_out_of_direction(direction: str, box: Box, other: Box) -> bool:
    """Whether `box` plainly does not stand in `direction` to `other`: it is past it the other way, or beside it.

    Beside means in a direction of the other axis, without any offset that a reader could take for this one.
    """
    sideways = direction in _HORIZONTAL
    if sideways:
        offset = ((box.x0 + box.x1) - (other.x0 + other.x1)) / 2
        size, other_size = box.x1 - box.x0, other.x1 - other.x0
    else:
        offset = ((box.y0 + box.y1) - (other.y0 + other.y1)) / 2
        size, other_size = box.y1 - box.y0, other.y1 - other.y0
    past = offset if direction in (LEFT, ABOVE) else -offset
    if past >= _MIN_ORDER_OFFSET_SHARE * (size + other_size) / 2:
        return True
    across = _VERTICAL if sideways else _HORIZONTAL
    return abs(offset) <= _MAX_NEUTRAL_OFFSET_SHARE * _larger_of(size, other_size) and not across.isdisjoint(
        find_directions(box, other)
    )


def is_next_to(box: Box, other: Box) -> bool:
    """Whether two things plainly are next to each other: side by side, of like height, with little between."""
    if _larger_of(box.x0, other.x0) - _smaller_of(box.x1, other.x1) > _MAX_GAP_SHARE * _smaller_of(
        box.width, other.width
    ):
        return False
    alike = _larger_of(box.height, other.height) <= 2 * _smaller_of(box.height, other.height)
    return alike and not _HORIZONTAL.isdisjoint(find_directions(box, other))


def is_apart(box: Box, other: Box) -> bool:
    """Whether two things plainly are not next to each other: there is room for the larger one between them."""
    across = _larger_of(box.x0, other.x0) - _smaller_of(box.x1, other.x1)
    along = _larger_of(box.y0, other.y0) - _smaller_of(box.y1, other.y1)
    return across >= _larger_of(box.width, other.width) or along >= _larger_of(box.height, other.height)


def is_within_bearer(box: Box, other: Box) -> bool:
    """Whether a thing that lies on or in such a thing, or is worn by it, plainly does so here: it is within its box."""
    return box.intersection_area(other) >= _MIN_WITHIN_SHARE * box.area and box.area < other.area


def find_positions(box: Box, picture: Picture) -> tuple[str, ...]:
    """The `POSITIONS` at which a thing plainly is in the picture."""
    share = _scale_to_unit(box, picture)
    x, y = share.center
    at = {
        "on the left of": share.x1 <= 0.5 and x <= 0.36,
        "on the right of": share.x0 >= 0.5 and x >= 0.64,
        "at the top of": share.y1 <= 0.5 and y <= 0.3,
        "at the bottom of": share.y0 >= 0.5 and y >= 0.7,
        "in the middle of": abs(x - 0.5) <= 0.12 and abs(y - 0.5) <= 0.14 and share.area <= 0.4,
        "filling most of": share.area >= 0.6,
    }
    return tuple([position for position, true in at.items() if true])


def find_denied_positions(box: Box, picture: Picture) -> frozenset[str]:
    """The `POSITIONS` at which a thing plainly is not: it is elsewhere in the picture, or smaller."""
    share = _scale_to_unit(box, picture)
    x, y = share.center
    not_at = {
        "on the left of": share.width >= 0.8 or (x >= 0.45 and share.x0 >= 0.2),
        "on the right of": share.width >= 0.8 or (x <= 0.55 and share.x1 <= 0.8),
        "at the top of": share.height >= 0.8 or (y >= 0.45 and share.y0 >= 0.2),
        "at the bottom of": share.height >= 0.8 or (y <= 0.55 and share.y1 <= 0.8),
        "in the middle of": not (0.33 < x < 0.67 and 0.3 < y < 0.7) and share.area <= 0.4,
        "filling most of": share.area <= 0.35,
    }
    return frozenset([position for position, true in not_at.items() if true])


def _smaller_of(a: float, b: float) -> float:
    """The smaller number; the built-in `min` takes ten times as long."""
    return a if a < b else b


def _larger_of(a: float, b: float) -> float:
    return a if a > b else b


def _scale_to_unit(box: Box, picture: Picture) -> Box:
    """The box in a picture of width and height 1."""
    return Box(box.x0 / picture.width, box.y0 / picture.height, box.x1 / picture.width, box.y1 / picture.height)
