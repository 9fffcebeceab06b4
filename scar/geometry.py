"""What boxes say about where a thing is: what plainly holds, and what plainly does not.

Between the two lies what a reader may see either way; it is neither claimed nor denied. Directions are those of the
picture, as its viewer sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scar.sample import Box, Picture

DIRECTIONS = ("to the left of", "to the right of", "above", "below")
"""How a thing stands to another."""

POSITIONS = (
    "on the left of",
    "on the right of",
    "at the top of",
    "at the bottom of",
    "in the middle of",
    "filling most of",
)
"""Where a thing is in the picture."""

OPPOSITE: Mapping[str, str] = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
    "in front of": "behind",
    "behind": "in front of",
}

_SLACK = 0.15
"""How far past each other's centre two things must be before their order is plain: share of their mean size."""


def holds(direction: str, box: Box, other: Box) -> bool:
    """Whether `box` plainly stands in `direction` to `other`: clear of it, and level with it."""
    if direction in ("to the left of", "to the right of"):
        a, b = (box, other) if direction == "to the left of" else (other, box)
        level = min(a.y1, b.y1) - max(a.y0, b.y0)
        return a.x1 <= b.x0 and level >= min(a.height, b.height) / 2
    a, b = (box, other) if direction == "above" else (other, box)
    level = min(a.x1, b.x1) - max(a.x0, b.x0)
    return a.y1 <= b.y0 and level >= min(a.width, b.width) / 2


def fails(direction: str, box: Box, other: Box) -> bool:
    """Whether `box` plainly does not stand in `direction` to `other`: it is level with it, or past it the other way."""
    if direction in ("to the left of", "to the right of"):
        if holds("above", box, other) or holds("below", box, other):
            return True
        past = box.center[0] - other.center[0]
        slack = _SLACK * (box.width + other.width) / 2
        return past >= slack if direction == "to the left of" else -past >= slack
    if holds("to the left of", box, other) or holds("to the right of", box, other):
        return True
    past = box.center[1] - other.center[1]
    slack = _SLACK * (box.height + other.height) / 2
    return past >= slack if direction == "above" else -past >= slack


def is_at(position: str, box: Box, picture: Picture) -> bool:
    """Whether a thing plainly is at `position` in the picture."""
    return _AT[position](_share(box, picture))


def is_not_at(position: str, box: Box, picture: Picture) -> bool:
    """Whether a thing plainly is elsewhere in the picture, or smaller."""
    return _NOT_AT[position](_share(box, picture))


def _share(box: Box, picture: Picture) -> Box:
    """The box in a picture of width and height 1."""
    return Box(box.x0 / picture.width, box.y0 / picture.height, box.x1 / picture.width, box.y1 / picture.height)


_AT: Mapping[str, Callable[[Box], bool]] = {
    "on the left of": lambda box: box.x1 <= 0.5 and box.center[0] <= 0.36,
    "on the right of": lambda box: box.x0 >= 0.5 and box.center[0] >= 0.64,
    "at the top of": lambda box: box.y1 <= 0.5 and box.center[1] <= 0.3,
    "at the bottom of": lambda box: box.y0 >= 0.5 and box.center[1] >= 0.7,
    "in the middle of": lambda box: (
        abs(box.center[0] - 0.5) <= 0.12 and abs(box.center[1] - 0.5) <= 0.14 and box.area <= 0.4
    ),
    "filling most of": lambda box: box.area >= 0.6,
}
_NOT_AT: Mapping[str, Callable[[Box], bool]] = {
    "on the left of": lambda box: box.width >= 0.8 or (box.center[0] >= 0.45 and box.x0 >= 0.2),
    "on the right of": lambda box: box.width >= 0.8 or (box.center[0] <= 0.55 and box.x1 <= 0.8),
    "at the top of": lambda box: box.height >= 0.8 or (box.center[1] >= 0.45 and box.y0 >= 0.2),
    "at the bottom of": lambda box: box.height >= 0.8 or (box.center[1] <= 0.55 and box.y1 <= 0.8),
    "in the middle of": lambda box: not (0.33 < box.center[0] < 0.67 and 0.3 < box.center[1] < 0.7) and box.area <= 0.4,
    "filling most of": lambda box: box.area <= 0.35,
}
