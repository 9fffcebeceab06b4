"""Take evenly spread boxes of a COCO-style file, with what else the file says of them, to find out the boxes' form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

from scar.annotations.box_doubts import check_form, list_doubts
from scar.annotations.box_form import BOX_FORMS, BoxForm
from scar.annotations.box_form_finder import find_box_form, is_usable, leaves_deeply, to_columns
from scar.annotations.coco_mending import read_annotation
from scar.annotations.coco_records import CocoImage
from scar.annotations.image_sizes import explain_size
from scar.annotations.json_stream import ANY_JSON, parse_record
from scar.annotations.masks import find_outline
from scar.annotations.record_index import RecordSpans, read_records
from scar.common.image_header import read_header
from scar.common.images import BROKEN, locate_image
from scar.common.orientation import UPRIGHT
from scar.errors import BadRecord, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_AREA = 1e12
"""No image has so many pixels; JSON may have integers that are larger than any float."""

_NO_OUTLINE = (math.nan,) * 4

_CHECKED_IMAGES = 5
"""Images whose sizes are checked if boxes do not fit."""

_MIN_LEAVING, _MIN_LEAVING_SHARE = 3, 0.1
"""Least number and share of boxes that leave their images by far, from which on the sizes are checked."""

_MAX_SAMPLES = 1000
"""Boxes of a file that are looked at: a share of 10 % of all is then known to within 2 %."""


def find_form_of_annotations(
    path: Path,
    spans: RecordSpans,
    image_ids: NDArray[np.int64],
    images: Mapping[int, CocoImage],
    has_crowds: bool,
    folder: Path,
    boxes: str | None,
) -> tuple[BoxForm, list[str]]:
    """Find out the form of the boxes of a COCO-style file from at most `_MAX_SAMPLES` of them, without crowds.

    Args:
        path: path of the file.
        spans: (M, 4) where its annotations are; see `RecordSpans`.
        image_ids: (M,) ids of their images, as in ``images``.
        images: the images by id.
        has_crowds: whether ``iscrowd`` tells crowds.
        folder: the image folder, for messages about images of other sizes.
        boxes: what the user says of the form; None if nothing.

    Returns:
        The form, and the names of what is doubtful about it.

    Raises:
        InputError: the form is not clear; see `find_box_form` and `check_form`.
    """
    import numpy as np

    rows = spread_evenly(len(spans), _MAX_SAMPLES)
    numbers, sizes, outlines, areas = [], [], [], []
    for text, image_id in zip(read_records(path, spans[rows]), image_ids[rows].tolist(), strict=True):
        annotation, image = read_annotation(text, path.name), images[image_id]
        if not (has_crowds and annotation.iscrowd):
            segmentation = parse_record(ANY_JSON, annotation.segmentation, path.name)
            numbers.append(annotation.bbox)
            sizes.append(image.size)
            outline = find_outline(segmentation, *image.size)
            outlines.append(astuple(outline) if outline else _NO_OUTLINE)
            areas.append(annotation.area if _is_area(annotation.area) else math.nan)
    columns = (
        np.array(numbers, np.float64).reshape(-1, 4),  # None becomes NaN
        np.array(sizes, np.int64).reshape(-1, 2),
        np.array(outlines, np.float64).reshape(-1, 4),
        np.array(areas, np.float64),
    )
    try:
        form, doubts = choose_form(*columns, boxes, path)
    except InputError as error:
        _refuse_other_sizes(image_ids[rows].tolist(), images, folder, path)
        raise error
    is_y_first = form.layout in ("yxhw", "yx-corners")  # or width and height of the images are exchanged
    if is_y_first or _leave_images(form, *columns[:2]):
        _refuse_other_sizes(image_ids[rows].tolist(), images, folder, path)
    return form, doubts


def choose_form(
    numbers: NDArray[np.float64],
    sizes: NDArray[np.int64],
    outlines: NDArray[np.float64],
    areas: NDArray[np.float64],
    boxes: str | None,
    path: Path,
) -> tuple[BoxForm, list[str]]:
    """The form that the user says, checked, or that of `find_box_form`; and the names of what is doubtful about it.

    ``boxes`` is what the user says, a key of `BOX_FORMS`, or None. The other arguments are those of `find_box_form`.
    """
    if boxes is not None:
        check_form(BOX_FORMS[boxes], numbers, sizes, outlines, path)
        return BOX_FORMS[boxes], []
    form = find_box_form(numbers, sizes, outlines, areas, path)
    return form, list_doubts(form, numbers, sizes, outlines, areas)


def _leave_images(form: BoxForm, numbers: NDArray[np.float64], sizes: NDArray[np.int64]) -> bool:
    """Whether many boxes leave their images in a form, though their outlines may do so, too."""
    usable = is_usable(numbers)
    leaving = leaves_deeply(to_columns(numbers[usable], sizes[usable], form), sizes[usable])
    return int(leaving.sum()) >= max(_MIN_LEAVING, _MIN_LEAVING_SHARE * int(usable.sum()))


def _refuse_other_sizes(image_ids: Sequence[int], images: Mapping[int, CocoImage], folder: Path, path: Path) -> None:
    """Check the sizes of some images, as boxes that fit nowhere may be due to them.

    Raises:
        InputError: the file gives an image another size than it has; the message says how it differs.
    """
    for number in list(dict.fromkeys(image_ids))[:_CHECKED_IMAGES]:
        image = images[number]
        try:
            header = read_header(locate_image(folder, image.file, ""))
        except (BadRecord, *BROKEN):
            continue
        if image.size not in (header.size, header.stored_size):
            is_turned = header.orientation != UPRIGHT
            problem = explain_size(header.size, image.size, is_turned)
            raise InputError(
                f"{path}: its boxes do not fit its images, as the sizes are others: {image.file} {problem}."
            )


def spread_evenly(count: int, most: int) -> list[int]:
    """Indices, 0 to ``count`` - 1, of at most ``most`` records, in ascending order and evenly spread."""
    some = min(count, most)
    return [number * count // some for number in range(some)]


def _is_area(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _MAX_AREA
