"""Opening an item's image, for adapters."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mmeb_eval.errors import DataError
from scar.images import FORMATS, MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image


def open_rgb(path: Path) -> Image:
    """The image, decoded to its last row, as RGB.

    Raises:
        DataError: it is missing, truncated, damaged, no image, or larger than `scar.images.MAX_PIXELS`.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below, and odd metadata harms nobody
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are decoded.")
                return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise DataError(f"{path}: not an image that can be decoded: {' '.join(str(error).split())}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: more than the {MAX_PIXELS:,} pixels that are decoded.") from error
