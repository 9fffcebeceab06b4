"""Convert the masks of annotation files to `Mask`.

A file may have polygons, uncompressed run-length encoding or compressed run-length encoding. The runs of the resulting
`Mask` always fill the image exactly: pycocotools reads beyond its memory if they do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from scar.annotations.mask_forms import list_mask_parts
from scar.common.orientation import UPRIGHT, turn_mask, turn_polygon, turn_size
from scar.errors import BadRecord
from scar.run_lengths import decode_full_runs
from scar.sample import Box, Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_COORDINATE = 1e9
"""No image has so many pixels; JSON may have integers that are larger than any float."""

_MAX_SIDES_OUTSIDE = 2
"""How far a polygon may reach beyond the image, in image sides: each pixel of an outline costs memory."""

_MIN_SAME_BOX = 0.5
"""Least intersection over union of a mask's box and the annotated one for the mask to be the annotated thing's."""


def parse_mask(
    segmentation: Any, width: int, height: int, where: str, orientation: int = UPRIGHT, box: Box | None = None
) -> Mask | None:
    """Make a mask from the ``segmentation`` value of a COCO annotation.

    Args:
        segmentation: polygons as lists of x, y in pixels, or ``{size, counts}`` with the run lengths as a list of
            numbers or as COCO's compressed text; or a form of `scar.annotations.mask_forms`.
        width: width of the image in pixels, in the frame of ``segmentation``.
        height: height of the image in pixels, in this frame.
        where: names the file and the record in error messages.
        orientation: EXIF orientation by which the mask is turned from the stored into the displayed frame. A polygon is
            turned before it is drawn, so that the mask is that of a polygon drawn on the displayed image.
        box: box of the thing, if it is known. It tells what the runs are if ``size`` is width and height by mistake.

    Returns:
        The mask, turned; None if ``segmentation`` is None or an empty list or object.

    Raises:
        BadRecord: the size of the mask differs from the image's (reason ``mask_size``), the mask covers no pixel
            (``empty_mask``), or ``segmentation`` has none of these forms (``bad_mask``).
    """
    parts = list_mask_parts(segmentation)
    if parts is None:
        return None
    if all(isinstance(part, dict) for part in parts):
        masks = [_from_runs(part, width, height, where, box) for part in parts]
        return turn_mask(masks[0] if len(masks) == 1 else _unite_masks(masks), orientation)
    if isinstance(segmentation, list) or isinstance(parts[0], list):
        return _from_polygons(parts, width, height, where, orientation)
    raise BadRecord(where, f"segmentation is {_shorten_repr(segmentation)}, not polygons or RLE", "bad_mask")


def _unite_masks(masks: list[Mask]) -> Mask:
    """The union of masks of one size."""
    from pycocotools import mask as coco

    merged = coco.merge([{"size": list(mask.size), "counts": mask.counts.encode()} for mask in masks])
    return Mask(masks[0].size, merged["counts"].decode())


def _from_polygons(polygons: list[Any], width: int, height: int, where: str, orientation: int) -> Mask:
    """Make a mask of the union of polygons, without polygons of fewer than three points, which enclose nothing."""
    from pycocotools import mask as coco

    rings = []
    for polygon in polygons:
        if not (isinstance(polygon, list) and len(polygon) % 2 == 0 and set(map(type, polygon)) <= {int, float}):
            raise BadRecord(where, f"polygon {_shorten_repr(polygon)} is not a list of x, y pairs", "bad_mask")
        if len(polygon) < 6:
            continue
        for values, side in ((polygon[0::2], width), (polygon[1::2], height)):
            is_near = -_MAX_SIDES_OUTSIDE * side <= min(values) and max(values) <= (1 + _MAX_SIDES_OUTSIDE) * side
            if not is_near or math.isnan(sum(values)):
                problem = f"polygon {_shorten_repr(polygon)} lies far outside the {width}x{height} image"
                raise BadRecord(where, problem, "bad_mask")
        rings.append(turn_polygon(polygon, (width, height), orientation))
    if not rings:
        raise BadRecord(where, "its mask covers no pixel: no polygon has three points", "empty_mask")
    width, height = turn_size((width, height), orientation)
    drawn = coco.frPyObjects(rings, height, width)
    merged = drawn[0] if len(drawn) == 1 else coco.merge(drawn)
    if coco.area(merged) == 0:
        raise BadRecord(where, "its mask covers no pixel", "empty_mask")
    return Mask(size=(height, width), counts=merged["counts"].decode())


def _from_runs(rle: dict[str, Any], width: int, height: int, where: str, box: Box | None) -> Mask:
    """Make a mask from ``{size, counts}``."""
    import numpy as np

    size, counts = rle.get("size"), rle.get("counts")
    if size == [width, height] != [height, width] and box is not None:
        return _from_swapped_size(rle, width, height, where, box)
    if size != [height, width]:
        raise BadRecord(
            where,
            f"RLE size {_shorten_repr(size)} is not the image's height and width [{height}, {width}]"
            + (", but its width and height" if size == [width, height] else ""),
            "mask_size",
        )
    if isinstance(counts, list):
        if not all(type(run) is int and run >= 0 for run in counts):
            raise BadRecord(where, f"RLE counts {_shorten_repr(counts)} are not whole numbers from 0", "bad_mask")
        if sum(counts) != width * height:  # before they are converted to C integers
            raise BadRecord(where, f"its runs fill {sum(counts)} of {width * height} pixels", "bad_mask")
        counts = _encode_runs(np.array(counts, np.int64), height, width)
    if not isinstance(counts, str):
        raise BadRecord(where, f"RLE counts {_shorten_repr(counts)} are neither text nor a list", "bad_mask")
    mask = Mask(size=(height, width), counts=counts)
    try:
        lengths = decode_full_runs(mask.counts, mask.size)
    except ValueError as error:
        raise BadRecord(where, f"RLE counts {_shorten_repr(counts)}: {error}", "bad_mask") from None
    if not lengths[1::2].any():
        raise BadRecord(where, "its mask covers no pixel", "empty_mask")
    return mask if lengths[1:].all() else Mask(mask.size, _encode_runs(_join_runs(lengths), height, width))


def _from_swapped_size(rle: dict[str, Any], width: int, height: int, where: str, box: Box) -> Mask:
    """Make a mask from run lengths whose size is width and height: of the two that they may mean, the one of the box.

    Raises:
        BadRecord: neither mask is where the box is (``mask_size``).
    """
    import numpy as np

    upright = _from_runs({**rle, "size": [height, width]}, width, height, where, None)
    across = _from_runs(rle, height, width, where, None)
    turned = Mask.from_array(np.ascontiguousarray(across.to_array().T))
    overlaps = [_compute_overlap(_find_box(mask), box) for mask in (upright, turned)]
    if max(overlaps) < _MIN_SAME_BOX or overlaps[0] == overlaps[1]:
        problem = f"RLE size [{width}, {height}] is not the image's height and width [{height}, {width}]"
        raise BadRecord(
            where, f"{problem}, but its width and height, and its runs are not where the box is", "mask_size"
        )
    return upright if overlaps[0] > overlaps[1] else turned


def _find_box(mask: Mask) -> Box:
    """The box around a mask."""
    from pycocotools import mask as coco

    return Box.from_xywh(*map(float, coco.toBbox({"size": list(mask.size), "counts": mask.counts.encode()})))


def _compute_overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box.x1 - box.x0) * (box.y1 - box.y0) for box in (first, second))
    return shared / (areas - shared)


def _join_runs(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join runs so that no run is empty, except possibly the first; the pixels stay the same."""
    import numpy as np

    inside = np.arange(len(lengths)) % 2 == 1
    inside, lengths = inside[lengths > 0], lengths[lengths > 0]
    firsts = np.flatnonzero(np.diff(inside, prepend=~inside[:1]))
    return np.concatenate((np.zeros(int(inside[0]), np.int64), np.add.reduceat(lengths, firsts)))


