"""Make image files of what people hold in memory: bytes, images of Pillow, arrays, frames of a video."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.image_bytes import ImageBytes
from scar.errors import ItemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's modes whose pixels a PNG keeps as they are."""


def make_image_file(value: Any) -> Any:
    """Make an image file of what people hand over.

    Args:
        value: a path; the bytes of an image file; an image of Pillow, whose EXIF orientation is kept; an array of
            pixels, see `encode_array`; or (frames, index), one of the arrays of a video.

    Returns:
        A `Path` or `ImageBytes`; a value of another kind is returned as it is.

    Raises:
        ItemError: the pixels cannot be displayed, or there is no such frame.
    """
    if value is None or isinstance(value, Path | ImageBytes):
        return value
    if isinstance(value, str | os.PathLike):
        return Path(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return ImageBytes(bytes(value))
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return make_image_file(_get_frame(*value))
    pillow: Any = sys.modules.get("PIL.Image")  # who has an image of Pillow has imported it
    if pillow is not None and isinstance(value, pillow.Image):
        return encode_picture(value)
    return encode_array(value) if hasattr(value, "__array__") else value


def encode_picture(picture: Image) -> ImageBytes:
    """Encode an image of Pillow without compression; equal pixels, palettes and orientations give equal bytes.

    Raises:
        ItemError: the image is truncated, or no rule tells how bright its pixels are.
    """
    from PIL.Image import DecompressionBombError

    from scar.common.image_header import read_open_header
    from scar.common.images import BROKEN, check_pixel_count, refuse_truncated
    from scar.common.orientation import UPRIGHT, turn_image
    from scar.common.pixels import UnclearPixels, to_eight_bits, to_rgb

    try:
        check_pixel_count(picture.size)
        with refuse_truncated():
            picture.load()
        orientation = read_open_header(picture).orientation
        image = turn_image(to_eight_bits(picture), UPRIGHT)  # a copy, without metadata
    except (UnclearPixels, DecompressionBombError, *BROKEN) as error:
        raise ItemError(f"the image cannot be used: {' '.join(str(error).split())}.") from error
    image = image if image.mode in PNG_MODES else to_rgb(image)
    return _encode(image, orientation)


def encode_array(pixels: Any) -> ImageBytes:
    """Encode an array of pixels without compression.

    Args:
        pixels: (H, W) or (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA, of uint8; or (H, W) booleans or uint16. A
            tensor on the CPU will do.

    Raises:
        ItemError: the array has another shape or type; floats are refused, since they do not say their range.
    """
    import numpy as np
    from PIL import Image

    try:
        values: NDArray[Any] = np.asarray(pixels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ItemError(f"a {type(pixels).__name__} that is no array ({' '.join(str(error).split())}).") from error
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    told = f"an array {values.shape} of {values.dtype}"
    if values.ndim not in (2, 3) or 0 in values.shape or (values.ndim == 3 and values.shape[-1] not in (3, 4)):
        turned = "; its channels stand first: transpose (1, 2, 0)" if _has_channels_first(values) else ""
        raise ItemError(f"{told} is no image: it is (H, W), (H, W, 3) or (H, W, 4){turned}.")
    if values.dtype.kind == "f":
        bad = " and holds NaN or infinity" if not np.isfinite(values).all() else ""
        raise ItemError(f"{told} does not say its range{bad}; scale it to 0 to 255 and convert it to uint8.")
    is_grey = values.ndim == 2 and values.dtype in (np.bool_, np.uint16)
    if values.dtype != np.uint8 and not is_grey:
        raise ItemError(f"{told}: pixels are uint8, or bool or uint16 without channels.")
    return encode_picture(Image.fromarray(np.ascontiguousarray(values)))


def _has_channels_first(values: NDArray[np.generic]) -> bool:
    return values.ndim == 3 and values.shape[0] in (1, 3, 4)


def _encode(image: Image, orientation: int) -> ImageBytes:
    """A PPM of plain pixels, which is a copy of memory; else a PNG, stored and not compressed."""
    from PIL.Image import Exif

    buffer = io.BytesIO()
    if orientation == 1 and image.mode in ("L", "RGB") and "transparency" not in image.info:
        image.save(buffer, "PPM")
        return ImageBytes(buffer.getvalue())
    exif = Exif()
    exif[0x0112] = orientation
    image.save(buffer, "PNG", exif=exif, compress_level=0)
    return ImageBytes(buffer.getvalue())


def _get_frame(frames: Any, index: int) -> Any:
    try:
        count = len(frames)
    except TypeError as error:
        raise ItemError(f"frame {index} of a {type(frames).__name__}: give an array or a list of frames.") from error
    if not 0 <= index < count:
        raise ItemError(f"frame {index} of {count}: frames are counted from 0.")
    return frames[index]
