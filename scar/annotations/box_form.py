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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from scar.errors import InputError
from scar.sample import Box

_MIN_SAME_IOU = 0.9
"""Least intersection over union of a box and its outline. Outlines with decimals and boxes in whole pixels reach it
from 20 pixels on; a corner box reaches it only if it begins at the image's corner."""

_MIN_NEAR_IOU, _MIN_NEAR_SHARE = 0.3, 0.5
"""Boxes that people draw apart from the outlines are still near them; if half of them are not, something is wrong."""

_MAX_AREA_DIFFERENCE = 0.02
"""Relative difference of two equal areas, for rounding. Of COCO's mask areas, 1 in 200 equals that of a wrong form."""

_MIN_AGREEING = 0.9
"""Least share of boxes that must agree with their outline or area; some outlines of any file are wrong."""

_MIN_INSIDE = 0.99
"""Least share of boxes that must be inside their images in another form than `XYWH`."""

_MAX_PIXELS_OUTSIDE, _MAX_SHARE_OUTSIDE = 2, 0.1
"""A box leaves its image if it does by more pixels, and by a larger share of its area. No box of COCO does."""

_MIN_LEAVING, _MIN_LEAVING_SHARE = 3, 0.1
"""Least number and share of boxes that leave their images, from which on another form is tried. Fewer may be mistakes
of annotators, and are clipped. Of corner boxes of things that lie anywhere, three in four leave their images."""

_MAX_LEAVING_SHARE = 0.25
"""Largest share of boxes that may leave their images if no other form fits."""

_MIN_AREAS = 3
"""Least number of areas that must agree: one or two may by chance."""

_MIN_MIXED_SHARE = 0.02
"""Share of boxes that have outline or area of another form only, from which on a file has boxes of several forms."""

_MAX_AREA_RATIO = 1.5
"""A thing's area is at most that of its box. If it is larger by more than this for nearly all, the boxes are not in
pixels, or of another size of the images."""

_MAX_FRACTION = 1.01
"""Largest number in boxes that are shares of the image; rounding adds some."""

Numbers: TypeAlias = tuple[float, float, float, float]


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


@dataclass(frozen=True, slots=True)
class BoxSample:
    """A box of a file, with what may tell its form.

    Attributes:
        numbers: the four numbers of the box.
        width: width of the image in pixels.
        height: height of the image in pixels.
        outline: the box around its polygons or its mask, in pixels; None if the file has none for this box.
        area: the area that the file gives for it, in square pixels of the box or of the mask; None if it gives none.
    """

    numbers: Numbers
    width: int
    height: int
    outline: Box | None = None
    area: float | None = None

    def make_box(self, form: BoxForm) -> Box:
        """The box in pixels, if its numbers are read in this form."""
        return Box.from_xywh(*form.to_xywh(self.numbers, self.width, self.height))

    def is_inside(self, form: BoxForm) -> bool:
        """Whether the box, read in this form, has an area and does not leave its image by much."""
        box = self.make_box(form)
        inside = box.intersection(Box(0, 0, self.width, self.height))
        outside = max(-box.x0, -box.y0, box.x1 - self.width, box.y1 - self.height)
        is_near = outside <= _MAX_PIXELS_OUTSIDE or inside.area >= (1 - _MAX_SHARE_OUTSIDE) * box.area
        return box.x1 > box.x0 and box.y1 > box.y0 and is_near

    def has_outline(self, form: BoxForm) -> bool:
        """Whether the box, read in this form, is nearly equal to the outline; False without an outline."""
        return self.outline is not None and self.make_box(form).iou(self.outline) >= _MIN_SAME_IOU

    def is_near_outline(self, form: BoxForm) -> bool:
        """Whether the box, read in this form, is where the outline is, if more loosely; False without an outline."""
        return self.outline is not None and self.make_box(form).iou(self.outline) >= _MIN_NEAR_IOU

    def has_larger_area(self, form: BoxForm) -> bool:
        """Whether the area that the file gives is too large for the box, read in this form; False without an area."""
        return self.area is not None and self.area > _MAX_AREA_RATIO * self.make_box(form).area

    def has_area(self, form: BoxForm) -> bool:
        """Whether the box, read in this form, has nearly the area that the file gives; False without an area."""
        return self.area is not None and math.isclose(self.make_box(form).area, self.area, rel_tol=_MAX_AREA_DIFFERENCE)


