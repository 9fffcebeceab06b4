"""Decode an image as it is displayed: turned upright, with 8 bits a channel.

The one rule for pixels of more than 8 bits, and for alpha:

- 16-bit whole numbers keep their top 8 bits, as all decoders do with 16-bit RGB. A TIFF that states fewer bits
  (BitsPerSample, MaxSampleValue) keeps the top 8 of those.
- Floats of 0 to 1 become 0 to 255. A TIFF that states another range (SMinSampleValue, SMaxSampleValue) has that one.
- Anything else is refused, since no rule tells its brightness: floats outside the range or NaN, signed or 32-bit whole
  numbers, 16-bit images, of RGB too, that are darker than `_DARKEST` throughout (most likely 12-bit data).
- Alpha is dropped, not composited, as the official code does.

Pillow alone clips whole numbers at 255 and truncates floats: all white and all black.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.image_content import describe_content
from scar.common.image_header import read_header
from scar.common.images import BROKEN, FORMATS, make_no_permission, open_image
from scar.common.orientation import UPRIGHT, turn_image
from scar.errors import BadRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from scar.common.image_bytes import ImageFile

_DARKEST = 16
"""Grey level, of 256, below which a whole 16-bit image is taken for data of fewer bits."""

_DEEP_LAYOUT, _COLOURS = ";16", {"RGB": 3, "RGBA": 3, "LA": 1}
"""Part of Pillow's name for 16-bit pixels in a file, such as ``RGB;16B``, and the modes of which it decodes the top 8
bits itself, with their number of channels without alpha."""

_TAIL = 12
"""Bytes at the end of a file that show whether it is whole."""

_BITS_TAG, _PHOTOMETRIC_TAG, _MAX_TAG, _KIND_TAG, _FLOAT_MIN_TAG, _FLOAT_MAX_TAG = 258, 262, 281, 339, 340, 341
_WHITE_IS_ZERO, _SIGNED = 0, 2


class UnclearPixels(ValueError):  # noqa: N818 - named after what is unclear
    """Pixels whose brightness no rule tells; the message says which values, and the way out."""


def decode_upright(path: ImageFile, draft_size: tuple[int, int] | None = None) -> Image:
    """Decode an image as it is displayed; its mode has 8 bits a channel or less, and may have alpha or a palette.

    Args:
        path: the image file.
        draft_size: (width, height) in pixels that suffices. A JPEG is decoded in grey, at the smallest of 1/1, 1/2, 1/4
            and 1/8 of its size that is at least as large; other formats are decoded whole. None decodes all pixels.

    Raises:
        UnclearPixels: see `to_eight_bits`.
        Image.DecompressionBombError, *BROKEN: see `scar.common.images.open_image`.
    """
    orientation = read_header(path).orientation
    with open_image(path) as image:
        if draft_size is not None:
            image.draft("L", draft_size)
        is_deep = any(_DEEP_LAYOUT in str(tile.args) for tile in getattr(image, "tile", ()))
        image.load()
        if is_deep and image.mode in _COLOURS:
            _refuse_dark(image)
        is_turned = hasattr(image, "tag_v2")  # Pillow turns a TIFF when it decodes it
        return turn_image(to_eight_bits(image), UPRIGHT if is_turned else orientation)


def decode_rgb(path: ImageFile) -> Image:
    """Decode an image as it is displayed, in RGB; raises what `decode_upright` raises."""
    return to_rgb(decode_upright(path))


def to_rgb(image: Image) -> Image:
    """The image in RGB; alpha is dropped.

    Raises:
        UnclearPixels: see `to_eight_bits`.
    """
    image = to_eight_bits(image)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if "transparency" in image.info:
        # Pillow would advise RGBA; here alpha goes anyway. (Its warning cannot be caught in a thread.)
        image = image.copy()
        del image.info["transparency"]
    return image.convert("RGB")


def to_eight_bits(image: Image) -> Image:
    """Convert an image of one channel with more than 8 bits to mode L; return any other image as it is.

    Args:
        image: a decoded image as Pillow opened it: a TIFF's tags say which values are black and white.

    Raises:
        UnclearPixels: no rule tells how bright its values are.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    import numpy as np
    from PIL import Image as PillowImage

    tags: dict[int, Any] = dict(getattr(image, "tag_v2", {}))
    values = np.asarray(image)
    grey = _scale_floats(values, tags) if image.mode == "F" else _scale_integers(values, tags)
    grey = 255 - grey if tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO else grey
    made = PillowImage.fromarray(grey)
    made.info.update({key: value for key, value in image.info.items() if key != "transparency"})
    return made


def _refuse_dark(image: Image) -> None:
    """Check that an image of 16-bit colours, of which Pillow decoded the top 8 bits, is not dark throughout.

    Raises:
        UnclearPixels: it is; most likely it holds data of fewer bits.
    """
    import numpy as np

    values = np.asarray(image)[..., : _COLOURS[image.mode]]
    if 0 < values.max() < _DARKEST:
        problem = f"16-bit colours whose top 8 bits are {values.min()} to {values.max()} of 255, nearly black"
        raise UnclearPixels(f"{problem}; multiply them to fill 16 bits, or save it with 8 bits a pixel")


