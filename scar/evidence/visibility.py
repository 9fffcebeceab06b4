"""Which things of a picture one sees well enough to say where they are, or to find another thing by them.

The shares were tuned on photographs of COCO 2017 train, whose captions were read beside them.
"""

from __future__ import annotations

from scar.evidence.depth import is_cut_off
from scar.evidence.thing_groups import find_groups
from scar.sample import Box, Picture, Region

_FRAME_SHARE = 0.01
"""A box that comes this close to the frame, as a share of the picture's side, is cut off by it."""

_MIN_CUT_SIDE, _MIN_CUT_SHARE = 0.06, 0.01
"""Least extent of a thing that the frame cuts off, as a share of the picture's side, and least share of the picture
that it covers: of less nobody knows what it is."""


_MAX_STRIP_RATIO = 4.5
"""Largest ratio of the height to the width of what the frame cuts off at a side: a longer strip may be anything."""

_MIN_PERSON_HEIGHT = 0.2
"""Least height of a person whom the frame cuts off, as a share of the picture's: of less one sees a sleeve."""


def is_hardly_seen(region: Region, picture: Picture) -> bool:
    """Whether the frame of a picture leaves so little of a region that nobody would tell of it.

    That is a sliver, or a person of whom no more than a hand or a sleeve is seen.
    """
    if is_sliver(region.box, picture):
        return True
    is_person = "person" in find_groups(region.category)
    return is_person and is_cut_off(region.box, picture) and region.box.height < _MIN_PERSON_HEIGHT * picture.height


def is_sliver(box: Box, picture: Picture) -> bool:
    """Whether the frame of a picture leaves no more than a narrow strip or a small corner of a thing."""
    x, y = _FRAME_SHARE * picture.width, _FRAME_SHARE * picture.height
    is_cut_x, is_cut_y = box.x0 <= x or box.x1 >= picture.width - x, box.y0 <= y or box.y1 >= picture.height - y
    is_small = box.area < _MIN_CUT_SHARE * picture.width * picture.height
    is_strip = box.width < max(_MIN_CUT_SIDE * picture.width, box.height / _MAX_STRIP_RATIO)
    return (is_cut_x and (is_small or is_strip)) or (
        is_cut_y and (is_small or box.height < _MIN_CUT_SIDE * picture.height)
    )


def is_well_seen(box: Box, picture: Picture, least: float) -> bool:
    """Whether a thing covers at least a share of a picture, and is no strip at its frame."""
    return box.area >= least * picture.width * picture.height and not is_sliver(box, picture)


def is_seen_beside(box: Box, thing: Box, picture: Picture, least: float) -> bool:
    """Whether a landmark of a thing is seen as `is_well_seen` says; as large a share as the thing's own is enough."""
    return is_well_seen(box, picture, min(least, thing.area / (picture.width * picture.height)))
