"""What the masks of two things show: the tests that a row of `contacts.toml` may name.

A test takes the masks of a thing and of its landmark, and says whether the relation clearly holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from scar.evidence.geometry import measure_gaps
from scar.evidence.mask_runs import MaskRuns
from scar.sample import Box

ContactTest: TypeAlias = Callable[[MaskRuns, MaskRuns], bool]
"""Takes the masks of a thing and of its landmark; returns whether the relation clearly holds."""


def _rests(thing: MaskRuns, bearer: MaskRuns) -> bool:
    """The foot of the thing is on the bearer, above the bearer's lower edge; the bearer is not much smaller."""
    a, b = thing.box, bearer.box
    if b.area < 0.8 * a.area or a.y1 > b.y0 + 0.97 * b.height or not a.intersection_area(b):
        return False
    return thing.share_on(bearer) >= 0.6 or thing.share_within(bearer) >= 0.7


def _lies_close(thing: MaskRuns, bearer: MaskRuns) -> bool:
    """The bearer fills the picture and touches the thing, so that a plate between them may be all that one sees."""
    return bearer.fills_view and _touches(thing, bearer)


def _settles(thing: MaskRuns, seat: MaskRuns) -> bool:
    """As `_rests`, below the seat's upper edge: what ends there is seen above its back."""
    return thing.box.y1 > seat.box.y0 + 0.3 * seat.box.height and _rests(thing, seat)


def _rests_amid(thing: MaskRuns, bearer: MaskRuns) -> bool:
    """As `_rests`, and the bearer is seen beside the thing's foot: what ends at its far edge may be behind it."""
    return _rests(thing, bearer) and thing.is_flanked(bearer)


def _perches(thing: MaskRuns, bearer: MaskRuns) -> bool:
    """The foot of the thing is on the bearer's upper half; a thing before the bearer would reach lower."""
    if bearer.box.area < 2 * thing.box.area or thing.box.y1 > bearer.box.y0 + 0.5 * bearer.box.height:
        return False
    return thing.share_on(bearer) >= 0.6


def _stands(thing: MaskRuns, ground: MaskRuns) -> bool:
    """The foot of the thing is on the ground, which reaches lower than the thing's middle."""
    return ground.box.y1 > thing.box.center[1] and thing.share_on(ground) >= 0.5


def _surrounded(thing: MaskRuns, around: MaskRuns) -> bool:
    """Most of the thing's outline touches what is around it, and it is the smaller one."""
    return thing.box.area < 0.7 * around.box.area and thing.share_touching(around) >= 0.6


def _within(thing: MaskRuns, holder: MaskRuns) -> bool:
    """Most of the thing is inside of the holder's outline, or its foot is."""
    if holder.box.area < 1.2 * thing.box.area or _overlap_share(thing.box, holder.box) < 0.6:
        return False
    return thing.share_within(holder) >= 0.7 or (thing.share_on(holder) >= 0.7 and thing.box.y1 < holder.box.y1)


def _aboard(person: MaskRuns, vehicle: MaskRuns) -> bool:
    """The person is seen in the upper part of the vehicle, which is all around: behind a window."""
    a, b = person.box, vehicle.box
    if b.area < 4 * a.area or _overlap_share(a, b) < 0.97 or a.y1 > b.y0 + 0.7 * b.height:
        return False
    return person.share_touching(vehicle) >= 0.6 or person.share_within(vehicle) >= 0.7


def _rides(rider: MaskRuns, mount: MaskRuns) -> bool:
    """The rider's middle is over the mount, its foot between the mount's upper edge and its lower end; they touch."""
    a, b = rider.box, mount.box
    common = min(a.x1, b.x1) - max(a.x0, b.x0)
    if common < 0.6 * a.width or not b.y0 + 0.3 * b.height < a.y1 <= b.y1 + 0.1 * b.height:
        return False
    return a.y0 < b.y0 + 0.15 * b.height and rider.share_touching(mount) >= 0.08


def _stands_on_board(rider: MaskRuns, board: MaskRuns) -> bool:
    """The rider's foot is at the level of the board, over it, and touches it."""
    a, b = rider.box, board.box
    common = min(a.x1, b.x1) - max(a.x0, b.x0)
    if b.height > max(1.3 * b.width, 0.35 * a.height):
        return False  # it stands on its end: the person holds it
    level = abs(a.y1 - (b.y0 + b.y1) / 2) <= max(0.15 * a.height, 0.8 * b.height)
    return common >= 0.4 * min(a.width, b.width) and level and rider.share_touching(board) >= 0.01


