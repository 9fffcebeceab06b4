"""Find out what the four numbers of a file's boxes mean; one answer for all boxes of a file.

A box is meant to be x, y, width and height in pixels (`XYWH`). Converters also write the corners x0, y0, x1, y1, or the
center instead of the corner, or shares of the image's width and height. Read as `XYWH`, such boxes are elsewhere, and
nothing is invalid about them. Three things tell them apart, the strongest first:

1. The outlines of polygons and masks: the boxes of the right form are those of the outlines.
2. The areas that the file gives: those of the right form are width times height.
3. The images: boxes of the right form hardly leave them. Boxes of a wrong form leave them often: half of all corner
   boxes do.

A file is read in another form only if it is the only one that fits. If no form fits, the file is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scar.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MIN_SAME_IOU = 0.9
"""Least intersection over union of a box and its outline. Outlines with decimals and boxes in whole pixels reach it
from 20 pixels on; a corner box reaches it only if it begins at the image's corner."""

_MIN_NEAR_IOU, _MIN_NEAR_SHARE = 0.3, 0.5
"""Boxes that people draw apart from the outlines are still near them; if half of them are not, something is wrong."""

_MIN_NEARER_IOU = 0.1
"""If there are outlines that no form fits, another form than `XYWH` must be nearer to them by this mean IoU."""

_MAX_AREA_DIFFERENCE = 0.02
"""Relative difference of two equal areas, for rounding. Of COCO's mask areas, 1 in 200 equals that of a wrong form."""

_MIN_AGREEING = 0.9
"""Least share of boxes that must agree with their outline or area; some outlines of any file are wrong."""

_MIN_INSIDE = 0.99
"""Least share of boxes that must not leave their images deeply in another form than `XYWH`."""

_MAX_PIXELS_OUTSIDE, _MAX_SHARE_OUTSIDE = 2, 0.1
"""A box leaves its image if it does by more pixels, and by a larger share of its area. No box of COCO does."""

_MIN_LEAVING, _MIN_LEAVING_SHARE = 3, 0.1
"""Least number and share of boxes that leave their images, from which on another form is tried. Fewer may be mistakes
of annotators, and are clipped. Of corner boxes of things that lie anywhere, three in four leave their images."""

_MIN_DEEP_SIDE, _MIN_DEEP_IMAGE, _MIN_DEEP_SHARE = 0.2, 0.02, 0.25
"""A box leaves its image deeply if it does by a larger share of its own side, and of the image's. Annotators overhang
by a few pixels. Boxes of a wrong form leave deeply as a rule: center boxes by up to half of their side. With a smaller
share of deep ones among those that leave, the boxes are `XYWH`."""

_MAX_LEAVING_SHARE = 0.25
"""Largest share of boxes that may leave their images if no other form fits."""

_MIN_AREAS = 3
"""Least number of areas that must agree: one or two may by chance."""

_MIN_MIXED_SHARE = 0.02
"""Share of boxes that have outline or area of another form only, from which on a file has boxes of several forms."""

_MAX_AREA_RATIO = 1.5
"""A thing's area is at most that of its box. If it is larger by more than this for nearly all, the boxes are not in
pixels, or of another size of the images."""

_MAX_FRACTION = 1.1
"""Largest number in boxes that are shares of the image; rounding adds some, and annotators overhang."""

Numbers: TypeAlias = tuple[float, float, float, float]

Flags: TypeAlias = "NDArray[np.bool_]"
"""(N,) whether something holds for each box."""

Columns: TypeAlias = "NDArray[np.float64]"
"""(4, N) x0, y0, x1 and y1 of boxes, in pixels."""


def replace_none(first: float | None, second: float | None, third: float | None, fourth: float | None) -> Numbers:
    """The four numbers of a box, with NaN for each None. A record has None for what JSON cannot hold, such as NaN."""
    one, two, three, four = (math.nan if value is None else value for value in (first, second, third, fourth))
    return one, two, three, four


