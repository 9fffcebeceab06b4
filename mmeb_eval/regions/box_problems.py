"""Finds boxes that cannot be meant as they stand: the one rule for all that embeds a region."""

from __future__ import annotations

import math

from scar.sample import Box


def find_box_problem(box: Box, size: tuple[int, int], bounds: tuple[int, int] | None = None) -> str | None:
    """Why a box cannot be meant as it stands, as one sentence; None if it can.

    It cannot if a corner is not finite, if it has no area, if it looks like fractions of the image, or if no part of it
    lies inside. A part of it may lie outside.

    Args:
        box: the box, in pixels of the image as it is displayed.
        size: (width, height) of the image as it is displayed, in pixels.
        bounds: (width, height) of the area, from the image's top left corner, in which a part of the box must lie; it
            may be larger than the image. None means the image.

    >>> find_box_problem(Box(0.1, 0.1, 0.5, 0.8), (640, 480))
    'box (0.1, 0.1, 0.5, 0.8) looks like fractions of the image: multiply x by 640 and y by 480.'
    >>> find_box_problem(Box(600, 400, 700, 500), (640, 480))
    """
    corners = (box.x0, box.y0, box.x1, box.y1)
    if not all(math.isfinite(corner) for corner in corners):
        return f"box {corners} has a corner that is not a finite number: give x0, y0, x1, y1 in pixels of the image."
    if not box.area:
        way_out = "is it x, y, width, height? Box.from_xywh takes these"
        return f"box {corners} has no area: x0 < x1 and y0 < y1 are wanted ({way_out})."
    if size != (1, 1) and all(abs(corner) <= 1 for corner in corners):
        return f"box {corners} looks like fractions of the image: multiply x by {size[0]} and y by {size[1]}."
    if not box.intersection_area(Box(0, 0, *(bounds or size))):
        return (
            f"box {corners} lies outside the image, which has {size[0]} x {size[1]} pixels as it is displayed: "
            "is it of another size of the image, or of another image?"
        )
    return None
