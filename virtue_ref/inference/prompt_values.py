"""Read prompts from the values that people hand over: lists, tuples, arrays, tensors, COCO's forms of a mask, files."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmeb_eval.item import XY, Lasso, Phrase, Points, Polygon, Prompt, Scribble
from scar.annotations.masks import parse_mask
from scar.common.image_header import read_header
from scar.common.images import BROKEN, open_image
from scar.common.orientation import UPRIGHT, turn_array
from scar.errors import BadRecord, InputError, ItemError
from scar.sample import Box, Mask

Outline = TypeVar("Outline", Polygon, Lasso)

LOSSY_FORMATS = ("JPEG",)
"""Formats whose pixels are not those that were drawn: around the thing, nothing stays exactly black."""


def read_prompt(value: Any, find_size: Callable[[], tuple[int, int]]) -> Prompt | None:
    """Read the prompt of an item.

    Args:
        value: None, or any `Prompt`; four numbers x0, y0, x1, y1 in any sequence, which are a box; or a
            mask as COCO's polygons or run lengths. All are in pixels of the image as it is displayed.
        find_size: returns (width, height) of the item's displayed image in pixels; called for polygons and run lengths
            only.

    Returns:
        The prompt with plain numbers; None if the value is None. Whether a box or points lie in the image is not
        checked.

    Raises:
        ItemError: the value is none of these, or polygons or run lengths do not fit the image.
    """
    match value:
        case None | Mask():
            return value
        case Box():
            return read_box((value.x0, value.y0, value.x1, value.y1))
        case Points():
            return read_points(value.xy, value.labels, value.box)
        case Polygon(xy):
            return read_outline(Polygon, xy)
        case Lasso(xy):
            return read_outline(Lasso, xy)
        case Scribble():
            return read_scribble(value.strokes, value.beside)
        case Phrase():
            return read_phrase(value.words)
        case Mapping():
            return read_mask(value, find_size)
    plain = _to_plain(value)
    if isinstance(plain, list) and plain and all(isinstance(part, list) for part in plain):
        if not isinstance(value, list | tuple):
            raise ItemError("a prompt that is an array of two dimensions: give Mask.from_array(it), or Points.")
        return read_mask(value, find_size)
    return read_box(plain)


def read_box(value: Any) -> Box:
    """Read a box from a `Box` or the four numbers x0, y0, x1, y1; whether it has an area is not checked.

    Raises:
        ItemError: the value is not four numbers.
    """
    if isinstance(value, Box):
        value = (value.x0, value.y0, value.x1, value.y1)
    corners = _to_plain(value)
    if not isinstance(corners, list) or len(corners) != 4 or not all(_is_number(corner) for corner in corners):
        raise ItemError(f"box {_shorten(value)} is not four numbers x0, y0, x1, y1.")
    return Box(*corners)


def read_points(xy: Any, labels: Any = None, box: Any = None) -> Points:
    """Read points, and the box beside them.

    Args:
        xy: [x, y] pairs in any sequence.
        labels: one label for each pair: 1 for a point on the thing, 0 for one beside it. None makes all of them 1.
        box: the box, as `read_box` takes it; None for none.

    Raises:
        ItemError: the values are not of this form. Whether the points lie in the image is not checked.
    """
    pairs = _read_pairs(xy, "points")
    marks = [1] * len(pairs) if labels is None else _to_plain(labels)
    if not isinstance(marks, list) or not all(mark in (0, 1) for mark in marks):
        raise ItemError(f"labels {_shorten(labels)} are not a list of 0 (beside the thing) and 1 (on it).")
    if len(marks) != len(pairs):
        raise ItemError(f"{len(pairs)} points need as many labels, each 0 or 1, not {_shorten(labels)}.")
    return Points(pairs, tuple(int(mark) for mark in marks), None if box is None else read_box(box))


def read_outline(kind: type[Outline], xy: Any) -> Outline:
    """Read a polygon or lasso from its [x, y] pairs, in any sequence; the first may be repeated at the end.

    Raises:
        ItemError: the values are not of this form. Whether the outline surrounds something is not checked.
    """
    pairs = _read_pairs(xy, f"{kind.__name__.lower()}")
    return kind(pairs[:-1] if len(pairs) > 1 and pairs[0] == pairs[-1] else pairs)


def read_scribble(strokes: Any, beside: Any = ()) -> Scribble:
    """Read a scribble.

    Args:
        strokes: strokes on the thing, each a sequence of [x, y] pairs; a single stroke may stand alone.
        beside: strokes beside the thing, likewise.

    Raises:
        ItemError: the values are not of this form. Whether the strokes lie in the image is not checked.
    """
    return Scribble(_read_strokes(strokes, "scribble"), _read_strokes(beside, "beside"))


def read_phrase(words: Any) -> Phrase:
    """Read words for a thing.

    Raises:
        ItemError: the value is no text, or an empty one.
    """
    if not isinstance(words, str) or not words.strip():
        raise ItemError(f"phrase {_shorten(words)} is no text: name the thing, such as 'the striped cup'.")
    return Phrase(words.strip())


def _read_strokes(strokes: Any, name: str) -> tuple[XY, ...]:
    plain = _to_plain(strokes)
    if not isinstance(plain, list):
        raise ItemError(f"{name} {_shorten(strokes)} is not a list of strokes, each a list of [x, y] pairs.")
    if plain and all(_is_pair(pair) for pair in plain):
        plain = [plain]
    return tuple(_read_pairs(stroke, name) for stroke in plain)


def _read_pairs(xy: Any, name: str) -> XY:
    pairs = _to_plain(xy)
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        verb = "are" if name == "points" else "is"
        raise ItemError(f"{name} {_shorten(xy)} {verb} not a list of [x, y] pairs of numbers.")
    return tuple((x, y) for x, y in pairs)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(each) for each in value)


def read_mask(value: Any, find_size: Callable[[], tuple[int, int]], folder: Path = Path()) -> Mask:
    """Read a mask.

    Args:
        value: a `Mask`; COCO's polygons or run lengths, compressed or not; the path of a mask's image, see
            `read_mask_file`; or an array, tensor or Pillow image, as `Mask.from_array` takes it, or the rows of an
            array as lists.
        find_size: returns (width, height) of the item's displayed image in pixels; called for polygons and run lengths
            only.
        folder: folder that the path is relative to.

    Raises:
        ItemError: the value is none of these, or polygons or run lengths are empty or do not fit the image. The size of
            other masks is not checked here.
    """
    if isinstance(value, Mask):
        return value
    if isinstance(value, str | Path):
        return read_mask_file(folder / value)
    if not isinstance(value, Mapping | list | tuple):
        return _from_array(value)
    plain, (width, height) = _to_plain(value), find_size()
    if isinstance(plain, list) and len(plain) == height and all(_is_row(row, width) for row in plain):
        return _from_array(plain)  # as polygons, the rows of an array would cover something
    try:
        mask = parse_mask(plain, width, height, "mask")
    except BadRecord as error:
        raise ItemError(f"the mask cannot be used: {error.problem}.") from error
    if mask is None:
        raise ItemError("the mask is empty.")
    return mask


def read_mask_file(path: Path) -> Mask:
    """Read a mask from an image file: pixels that are neither black nor transparent belong to the thing.

    The file's own EXIF orientation turns the mask as viewers show it. Whether its size is that of the item's image is
    not checked here.

    Raises:
        ItemError: the file is missing, no image, or in a format that does not keep black pixels black (JPEG).
    """
    try:
        with open_image(path) as image:
            if image.format in LOSSY_FORMATS:
                raise ItemError(f"mask {path}: {image.format} does not keep black pixels black; save it as PNG.")
            is_turned = image.format == "TIFF"  # Pillow turns it when it decodes it
            image.load()
            pixels = np.asarray(image) if len(image.getbands()) == 1 else _find_painted(image)
            return _from_array(turn_array(pixels, UPRIGHT if is_turned else read_header(path).orientation))
    except ItemError:  # a ValueError too
        raise
    except FileNotFoundError as error:
        raise ItemError(f"mask {path}: no such file.") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise ItemError(f"mask {path}: not an image that can be opened ({error}).") from error


def _find_painted(image: Image.Image) -> NDArray[np.bool_]:
    """(H, W) booleans: whether a pixel has a colour, and is not transparent."""
    bands = np.asarray(image)
    if image.mode not in ("LA", "PA", "La", "RGBA", "RGBa"):
        return np.asarray(bands.any(axis=-1))
    return np.asarray(bands[..., :-1].any(axis=-1) & (bands[..., -1] != 0))


def _from_array(value: Any) -> Mask:
    try:
        return Mask.from_array(value)
    except InputError as error:
        raise ItemError(str(error)) from error


def _to_plain(value: Any) -> Any:
    """A value with arrays, tensors, tuples and bytes in it as lists, numbers and text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_to_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {key: _to_plain(part) for key, part in value.items()}
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _is_row(value: Any, length: int) -> bool:
    """Whether a value is a list of ``length`` numbers or truth values."""
    return isinstance(value, list) and len(value) == length and all(isinstance(each, int | float) for each in value)


def _is_number(value: Any) -> bool:
    """Whether a value is a real number that a float can hold; NaN and infinity are refused later, by their place."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _shorten(value: Any) -> str:
    """The `repr` of a value in one line, cut to 60 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
