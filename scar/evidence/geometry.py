"""Evidence of boxes: the spatial relations that clearly hold, and those that clearly do not.

A relation on which readers may disagree is in neither group. Directions are those that the viewer of the picture sees.
"""

from __future__ import annotations

from scar.language.relation_phrase import ABOVE, BELOW, LEFT, RIGHT
from scar.sample import Box, Picture

_HORIZONTAL, _VERTICAL = frozenset({LEFT, RIGHT}), frozenset({ABOVE, BELOW})

MAX_OVERLAP_SHARE = 0.1
"""Largest overlap of two boxes side by side, as a share of the smaller extent: boxes of neighbours overlap a little."""

MIN_LEVEL_SHARE = 0.4
"""Least common extent across the direction, as a share of the smaller extent: with less, two things look diagonal."""

MIN_ORDER_OFFSET_SHARE = 0.15
"""Least offset of two centres that denies the reverse order, as a share of the mean size: less looks level."""

MAX_NEUTRAL_OFFSET_SHARE = 0.3
"""Largest offset of two centres that no reader takes for a direction, as a share of the larger size."""


def find_directions(box: Box, other: Box) -> tuple[str, ...]:
    """The `DIRECTIONS`, such as "to the left of", in which `box` clearly is from `other`.

    Along the direction, the boxes overlap little or not at all. Across it, they share much of their extent.
    """
    width, height = _smaller_of(box.x1 - box.x0, other.x1 - other.x0), _smaller_of(box.y1 - box.y0, other.y1 - other.y0)
    found = []
    if _smaller_of(box.y1, other.y1) - _larger_of(box.y0, other.y0) >= MIN_LEVEL_SHARE * height:
        if other.x0 - box.x1 >= -MAX_OVERLAP_SHARE * width:
            found.append(LEFT)
        if box.x0 - other.x1 >= -MAX_OVERLAP_SHARE * width:
            found.append(RIGHT)
    if _smaller_of(box.x1, other.x1) - _larger_of(box.x0, other.x0) >= MIN_LEVEL_SHARE * width:
        if other.y0 - box.y1 >= -MAX_OVERLAP_SHARE * height:
            found.append(ABOVE)
        if box.y0 - other.y1 >= -MAX_OVERLAP_SHARE * height:
            found.append(BELOW)
    return tuple(found)


def is_out_of_direction(direction: str, box: Box, other: Box) -> bool:
    """Whether `box` clearly is not in a direction, one of `DIRECTIONS`, from `other`.

    Then `box` is on the opposite side; or it is clearly in a direction of the other axis, such as above where "left" is
    asked for, and hardly to either side.
    """
    is_horizontal = direction in _HORIZONTAL
    if is_horizontal:
        offset = ((box.x0 + box.x1) - (other.x0 + other.x1)) / 2
        size, other_size = box.x1 - box.x0, other.x1 - other.x0
    else:
        offset = ((box.y0 + box.y1) - (other.y0 + other.y1)) / 2
        size, other_size = box.y1 - box.y0, other.y1 - other.y0
    reverse_offset = offset if direction in (LEFT, ABOVE) else -offset
    if reverse_offset >= MIN_ORDER_OFFSET_SHARE * (size + other_size) / 2:
        return True
    if abs(offset) > MAX_NEUTRAL_OFFSET_SHARE * _larger_of(size, other_size):
        return False
    other_axis = _VERTICAL if is_horizontal else _HORIZONTAL
    return not other_axis.isdisjoint(find_directions(box, other))


def measure_gaps(box: Box, other: Box) -> tuple[float, float]:
    """The gaps between two boxes along x and along y, in pixels; negative where they overlap."""
    gap_x = _larger_of(box.x0, other.x0) - _smaller_of(box.x1, other.x1)
    gap_y = _larger_of(box.y0, other.y0) - _smaller_of(box.y1, other.y1)
    return gap_x, gap_y


def is_apart(box: Box, other: Box, times: float = 1) -> bool:
    """Whether two things clearly are not next to each other, nor near: the larger one would fit into the gap.

    It would fit ``times`` side by side.
    """
    gap_x, gap_y = measure_gaps(box, other)
    return gap_x >= times * _larger_of(box.width, other.width) or gap_y >= times * _larger_of(box.height, other.height)


def find_positions(box: Box, picture: Picture) -> tuple[str, ...]:
    """The `POSITIONS`, such as "at the top of", at which a box clearly is in the picture; empty if none is clear."""
    unit = _scale_to_unit(box, picture)
    x, y = unit.center
    held = {
        "on the left of": unit.x1 <= 0.5 and x <= 0.36,
        "on the right of": unit.x0 >= 0.5 and x >= 0.64,
        "at the top of": unit.y1 <= 0.5 and y <= 0.3,
        "at the bottom of": unit.y0 >= 0.5 and y >= 0.7,
        "in the middle of": abs(x - 0.5) <= 0.12 and abs(y - 0.5) <= 0.14 and unit.area <= 0.4,
        "filling most of": unit.area >= 0.6,
    }
    return tuple([position for position, holds in held.items() if holds])


def find_denied_positions(box: Box, picture: Picture) -> frozenset[str]:
    """The `POSITIONS` at which a box clearly is not in the picture."""
    unit = _scale_to_unit(box, picture)
    x, y = unit.center
    denied = {
        "on the left of": unit.width >= 0.8 or (x >= 0.45 and unit.x0 >= 0.2),
        "on the right of": unit.width >= 0.8 or (x <= 0.55 and unit.x1 <= 0.8),
        "at the top of": unit.height >= 0.8 or (y >= 0.45 and unit.y0 >= 0.2),
        "at the bottom of": unit.height >= 0.8 or (y <= 0.55 and unit.y1 <= 0.8),
        "in the middle of": not (0.33 < x < 0.67 and 0.3 < y < 0.7) and unit.area <= 0.4,
        "filling most of": unit.area <= 0.35,
    }
    return frozenset([position for position, is_denied in denied.items() if is_denied])


def _smaller_of(a: float, b: float) -> float:
    """The smaller number; the built-in `min` takes ten times as long."""
    return a if a < b else b


def _larger_of(a: float, b: float) -> float:
    return a if a > b else b


def _scale_to_unit(box: Box, picture: Picture) -> Box:
    """The box with the width and the height of the picture as units."""
    return Box(box.x0 / picture.width, box.y0 / picture.height, box.x1 / picture.width, box.y1 / picture.height)
