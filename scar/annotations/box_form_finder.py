"""Find out what the four numbers of a file's boxes mean; one answer for all boxes of a file.

A box is meant to be x, y, width and height in pixels (`XYWH`). Converters also write the other forms of
`scar.annotations.box_form`. Read as `XYWH`, such boxes are elsewhere, and nothing is invalid about them. Three things
tell them apart, the strongest first:

1. The outlines of polygons and masks: the boxes of the right form are those of the outlines.
2. The areas that the file gives: those of the right form are width times height.
3. The images: boxes of the right form hardly leave them. Boxes of a wrong form leave them often: half of all corner
   boxes do.

A file is read in another form only if it is the only one that fits. If no form fits, the file is refused. If `XYWH`
fits, but hardly by chance, `scar.annotations.box_doubts` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from scar.annotations.box_form import FULL_SIDES, XYWH, BoxForm, Layout, Unit
from scar.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MIN_SAME_IOU = 0.9
"""Least intersection over union of a box and its outline. Outlines with decimals and boxes in whole pixels reach it
from 20 pixels on; a corner box reaches it only if it begins at the image's corner."""

MIN_NEAR_IOU, MIN_NEAR_SHARE = 0.3, 0.5
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

_MAX_OVER, _MIN_REACH, _MAX_START = 0.005, 0.9, 0.25
"""Boxes in percent or thousandths end at most by this share beyond the full side, some at least at this share of it,
and some begin before this share. Of things anywhere in images, some are at every edge."""

_MIN_Y_FIRST = 10
"""Boxes from which on images alone tell that y stands before x."""

_MIN_PERCENT, _MIN_AT_END, _END = 10, 2, 0.95
"""Boxes from which on numbers within 0 to 100 are percent of larger images, if so many end near the right and near the
lower edge. That none of ten things lies outside of the first 100 pixels of images twice as large is 1 case in a
million."""

_MIN_SIDES = 2
"""Times that a side of the images is longer than the full side of a unit, if this tells the unit."""

_MIN_DECIMALS = 0.5
"""Least share of the numbers with decimals of boxes in percent; pixels are whole numbers as a rule."""

Flags: TypeAlias = "NDArray[np.bool_]"
"""(N,) whether something holds for each box."""

Columns: TypeAlias = "NDArray[np.float64]"
"""(4, N) x0, y0, x1 and y1 of boxes, in pixels."""


_X_FIRST: Sequence[Layout] = ("xywh", "corners", "center")
_Y_FIRST: Sequence[Layout] = ("yxhw", "yx-corners")
"""Layouts; those with y before x are rare, and are taken only if none of the others fits."""

_WAY_OUT = (
    "write them as [x, y, width, height] in pixels of the image, or say what they are: --boxes, `boxes` in a recipe"
)


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

    usable = is_usable(numbers)
    numbers, sizes, outlines, areas = numbers[usable], sizes[usable], outlines[usable].T, areas[usable]
    if not len(numbers):
        return XYWH
    unit: Unit = "shares" if np.abs(numbers).max() <= _MAX_FRACTION else "pixels"
    forms = _list_forms(unit, numbers)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that no image has
        boxes = {form: to_columns(numbers, sizes, form) for form in dict.fromkeys((XYWH, *forms))}
        inside = {form: _is_inside(box, sizes) for form, box in boxes.items()}
        deep = {form: leaves_deeply(box, sizes) & ~inside[form] for form, box in boxes.items()}
        outlined, measured = compute_areas(outlines) > 0, areas > 0
        ious = {form: compute_ious(box[:, outlined], outlines[:, outlined]) for form, box in boxes.items()}
        box_areas = {form: compute_areas(box[:, measured]) for form, box in boxes.items()}
    areas = areas[measured]
    if outlined.any():
        if unit == "shares" and np.abs(outlines[:, outlined]).max() <= _MAX_FRACTION:
            raise InputError(
                f"{path}: its boxes and polygons are shares of the image; write both in pixels of the image."
            )
        if form := _find_form_of_outlines(ious, forms, path):
            return form
        if XYWH in forms:  # neither areas nor images may tell a form that is not nearer to the outlines
            least = ious[XYWH].mean() + _MIN_NEARER_IOU
            forms = [form for form in forms if form == XYWH or ious[form].mean() >= least]
    if len(areas) >= _MIN_AREAS:
        agrees = {form: is_close(box_area, areas) for form, box_area in box_areas.items()}
        agreeing = _list_agreeing(agrees, forms)
        if agreeing and XYWH not in agreeing:
            forms = agreeing
            if [form for form in forms if form.layout in _X_FIRST] == [BoxForm("corners")]:
                return _find_order_of_corners(inside, path)
        if agrees[XYWH].mean() >= MIN_NEAR_SHARE:  # so they are areas of boxes, not of masks
            _refuse_mixed(agrees, path)
        if XYWH in forms:
            _refuse_larger_areas(areas, box_areas[XYWH], path)
    leaving = int((~inside[XYWH]).sum())
    fits = {form: (~deep[form]).mean() >= _MIN_INSIDE for form in forms}
    own = [form for form in forms if form.unit == unit and form != XYWH and fits[form]]
    fitting = [form for form in own if form.layout in _X_FIRST]
    scaled = [form for form in forms if form.unit != unit and fits[form] and _spans_images(boxes[form], sizes)]
    if XYWH in forms:
        few = leaving < _MIN_LEAVING or leaving < _MIN_LEAVING_SHARE * len(numbers)
        if few or deep[XYWH].sum() < _MIN_DEEP_SHARE * leaving:
            return XYWH if outlined.any() else _find_percent(numbers, sizes, boxes, scaled) or XYWH
    if not fitting and (XYWH not in forms or len(numbers) >= _MIN_Y_FIRST):
        fitting = own
    if not fitting and XYWH not in forms:
        fitting = [form for form in scaled if form.layout in _X_FIRST]
    if len(fitting) == 1:
        return fitting[0]
    if XYWH in forms and not fitting and not scaled and leaving <= _MAX_LEAVING_SHARE * len(numbers):
        return XYWH
    some = f"{leaving} of {len(numbers)} boxes"
    problem = "its boxes are shares of the image" if unit == "shares" else f"{some} leave their images by far"
    fitting = fitting or own or scaled
    guess = f": they may be {' or '.join(form.words for form in fitting)}" if fitting else ""
    sizes_hint = "" if unit == "shares" or fitting else ", and check the width and height of the images"
    raise InputError(f"{path}: {problem}{guess}; {_WAY_OUT}{sizes_hint}.")


