"""Say what is doubtful about the form in which boxes are read, and check what users say.

Nothing is refused for a doubt: the boxes may be right. A build counts them by the name of the doubt, and prints what
the user may say instead (`scar/annotations/doubts.toml`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scar.annotations.box_form import FULL_SIDES, XYWH, BoxForm, Layout, Unit
from scar.annotations.box_form_finder import (
    MIN_NEAR_IOU,
    MIN_NEAR_SHARE,
    compute_areas,
    compute_ious,
    is_close,
    is_usable,
    leaves_deeply,
    to_columns,
)
from scar.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_CHANCE = 0.01
"""Largest chance, if things lie anywhere in their images, of boxes in pixels that look as these do."""

_MIN_SIDES = 1.25
"""Times that the sides of all images are longer than the full side of the unit, so that there is room beyond."""

_MAX_OVER, _MIN_END = 1.5, 0.5
"""Boxes in percent or thousandths end at most by this number beyond the full side, as rounding adds 1, and some end
beyond this share of it."""

_MIN_CORNERS = 0.99
"""Least share of boxes whose width is above x, and height above y, as with corners it always is."""

_MIN_LARGER = 3
"""Number of mask areas that are larger than those of corner boxes, from which on they are no corners."""

_CENTER_OR_CORNERS: Sequence[Layout] = ("center", "xywh", "corners")
_MIN_LEAVING, _MIN_LEAVING_SHARE, _MAX_LEFT = 3, 0.1, 0.01
"""Least number and share of boxes by center that leave their images by far if they are none, and the largest share of
those that do in the right layout."""

_WAY_OUT = "leave --boxes (`boxes` in a recipe) out, or say another form"

_MAX_LEAVING = 0.25
"""Largest share of boxes that may leave their images by far in the form that a user says."""


def list_doubts(
    form: BoxForm,
    numbers: NDArray[np.float64],
    sizes: NDArray[np.int64],
    outlines: NDArray[np.float64],
    areas: NDArray[np.float64],
) -> list[str]:
    """Names of what is doubtful about boxes that are read in ``form``; the other arguments are of `find_box_form`."""
    import numpy as np

    usable = is_usable(numbers)
    numbers, sizes, outlines, areas = numbers[usable], sizes[usable], outlines[usable], areas[usable]
    if not len(numbers) or form.unit != "pixels":
        return []
    units: tuple[Unit, ...] = ("percent", "thousandths")
    doubts = [
        f"boxes_{unit}"
        for unit in units
        if _are_outlines_scaled(outlines, unit) is not False and _may_be_scaled(numbers, sizes, unit)
    ]
    if form == XYWH and not np.isfinite(outlines).any() and _may_be_corners(numbers, sizes, areas):
        doubts.append("boxes_corners")
    return doubts


def _are_outlines_scaled(outlines: NDArray[np.float64], unit: Unit) -> bool | None:
    """Whether all polygons may be in percent or thousandths, too; None if there are none."""
    found = outlines[~(outlines != outlines).any(axis=1)]
    return bool(found.max() <= FULL_SIDES[unit] + _MAX_OVER) if len(found) else None


def _may_be_scaled(numbers: NDArray[np.float64], sizes: NDArray[np.int64], unit: Unit) -> bool:
    """Whether all boxes lie within the first 100 or 1000 pixels of larger images, and some at the end of it."""
    import numpy as np

    full = FULL_SIDES[unit]
    if sizes.min() < _MIN_SIDES * full or np.log(full / sizes).sum() > math.log(_MAX_CHANCE):
        return False
    layouts: tuple[Layout, ...] = ("xywh", "corners", "center")
    for layout in layouts:
        starts, ends = to_columns(numbers, sizes, BoxForm(layout)).reshape(2, 2, -1)
        is_within = (ends > starts).all() and starts.min() >= -_MAX_OVER and ends.max() <= full + _MAX_OVER
        if is_within and (ends.max(axis=1) >= _MIN_END * full).all():
            return True
    return False


def _may_be_corners(numbers: NDArray[np.float64], sizes: NDArray[np.int64], areas: NDArray[np.float64]) -> bool:
    """Whether width is above x, and height above y, of all boxes, which is rare for boxes of their sizes.

    A box of the share s of a side lies anywhere on it; with the chance s / (1 - s) it starts before its own length.
    """
    import numpy as np

    if (numbers[:, 2:] > numbers[:, :2]).all(axis=1).mean() < _MIN_CORNERS:
        return False
    shares = np.clip(numbers[:, 2:] / sizes, 1e-9, 0.5)
    if np.log(shares / (1 - shares)).sum() > math.log(_MAX_CHANCE):
        return False
    own, others = (compute_areas(to_columns(numbers, sizes, form)) for form in (XYWH, BoxForm("corners")))
    with np.errstate(invalid="ignore"):
        larger = (areas > others) & ~is_close(areas, others) & ~is_close(areas, own)
    return int(larger.sum()) < _MIN_LARGER


def may_be_no_centers(numbers: NDArray[np.float64], sizes: NDArray[np.int64]) -> bool:
    """Whether many boxes by center, width and height leave their images, and hardly any by the corner or the corners.

    Args:
        numbers: (N, 4) the four numbers of each box, in the unit of ``sizes``.
        sizes: (N, 2) width and height of their images.
    """
    usable = is_usable(numbers)
    numbers, sizes = numbers[usable], sizes[usable]
    center, *others = (
        int(leaves_deeply(to_columns(numbers, sizes, BoxForm(layout)), sizes).sum()) for layout in _CENTER_OR_CORNERS
    )
    return center >= max(_MIN_LEAVING, _MIN_LEAVING_SHARE * len(numbers)) and min(others) <= _MAX_LEFT * len(numbers)


def check_form(
    form: BoxForm,
    numbers: NDArray[np.float64],
    sizes: NDArray[np.int64],
    outlines: NDArray[np.float64],
    path: Path,
) -> None:
    """Check that boxes are in their images, and where their polygons and masks are, in the form that a user says.

    Args:
        form: the form.
        numbers: (N, 4) the four numbers of each box.
        sizes: (N, 2) width and height of the boxes' images in pixels.
        outlines: (N, 4) as in `find_box_form`.
        path: path of the file, for the message.

    Raises:
        InputError: many are not; the message counts them.
    """
    usable = is_usable(numbers)
    numbers, sizes, outlines = numbers[usable], sizes[usable], outlines[usable].T
    boxes, as_pixels = (to_columns(numbers, sizes, each) for each in (form, BoxForm(form.layout)))
    leaving = int(leaves_deeply(boxes, sizes).sum())
    if leaving > _MAX_LEAVING * len(numbers):
        problem = f"as {form.words} ({form.option}), {leaving} of {len(numbers)} boxes leave their images by far"
        raise InputError(f"{path}: {problem}; {_WAY_OUT}.")
    outlined = compute_areas(outlines) > 0
    near, near_as_pixels = (
        int((compute_ious(each[:, outlined], outlines[:, outlined]) >= MIN_NEAR_IOU).sum())
        for each in (boxes, as_pixels)
    )
    if near < MIN_NEAR_SHARE * outlined.sum():
        problem = f"as {form.words} ({form.option}), its boxes are not where its polygons or masks are"
        is_unit = form.unit != "pixels" and near_as_pixels > near
        way_out = "both are in this unit; write both in pixels of the image" if is_unit else _WAY_OUT
        raise InputError(f"{path}: {problem}; {way_out}.")