def _held(thing: MaskRuns, person: MaskRuns) -> bool:
    """The thing touches the person above the knees, and is not larger; a small one touches more of the person."""
    a, b = thing.box, person.box
    if a.area > 0.8 * b.area or (a.y0 + a.y1) / 2 > b.y0 + 0.75 * b.height or not a.intersection_area(b):
        return False
    least = 0.15 if a.area >= 0.3 * b.area else 0.22
    return thing.share_touching(person) >= least or thing.share_within(person) >= 0.3


def _slung(bag: MaskRuns, person: MaskRuns) -> bool:
    """As `_held`, and the bag is far smaller than the person: as large a one is often a coat or a backpack."""
    return bag.box.area <= 0.3 * person.box.area and _held(bag, person)


def _grasped(thing: MaskRuns, person: MaskRuns) -> bool:
    """As `_held`, and most of the outline touches the person: what is beside or behind a person touches less."""
    return _held(thing, person) and (thing.share_touching(person) >= 0.55 or thing.share_within(person) >= 0.4)


def _unsettled(thing: MaskRuns, other: MaskRuns) -> bool:
    """The thing touches the other one somewhere: it may be in a hand, in a bowl or in food."""
    return thing.share_touching(other) >= 0.04


def _worn(thing: MaskRuns, person: MaskRuns) -> bool:
    """Most of the thing's outline touches the person or lies inside of it."""
    if thing.box.area > 0.5 * person.box.area or _overlap_share(thing.box, person.box) < 0.8:
        return False
    return thing.share_touching(person) >= 0.4 or thing.share_within(person) >= 0.6


def _in_front(near: MaskRuns, far: MaskRuns) -> bool:
    """The near thing is seen against the far one, covers more of what both could, and stands lower in the picture."""
    a, b = near.box, far.box
    common_x = min(a.x1, b.x1) - max(a.x0, b.x0)
    common_y = min(a.y1, b.y1) - max(a.y0, b.y0)
    if common_x < 0.6 * min(a.width, b.width) or common_y < 0.35 * min(a.height, b.height):
        return False
    if a.y1 < b.y1 + 0.06 * max(a.height, b.height) or a.area > 4 * b.area or b.area > 25 * a.area:
        return False
    common = Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1))
    if near.share_covering(common) < far.share_covering(common):
        return False
    return near.share_touching(far) >= 0.2 and near.share_within(far) < 0.3


def _touches(thing: MaskRuns, other: MaskRuns) -> bool:
    """The two touch, or their boxes overlap: one may be on the other."""
    a, b = thing.box, other.box
    return a.intersection_area(b) >= 0.1 * min(a.area, b.area) or thing.share_touching(other) >= 0.03


def _before(thing: MaskRuns, person: MaskRuns) -> bool:
    """The thing is at the lower part of the person or just below it, over the person's middle, and hides it."""
    a, b = thing.box, person.box
    common = min(a.x1, b.x1) - max(a.x0, b.x0)
    if common < 0.7 * min(a.width, b.width) or a.area > 0.8 * b.area or b.area > 20 * a.area:
        return False
    if thing.is_cut_below or not b.x0 < a.center[0] < b.x1 or a.center[1] < b.y0 + 0.55 * b.height or a.y0 > b.y1:
        return False
    if a.y1 < b.y1 and _overlap_share(a, b) < 0.5:
        return False  # the person reaches lower and may be the nearer one
    return a.y1 > b.y1 - 0.25 * b.height and thing.share_touching(person) >= 0.2


def _at(thing: MaskRuns, table: MaskRuns) -> bool:
    """The table hides a part of the thing or the thing a part of it, at one level; the thing is not on the table."""
    a, b = thing.box, table.box
    if a.area > 6 * b.area or b.area > 30 * a.area or a.y1 > b.y1 + 0.35 * a.height or a.y1 < b.y0:
        return False
    if a.intersection_area(b) < 0.05 * min(a.area, b.area) or a.y0 > b.y0 + 0.4 * b.height:
        return False
    return thing.share_touching(table) >= 0.1 and thing.share_within(table) < 0.3