@dataclass(frozen=True, slots=True)
class BoxForm:
    """What the four numbers of a box mean.

    Attributes:
        layout: ``xywh`` is the top left corner, width and height; ``corners`` the top left and the bottom right corner;
            ``center`` the center, width and height.
        is_fraction: whether the numbers are shares of the image's width and height, instead of pixels.
    """

    layout: Literal["xywh", "corners", "center"] = "xywh"
    is_fraction: bool = False

    @property
    def name(self) -> str:
        """The form's name, such as ``box_corners`` or ``box_xywh_fraction``; a build counts converted boxes by it."""
        return f"box_{self.layout}" + ("_fraction" if self.is_fraction else "")

    def to_xywh(self, numbers: Numbers, width: int, height: int) -> Numbers:
        """Convert the numbers of a box to x, y, width and height in pixels of a ``width`` x ``height`` image."""
        first, second, third, fourth = numbers
        if self.is_fraction:
            first, second, third, fourth = first * width, second * height, third * width, fourth * height
        if self.layout == "corners":
            return first, second, third - first, fourth - second
        if self.layout == "center":
            return first - third / 2, second - fourth / 2, third, fourth
        return first, second, third, fourth


XYWH = BoxForm()

_PIXEL_FORMS: Sequence[BoxForm] = (XYWH, BoxForm("corners"), BoxForm("center"))
_FRACTION_FORMS: Sequence[BoxForm] = (BoxForm("xywh", True), BoxForm("corners", True), BoxForm("center", True))

_WAY_OUT = "write them as [x, y, width, height] in pixels of the image"

_DESCRIPTIONS: Mapping[BoxForm, str] = {
    BoxForm("corners"): "the corners x0, y0, x1, y1",
    BoxForm("center"): "the center, width and height",
    BoxForm("xywh", True): "x, y, width, height as shares of the image",
    BoxForm("corners", True): "the corners x0, y0, x1, y1 as shares of the image",
    BoxForm("center", True): "the center, width and height as shares of the image",
}