def is_usable(numbers: NDArray[np.float64]) -> Flags:
    """(N,) whether a box of (N, 4) four numbers tells anything: they are finite, and the last two above 0."""
    import numpy as np

    flags: Flags = np.logical_and(np.isfinite(numbers).all(axis=1), (numbers[:, 2:] > 0).all(axis=1))
    return flags


def _list_forms(unit: Unit, numbers: NDArray[np.float64]) -> list[BoxForm]:
    """The forms that boxes may have, the most frequent ones first; percent and thousandths if no number is larger."""
    others = [
        each
        for each, full in FULL_SIDES.items()
        if unit == "pixels" and _MAX_START * full <= numbers.max() <= (1 + _MAX_OVER) * full
    ]
    return [BoxForm(layout, each) for each in (unit, *others) for layout in (*_X_FIRST, *_Y_FIRST)]


def _spans_images(boxes: Columns, sizes: NDArray[np.int64]) -> bool:
    """Whether boxes begin and end at the edges of their images of (N, 2) width and height, and hardly beyond."""
    shares = boxes.reshape(2, 2, -1) / sizes.T
    starts, ends = shares.min(axis=(0, 2)), shares.max(axis=(0, 2))
    near = (starts >= -_MAX_OVER) & (starts <= _MAX_START) & (ends >= _MIN_REACH) & (ends <= 1 + _MAX_OVER)
    return bool(near.all())


def _find_percent(
    numbers: NDArray[np.float64],
    sizes: NDArray[np.int64],
    boxes: Mapping[BoxForm, Columns],
    scaled: Sequence[BoxForm],
) -> BoxForm | None:
    """The form of boxes in percent that would do as pixels, too; None if it is not sure that they are percent.

    Args:
        numbers: (N, 4) the four numbers of each box.
        sizes: (N, 2) width and height of their images.
        boxes: the boxes by form.
        scaled: the forms in percent or thousandths in which the boxes span their images.
    """
    forms = [form for form in scaled if form.unit == "percent" and form.layout in _X_FIRST]
    if len(forms) != 1 or len(numbers) < _MIN_PERCENT or sizes.min() < _MIN_SIDES * FULL_SIDES["percent"]:
        return None
    at_end = (boxes[forms[0]][2:] / sizes.T >= _END).sum(axis=1)
    has_decimals = (numbers % 1 != 0).mean() >= _MIN_DECIMALS
    return forms[0] if has_decimals and at_end.min() >= _MIN_AT_END else None


def to_columns(numbers: NDArray[np.float64], sizes: NDArray[np.int64], form: BoxForm) -> Columns:
    """The boxes, if their numbers mean this form."""
    import numpy as np

    columns: Any = numbers.T
    x, y, width, height = form.to_xywh(columns, *sizes.T)
    return np.stack((x, y, x + width, y + height))