def _beside(thing: MaskRuns, other: MaskRuns) -> bool:
    """The two stand on one level, side by side, with a small gap or none.

    Where the frame cuts off a foot, its level is open: the two must look alike.
    """
    a, b = thing.box, other.box
    gap, _ = measure_gaps(a, b)
    if not -0.2 <= gap / (min(a.width, b.width) or 1) <= 0.3:
        return False
    least = min(a.height, b.height)
    if abs(a.y1 - b.y1) > 0.25 * least or max(a.area, b.area) > 12 * min(a.area, b.area):
        return False
    if thing.is_cut_below or other.is_cut_below:
        return abs(a.y0 - b.y0) <= 0.3 * least and max(a.height, b.height) <= 1.5 * least
    return min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5 * least


def _alongside(thing: MaskRuns, other: MaskRuns) -> bool:
    """The gap between the two is small from left to right, and they have much of their height in common."""
    a, b = thing.box, other.box
    if max(a.area, b.area) > 12 * min(a.area, b.area) or a.intersection_area(b) >= 0.2 * min(a.area, b.area):
        return False
    gap, _ = measure_gaps(a, b)
    common = min(a.y1, b.y1) - max(a.y0, b.y0)
    return gap <= 0.3 * min(a.width, b.width) and common >= 0.4 * min(a.height, b.height)


def _near(thing: MaskRuns, other: MaskRuns) -> bool:
    """As `_alongside`; or the two are flat, and the one touches the other from below: seen from above.

    Of two upright things of which one is higher in the picture, that one is farther away.
    """
    a, b = thing.box, other.box
    if _alongside(thing, other):
        return True
    are_flat = all(box.height <= 0.9 * box.width for box in (a, b)) and max(a.area, b.area) <= 12 * min(a.area, b.area)
    _, gap = measure_gaps(a, b)
    common = min(a.x1, b.x1) - max(a.x0, b.x0)
    is_close = -0.2 * min(a.height, b.height) <= gap <= 0.1 * min(a.height, b.height)
    return are_flat and is_close and common >= 0.4 * min(a.width, b.width)


def _sits(person: MaskRuns, seat: MaskRuns) -> bool:
    """The person's middle is over the seat, at its level, and the two touch much; who stands before it is narrower."""
    a, b = person.box, seat.box
    common = min(a.x1, b.x1) - max(a.x0, b.x0)
    if common < 0.6 * min(a.width, b.width) or a.area > 6 * b.area or a.height > 2.6 * a.width:
        return False
    hips = a.y0 + 0.65 * a.height
    return b.y0 < hips < b.y1 + 0.1 * b.height and a.y0 < b.y0 + 0.5 * b.height and person.share_touching(seat) >= 0.15


CONTACT_TESTS: Mapping[str, ContactTest] = {
    "rests": _rests,
    "lies_close": _lies_close,
    "settles": _settles,
    "rests_amid": _rests_amid,
    "perches": _perches,
    "stands": _stands,
    "surrounded": _surrounded,
    "within": _within,
    "aboard": _aboard,
    "rides": _rides,
    "stands_on_board": _stands_on_board,
    "held": _held,
    "slung": _slung,
    "grasped": _grasped,
    "unsettled": _unsettled,
    "worn": _worn,
    "in_front": _in_front,
    "touches": _touches,
    "before": _before,
    "at": _at,
    "beside": _beside,
    "alongside": _alongside,
    "near": _near,
    "sits": _sits,
}

"""The tests by the name that a row gives as ``test``."""

RESTING_TESTS = frozenset({"rests", "settles", "rests_amid", "perches", "within"})
"""Tests that show where a thing lies: nobody holds it then."""

HOLDING_TESTS = frozenset({"held", "slung", "grasped", "worn"})
"""Tests that show that a person has a thing: nobody says where it is by another thing then."""

NEIGHBOR_TESTS = frozenset({"beside", "alongside", "near"})
"""Tests that show that two things are side by side."""

ONE_LANDMARK_TESTS = frozenset(CONTACT_TESTS) - NEIGHBOR_TESTS - {"in_front", "touches", "unsettled", "lies_close"}
"""Tests for relations that a thing has to one landmark only; if several pass, it is open which one is the true one."""


def _overlap_share(a: Box, b: Box) -> float:
    """Share of the first box that the second one covers."""
    return a.intersection_area(b) / a.area if a.area else 0.0