def _scale_floats(values: NDArray[Any], tags: dict[int, Any]) -> NDArray[np.uint8]:
    import numpy as np

    low, high = (_to_number(tags.get(tag), default) for tag, default in ((_FLOAT_MIN_TAG, 0), (_FLOAT_MAX_TAG, 1)))
    if not (np.isfinite(values).all() and low <= values.min() and values.max() <= high and low < high):
        problem = _describe_range(values)
        raise UnclearPixels(f"{problem}: only {low:g} to {high:g} have a known brightness; save it with 8 bits a pixel")
    scaled: NDArray[np.uint8] = np.rint((values.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
    return scaled


def _scale_integers(values: NDArray[Any], tags: dict[int, Any]) -> NDArray[np.uint8]:
    import numpy as np

    bits = max(int(_to_number(tags.get(_BITS_TAG), 16)), 8)
    if _MAX_TAG in tags:
        bits = min(bits, max(int(_to_number(tags[_MAX_TAG], 0)).bit_length(), 8))
    if bits > 16 or _to_number(tags.get(_KIND_TAG), 1) == _SIGNED or values.min() < 0 or values.max() >> bits:
        raise UnclearPixels(f"{_describe_range(values)}, whose brightness is not known; save it with 8 bits a pixel")
    grey: NDArray[np.uint8] = (values >> (bits - 8)).astype(np.uint8)
    if bits == 16 and values.max() > 0 and grey.max() < _DARKEST:
        problem = f"{_describe_range(values)} of 65,535, nearly black"
        raise UnclearPixels(f"{problem}; multiply them to fill 16 bits, or save it with 8 bits a pixel")
    return grey


def _to_number(value: Any, default: float) -> float:
    """The number in the value of a TIFF tag, which may be a tuple of one; the default if there is none."""
    try:
        return float(value[0] if isinstance(value, tuple) else value)
    except (TypeError, ValueError, IndexError):
        return default


def _describe_range(values: NDArray[Any]) -> str:
    """Smallest and largest value in words, such as ``float pixels of -3 to 871``."""
    import numpy as np

    kind = "float" if values.dtype.kind == "f" else "whole-number"
    finite = values[np.isfinite(values)]
    text = f"{kind} pixels of {finite.min():,g} to {finite.max():,g}" if finite.size else f"{kind} pixels"
    return text if finite.size == values.size else f"{text} and {values.size - finite.size:,} NaN or infinite ones"


def probe_image(path: Path, where: str) -> tuple[int, int]:
    """Width and height of an image as displayed, in pixels; most undamaged JPEGs and PNGs are not decoded.

    The size is read from the header; the last bytes show whether the file is truncated. If these bytes do not suffice,
    or the image has another format, more than 8 bits or has to be turned, it is decoded.

    Args:
        path: the image file.
        where: the annotation file and the record that name the image, for the error message.

    Raises:
        BadRecord: as in `load_image`, except that damage in the middle of a JPEG or PNG is not noticed.
    """
    from PIL.Image import DecompressionBombError

    try:
        header = read_header(path)
        with path.open("rb") as file:
            file.seek(-min(_TAIL, file.seek(0, 2)), 2)
            tail = file.read()
    except (DecompressionBombError, *BROKEN):
        return decode_image(path, where)
    is_whole = tail[-8:-4] == b"IEND" or tail[-2:] == b"\xff\xd9"
    is_sure = header.is_plain and header.orientation == UPRIGHT and is_whole
    return header.size if is_sure else decode_image(path, where)


def decode_image(path: Path, where: str) -> tuple[int, int]:
    """Decode an image; return its width and height as displayed, in pixels. Raises what `load_image` raises."""
    return load_image(path, where).size


def load_image(path: Path, where: str) -> Image:
    """Decode an image as it is displayed, in RGB.

    Args:
        path: the image file.
        where: the annotation file and the record that name the image, for the error message.

    Raises:
        BadRecord: the image has more pixels than `scar.common.images.max_pixels` (``image_bomb``), may not be read
            (``image_closed``), is missing, truncated, damaged or no image (``image_broken``), or its pixels cannot be
            displayed (``image_pixels``).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return decode_rgb(path)
    except Image.DecompressionBombError as error:
        raise BadRecord(where, f"image {path} has {error}", "image_bomb") from None
    except PermissionError:
        raise make_no_permission(path, where) from None
    except UnidentifiedImageError:
        what = describe_content(path)
        problem = f"{path} is not an image in {', '.join(FORMATS)}" + (f", but {what}" if what else "")
        raise BadRecord(where, problem, "image_broken") from None
    except UnclearPixels as error:
        raise BadRecord(where, f"image {path} has {error}", "image_pixels") from None
    except BROKEN as error:
        raise BadRecord(where, f"image {path} does not decode: {error}", "image_broken") from None