def find_box_form(
    numbers: NDArray[np.float64],
    sizes: NDArray[np.int64],
    outlines: NDArray[np.float64],
    areas: NDArray[np.float64],
    path: Path,
) -> BoxForm:
    """Find out the form of the boxes of a file; the head of this module says from what.

    Args:
        numbers: (N, 4) the four numbers of each box. A box is left out if a number is not finite, or its third or
            fourth is not above 0.
        sizes: (N, 2) width and height of the boxes' images in pixels.
        outlines: (N, 4) x0, y0, x1, y1 of the box around the polygons or the mask, in pixels; NaN if there is none.
        areas: (N,) the area that the file gives, in square pixels of the box or of the mask; NaN if it gives none.
        path: path of the file, for the message.

    Returns:
        `XYWH` if nothing speaks against it, as without boxes; else the form that fits. These speak against it: outlines
        and areas that agree with another form, many boxes that leave their images, and numbers that are all at most 1,
        which are shares of the image.

    Raises:
        InputError: something speaks against `XYWH`, but no other form fits, or several do. Or the boxes are in no form
            where the outlines are, are smaller than their areas, or have several forms.
    """
    import numpy as np

    usable = np.isfinite(numbers).all(axis=1) & (numbers[:, 2:] > 0).all(axis=1)
    numbers, sizes, outlines, areas = numbers[usable], sizes[usable], outlines[usable].T, areas[usable]
    is_fraction = bool(len(numbers)) and bool(np.abs(numbers).max() <= _MAX_FRACTION)
    forms = _FRACTION_FORMS if is_fraction else _PIXEL_FORMS
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that no image has
        boxes = {form: _to_columns(numbers, sizes, form) for form in (*_PIXEL_FORMS, *_FRACTION_FORMS)}
        inside = {form: _is_inside(box, sizes) for form, box in boxes.items()}
        deep = {form: _leaves_deeply(box, sizes) & ~inside[form] for form, box in boxes.items()}
        outlined, measured = _compute_areas(outlines) > 0, areas > 0
        ious = {form: _compute_ious(box[:, outlined], outlines[:, outlined]) for form, box in boxes.items()}
        box_areas = {form: _compute_areas(box[:, measured]) for form, box in boxes.items()}
    areas = areas[measured]
    if outlined.any():
        if is_fraction and np.abs(outlines[:, outlined]).max() <= _MAX_FRACTION:
            raise InputError(
                f"{path}: its boxes and polygons are shares of the image; write both in pixels of the image."
            )
        if form := _find_form_of_outlines(ious, forms, path):
            return form
        if XYWH in forms:  # neither areas nor images may tell a form that is not nearer to the outlines
            least = ious[XYWH].mean() + _MIN_NEARER_IOU
            forms = [form for form in forms if form == XYWH or ious[form].mean() >= least]
    if len(areas) >= _MIN_AREAS:
        agrees = {form: _is_close(box_area, areas) for form, box_area in box_areas.items()}
        agreeing = _list_agreeing(agrees, forms)
        if agreeing == [BoxForm("corners")]:
            _refuse_leaving(inside[agreeing[0]], agreeing[0], path)
            return agreeing[0]
        if agreeing and XYWH not in agreeing:
            forms = agreeing
        if agrees[XYWH].mean() >= _MIN_NEAR_SHARE:  # so they are areas of boxes, not of masks
            _refuse_mixed(agrees, path)
        if not is_fraction and (areas > _MAX_AREA_RATIO * box_areas[XYWH]).mean() >= _MIN_AGREEING:
            raise InputError(
                f"{path}: its areas are larger than its boxes; {_WAY_OUT}, and areas, if any, in square pixels."
            )
    leaving = int((~inside[XYWH]).sum())
    if not is_fraction and (leaving < _MIN_LEAVING or leaving < _MIN_LEAVING_SHARE * len(numbers)):
        return XYWH
    if XYWH in forms and deep[XYWH].sum() < _MIN_DEEP_SHARE * leaving:
        return XYWH
    fitting = [form for form in forms if form != XYWH and (~deep[form]).mean() >= _MIN_INSIDE]
    if len(fitting) == 1:
        return fitting[0]
    if not is_fraction and not fitting and leaving <= _MAX_LEAVING_SHARE * len(numbers):
        return XYWH
    some = f"{leaving} of {len(numbers)} boxes"
    problem = "its boxes are shares of the image" if is_fraction else f"{some} leave their images by far"
    guess = f": they may be {' or '.join(_DESCRIPTIONS[form] for form in fitting)}" if fitting else ""
    sizes_hint = "" if is_fraction or fitting else ", and check the width and height of the images"
    raise InputError(f"{path}: {problem}{guess}; {_WAY_OUT}{sizes_hint}.")


def _to_columns(numbers: NDArray[np.float64], sizes: NDArray[np.int64], form: BoxForm) -> Columns:
    """The boxes, if their numbers mean this form."""
    import numpy as np

    columns: Any = numbers.T
    x, y, width, height = form.to_xywh(columns, *sizes.T)
    return np.stack((x, y, x + width, y + height))


def _compute_areas(boxes: Columns) -> NDArray[np.float64]:
    """(N,) areas in square pixels; 0 where x1, y1 is not right of and below x0, y0."""
    x0, y0, x1, y1 = boxes
    areas: NDArray[np.float64] = (x1 - x0).clip(0) * (y1 - y0).clip(0)
    return areas


def _compute_ious(boxes: Columns, others: Columns) -> NDArray[np.float64]:
    """(N,) intersection over union of each box and the other one; the other one has an area."""
    import numpy as np

    shared = _compute_areas(np.concatenate((np.maximum(boxes[:2], others[:2]), np.minimum(boxes[2:], others[2:]))))
    ious: NDArray[np.float64] = shared / (_compute_areas(boxes) + _compute_areas(others) - shared)
    return ious


def _is_inside(boxes: Columns, sizes: NDArray[np.int64]) -> Flags:
    """Whether each box has an area, and does not leave its image of (N, 2) width and height."""
    import numpy as np

    x0, y0, x1, y1 = boxes
    width, height = sizes.T
    outside = np.max((-x0, -y0, x1 - width, y1 - height), axis=0)
    inside = _compute_areas(np.stack((x0.clip(0), y0.clip(0), np.minimum(x1, width), np.minimum(y1, height))))
    is_near = (outside <= _MAX_PIXELS_OUTSIDE) | (inside >= (1 - _MAX_SHARE_OUTSIDE) * _compute_areas(boxes))
    flags: Flags = (x1 > x0) & (y1 > y0) & is_near
    return flags