def find_box_form(samples: Sequence[BoxSample], path: Path) -> BoxForm:
    """Find out the form of the boxes of a file; `XYWH` if nothing speaks against it.

    Args:
        samples: boxes of the file. A box is left out if a number is not finite, or its third or fourth is not above 0.
        path: path of the file, for the message.

    Raises:
        InputError: the boxes are not where the outlines are, are smaller than their areas, or have several forms. Or
            they are not `XYWH`, as many leave their images or all numbers are at most 1, and not exactly one other form
            fits.
    """
    samples = [sample for sample in samples if all(map(math.isfinite, sample.numbers)) and min(sample.numbers[2:]) > 0]
    is_fraction = bool(samples) and all(max(map(abs, sample.numbers)) <= _MAX_FRACTION for sample in samples)
    forms = _FRACTION_FORMS if is_fraction else _PIXEL_FORMS
    outlined = [sample for sample in samples if sample.outline is not None and sample.outline.area > 0]
    if outlined and (form := _find_form_of_outlines(outlined, forms, path)):
        return form
    measured = [sample for sample in samples if sample.area is not None and sample.area > 0]
    if len(measured) >= _MIN_AREAS:
        agreeing = _list_agreeing(BoxSample.has_area, measured, forms)
        if agreeing == [BoxForm("corners")]:
            _refuse_leaving(samples, agreeing[0], path)
            return agreeing[0]
        if agreeing and XYWH not in agreeing:
            forms = agreeing
        if _share(BoxSample.has_area, measured, XYWH) >= _MIN_NEAR_SHARE:  # so they are areas of boxes, not of masks
            _refuse_mixed(BoxSample.has_area, measured, path)
        if not is_fraction and _share(BoxSample.has_larger_area, measured, XYWH) >= _MIN_AGREEING:
            raise InputError(
                f"{path}: its areas are larger than its boxes; {_WAY_OUT}, and areas, if any, in square pixels."
            )
    leaving = sum(not sample.is_inside(XYWH) for sample in samples)
    if not is_fraction and (leaving < _MIN_LEAVING or leaving < _MIN_LEAVING_SHARE * len(samples)):
        return XYWH
    fitting = [form for form in forms if form != XYWH and _share(BoxSample.is_inside, samples, form) >= _MIN_INSIDE]
    if len(fitting) == 1:
        return fitting[0]
    if not is_fraction and not fitting and leaving <= _MAX_LEAVING_SHARE * len(samples):
        return XYWH
    some = f"{leaving} of {len(samples)} boxes"
    problem = "its boxes are shares of the image" if is_fraction else f"{some} leave their images by far"
    guess = f": they may be {' or '.join(_DESCRIPTIONS[form] for form in fitting)}" if fitting else ""
    sizes = "" if is_fraction or fitting else ", and check the width and height of the images"
    raise InputError(f"{path}: {problem}{guess}; {_WAY_OUT}{sizes}.")


def _find_form_of_outlines(samples: Sequence[BoxSample], forms: Sequence[BoxForm], path: Path) -> BoxForm | None:
    """The form in which the boxes are those of their outlines; None if no form is, though the boxes may be right.

    Raises:
        InputError: the boxes are elsewhere, or the outlines are shares of the image.
    """
    if XYWH not in forms and all(_is_fraction(sample.outline) for sample in samples):
        raise InputError(f"{path}: its boxes and polygons are shares of the image; write both in pixels of the image.")
    agreeing = _list_agreeing(BoxSample.has_outline, samples, forms)
    if agreeing and agreeing[0] != XYWH:
        return agreeing[0]
    if XYWH in forms:
        _refuse_mixed(BoxSample.has_outline, samples, path)
    if agreeing:
        return XYWH
    near = _share(BoxSample.is_near_outline, samples, XYWH)
    if XYWH in forms and near < _MIN_NEAR_SHARE and len(samples) >= _MIN_LEAVING:
        raise InputError(f"{path}: its boxes are not where its polygons or masks are; {_WAY_OUT}.")
    return XYWH if near >= _MIN_AGREEING else None


def _refuse_mixed(agrees: Callable[[BoxSample, BoxForm], bool], samples: Sequence[BoxSample], path: Path) -> None:
    """Check that hardly any box agrees in a form other than `XYWH` only.

    Raises:
        InputError: some do; the message counts them.
    """
    for form in _PIXEL_FORMS[1:]:
        count = sum(agrees(sample, form) and not agrees(sample, XYWH) for sample in samples)
        if count >= max(_MIN_LEAVING, _MIN_MIXED_SHARE * len(samples)):
            some = f"{count} of {len(samples)} boxes"
            raise InputError(f"{path}: {some} are {_DESCRIPTIONS[form]}, and others are not; {_WAY_OUT}.")


def _refuse_leaving(samples: Sequence[BoxSample], form: BoxForm, path: Path) -> None:
    """Check that hardly any box of a form leaves its image. An area does not tell x from y.

    Raises:
        InputError: some do; the message counts them.
    """
    leaving = sum(not sample.is_inside(form) for sample in samples)
    if leaving >= max(_MIN_LEAVING, _MIN_LEAVING_SHARE * len(samples)):
        problem = (
            f"by their areas, its boxes are {_DESCRIPTIONS[form]}, but {leaving} of {len(samples)} leave their images"
        )
        raise InputError(f"{path}: {problem} (y before x?); {_WAY_OUT}.")


def _is_fraction(box: Box | None) -> bool:
    return box is not None and max(map(abs, (box.x0, box.y0, box.x1, box.y1))) <= _MAX_FRACTION


def _list_agreeing(
    agrees: Callable[[BoxSample, BoxForm], bool], samples: Sequence[BoxSample], forms: Sequence[BoxForm]
) -> list[BoxForm]:
    """The forms in which nearly all boxes agree with something, in the order of ``forms``."""
    return [form for form in forms if _share(agrees, samples, form) >= _MIN_AGREEING]


def _share(holds: Callable[[BoxSample, BoxForm], bool], samples: Sequence[BoxSample], form: BoxForm) -> float:
    """Share of the boxes for which something holds in a form."""
    return sum(holds(sample, form) for sample in samples) / len(samples)