def _encode_runs(lengths: NDArray[np.int64], height: int, width: int) -> str:
    """Encode run lengths as COCO's compressed text."""
    from pycocotools import mask as coco

    rle = coco.frPyObjects({"size": [height, width], "counts": lengths.tolist()}, height, width)
    counts: bytes = rle["counts"]
    return counts.decode()


def _shorten_repr(value: object) -> str:
    """The `repr` of a value, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def find_outline(segmentation: Any, width: int, height: int) -> Box | None:
    """The box around the polygons or the mask of a ``segmentation`` value; see `parse_mask` for the arguments.

    The box is in pixels and not clipped to the image. None if there is no polygon or mask, or none that can be used.
    """
    parts = list_mask_parts(segmentation)
    if parts is not None and not all(isinstance(part, dict) for part in parts):
        rings = [ring for ring in parts if isinstance(ring, list) and len(ring) >= 6]
        xs, ys = ([value for ring in rings for value in ring[start::2]] for start in (0, 1))
        if not xs or not set(map(type, xs + ys)) <= {int, float}:
            return None
        x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        is_near = min(x0, y0) > -_MAX_COORDINATE and max(x1, y1) < _MAX_COORDINATE
        return Box(x0, y0, x1, y1) if is_near else None
    try:
        mask = parse_mask(segmentation, width, height, "")
    except BadRecord:
        return None
    return None if mask is None else _find_box(mask)


def find_run_starts(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """(R,) index at which each run of equal pixels starts in the (W * H,) pixels of an image in column order."""
    import numpy as np

    return np.concatenate(([0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1))


def group_runs(
    starts: NDArray[np.int64], labels: NDArray[Any], width: int, height: int
) -> dict[int, tuple[tuple[int, int, int, int], Callable[[], Mask]]]:
    """The box and the mask of each label except 0.

    Args:
        starts: (R,) start of each run; see `find_run_starts`. Two runs in a row may have the same label.
        labels: (R,) label of each run, 0 for pixels of nothing.
        width: width of the picture in pixels.
        height: height of the picture in pixels.

    Returns:
        By label in ascending order: x, y, width and height of the box in pixels, and a function that makes the mask,
        for `Region.make_mask`.
    """
    import numpy as np

    first = np.concatenate(([True], labels[1:] != labels[:-1]))
    starts, labels = starts[first], labels[first]
    ends = np.append(starts[1:], width * height)
    order = np.argsort(labels, kind="stable")
    starts, ends = starts[order], ends[order]
    values, firsts = np.unique(labels[order], return_index=True)
    left = np.minimum.reduceat(starts // height, firsts)
    right = np.maximum.reduceat((ends - 1) // height, firsts)
    # A run that continues in the next column touches top and bottom.
    whole = np.logical_or.reduceat(starts // height != (ends - 1) // height, firsts)
    top = np.where(whole, 0, np.minimum.reduceat(starts % height, firsts))
    bottom = np.where(whole, height, np.maximum.reduceat((ends - 1) % height, firsts) + 1)
    boxes = np.stack((left, top, right - left + 1, bottom - top), axis=1).tolist()
    rows = zip(values.tolist(), map(tuple, boxes), firsts.tolist(), [*firsts[1:].tolist(), len(starts)], strict=True)
    return {
        value: (box, partial(_runs_to_mask, starts[first:end], ends[first:end], width, height))
        for value, box, first, end in rows
        if value
    }


def _runs_to_mask(
    starts: NDArray[np.int64], ends: NDArray[np.int64], width: int, height: int, orientation: int = UPRIGHT
) -> Mask:
    """Make a mask from (R,) starts and ends of its runs; no run is empty and no two runs touch."""
    import numpy as np

    counts = np.empty(2 * len(starts) + 1, np.int64)
    counts[0], counts[-1] = starts[0], width * height - ends[-1]
    counts[1::2], counts[2:-1:2] = ends - starts, starts[1:] - ends[:-1]
    counts = counts if counts[-1] else counts[:-1]
    return turn_mask(Mask((height, width), _encode_runs(counts, height, width)), orientation)