def _leaves_deeply(boxes: Columns, sizes: NDArray[np.int64]) -> Flags:
    """Whether each box leaves its image of (N, 2) width and height by more than annotators overhang."""
    import numpy as np

    outside, sides = np.maximum(-boxes[:2], boxes[2:] - sizes.T), boxes[2:] - boxes[:2]
    is_deep = (outside > np.maximum(_MIN_DEEP_SIDE * sides, _MIN_DEEP_IMAGE * sizes.T)) | (sides <= 0)
    flags: Flags = is_deep.any(axis=0)
    return flags


def _is_close(first: NDArray[np.float64], second: NDArray[np.float64]) -> Flags:
    """Whether two areas are the same but for rounding."""
    import numpy as np

    difference = np.abs(first - second)
    flags: Flags = np.isfinite(difference) & (difference <= _MAX_AREA_DIFFERENCE * np.maximum(first, second))
    return flags


def _find_form_of_outlines(
    ious: Mapping[BoxForm, NDArray[np.float64]], forms: Sequence[BoxForm], path: Path
) -> BoxForm | None:
    """The form in which the boxes are those of their outlines; None if no form is, though the boxes may be right.

    Args:
        ious: for each form, the (N,) intersections over union of the boxes with an outline and their outlines.
        forms: the forms that are tried.
        path: path of the file, for the message.

    Raises:
        InputError: the boxes are elsewhere, or of several forms.
    """
    agrees: dict[BoxForm, Flags] = {form: iou >= _MIN_SAME_IOU for form, iou in ious.items()}
    agreeing = _list_agreeing(agrees, forms)
    if agreeing and agreeing[0] != XYWH:
        return agreeing[0]
    if XYWH in forms:
        _refuse_mixed(agrees, path)
    if agreeing:
        return XYWH
    near = (ious[XYWH] >= _MIN_NEAR_IOU).mean()
    if XYWH in forms and near < _MIN_NEAR_SHARE and len(ious[XYWH]) >= _MIN_LEAVING:
        raise InputError(f"{path}: its boxes are not where its polygons or masks are; {_WAY_OUT}.")
    return XYWH if near >= _MIN_AGREEING else None


def _list_agreeing(agrees: Mapping[BoxForm, Flags], forms: Sequence[BoxForm]) -> list[BoxForm]:
    """The forms in which nearly all boxes agree with something, in the order of ``forms``."""
    return [form for form in forms if agrees[form].mean() >= _MIN_AGREEING]


def _refuse_mixed(agrees: Mapping[BoxForm, Flags], path: Path) -> None:
    """Check that hardly any box agrees in a form other than `XYWH` only.

    Raises:
        InputError: some do; the message counts them.
    """
    for form in _PIXEL_FORMS[1:]:
        count, total = int((agrees[form] & ~agrees[XYWH]).sum()), len(agrees[form])
        if count >= max(_MIN_LEAVING, _MIN_MIXED_SHARE * total):
            some = f"{count} of {total} boxes"
            raise InputError(f"{path}: {some} are {_DESCRIPTIONS[form]}, and others are not; {_WAY_OUT}.")


def _refuse_leaving(inside: Flags, form: BoxForm, path: Path) -> None:
    """Check that hardly any box of a form leaves its image. An area does not tell x from y.

    Raises:
        InputError: some do; the message counts them.
    """
    leaving = int((~inside).sum())
    if leaving >= max(_MIN_LEAVING, _MIN_LEAVING_SHARE * len(inside)):
        problem = (
            f"by their areas, its boxes are {_DESCRIPTIONS[form]}, but {leaving} of {len(inside)} leave their images"
        )
        raise InputError(f"{path}: {problem} (y before x?); {_WAY_OUT}.")