def compute_areas(boxes: Columns) -> NDArray[np.float64]:
    """(N,) areas in square pixels; 0 where x1, y1 is not right of and below x0, y0."""
    x0, y0, x1, y1 = boxes
    areas: NDArray[np.float64] = (x1 - x0).clip(0) * (y1 - y0).clip(0)
    return areas


def compute_ious(boxes: Columns, others: Columns) -> NDArray[np.float64]:
    """(N,) intersection over union of each box and the other one; the other one has an area."""
    import numpy as np

    shared = compute_areas(np.concatenate((np.maximum(boxes[:2], others[:2]), np.minimum(boxes[2:], others[2:]))))
    ious: NDArray[np.float64] = shared / (compute_areas(boxes) + compute_areas(others) - shared)
    return ious


def _is_inside(boxes: Columns, sizes: NDArray[np.int64]) -> Flags:
    """Whether each box has an area, and does not leave its image of (N, 2) width and height."""
    import numpy as np

    x0, y0, x1, y1 = boxes
    width, height = sizes.T
    outside = np.max((-x0, -y0, x1 - width, y1 - height), axis=0)
    inside = compute_areas(np.stack((x0.clip(0), y0.clip(0), np.minimum(x1, width), np.minimum(y1, height))))
    is_near = (outside <= _MAX_PIXELS_OUTSIDE) | (inside >= (1 - _MAX_SHARE_OUTSIDE) * compute_areas(boxes))
    flags: Flags = (x1 > x0) & (y1 > y0) & is_near
    return flags


def leaves_deeply(boxes: Columns, sizes: NDArray[np.int64]) -> Flags:
    """Whether each box leaves its image of (N, 2) width and height by more than annotators overhang."""
    import numpy as np

    outside, sides = np.maximum(-boxes[:2], boxes[2:] - sizes.T), boxes[2:] - boxes[:2]
    is_deep = (outside > np.maximum(_MIN_DEEP_SIDE * sides, _MIN_DEEP_IMAGE * sizes.T)) | (sides <= 0)
    flags: Flags = is_deep.any(axis=0)
    return flags


def is_close(first: NDArray[np.float64], second: NDArray[np.float64]) -> Flags:
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
    near = (ious[XYWH] >= MIN_NEAR_IOU).mean()
    if XYWH in forms and near < MIN_NEAR_SHARE and len(ious[XYWH]) >= _MIN_LEAVING:
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
    for form in (BoxForm("corners"), BoxForm("center")):
        count, total = int((agrees[form] & ~agrees[XYWH]).sum()), len(agrees[form])
        if count >= max(_MIN_LEAVING, _MIN_MIXED_SHARE * total):
            some = f"{count} of {total} boxes"
            raise InputError(f"{path}: {some} are {form.words}, and others are not; {_WAY_OUT}.")


def _find_order_of_corners(inside: Mapping[BoxForm, Flags], path: Path) -> BoxForm:
    """The order of corners that agree with their areas, which do not tell x from y: that in which they are in images.

    Raises:
        InputError: in both orders some leave their images; the message counts them.
    """
    x_first, y_first = BoxForm("corners"), BoxForm("yx-corners")
    leaving = {form: int((~inside[form]).sum()) for form in (x_first, y_first)}
    most = max(_MIN_LEAVING, _MIN_LEAVING_SHARE * len(inside[x_first]))
    if leaving[x_first] < most:
        return x_first
    if leaving[y_first] < _MIN_LEAVING:
        return y_first
    some = f"{leaving[x_first]} of {len(inside[x_first])}"
    raise InputError(
        f"{path}: by their areas, its boxes are {x_first.words}, but {some} leave their images; {_WAY_OUT}."
    )


def _refuse_larger_areas(areas: NDArray[np.float64], box_areas: NDArray[np.float64], path: Path) -> None:
    """Check that nearly all (N,) areas that the file gives are not larger than those of the boxes.

    Raises:
        InputError: they are; if by one factor, the message says it.
    """
    import numpy as np

    if (areas > _MAX_AREA_RATIO * box_areas).mean() < _MIN_AGREEING:
        return
    ratios = areas / box_areas
    factor = float(np.median(ratios))
    cause = ""
    if is_close(ratios, np.full(len(ratios), factor)).mean() >= _MIN_AGREEING:
        cause = f" by {factor:.4g} times: the boxes are of pictures resized by {factor**-0.5:.4g}, the areas are not"
    raise InputError(
        f"{path}: its areas are larger than its boxes{cause}; {_WAY_OUT}, and areas, if any, in square pixels."
    )
