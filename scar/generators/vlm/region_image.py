"""The two pictures of a region that a model is shown: the image with the box drawn, and the part around the box."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from scar.common.pixels import load_image
from scar.sample import Box

if TYPE_CHECKING:
    from PIL.Image import Image

_MARGIN_SHARE = 0.15
"""Margin around the box in the enlarged part, as a share of the box's longer side."""

_QUALITY = 85
"""JPEG quality at which thin lines stay visible."""


def draw_region(path: Path, box: Box, side: int, crop_side: int) -> tuple[bytes, bytes]:
    """Draw a region.

    Args:
        path: the image file.
        box: the region in pixels of the displayed image.
        side: longest side in pixels of the image; smaller ones keep their size.
        crop_side: longest side in pixels of the part around the box, which is enlarged to it.

    Returns:
        The image with a red box, and the part around it without one, as JPEG files.

    Raises:
        BadRecord: see `scar.common.pixels.load_image`.
    """
    from PIL import ImageDraw

    image = load_image(path, path.name)
    margin = _MARGIN_SHARE * max(box.width, box.height)
    around = (
        max(int(box.x0 - margin), 0),
        max(int(box.y0 - margin), 0),
        min(int(box.x1 + margin) + 1, image.width),
        min(int(box.y1 + margin) + 1, image.height),
    )
    crop = image.crop(around)
    scale = crop_side / max(crop.size)
    crop = crop.resize((max(round(crop.width * scale), 1), max(round(crop.height * scale), 1)))
    scale = min(side / max(image.size), 1.0)
    image = image.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)))
    corners = (box.x0 * scale, box.y0 * scale, max(box.x1 * scale - 1, 0), max(box.y1 * scale - 1, 0))
    ImageDraw.Draw(image).rectangle(corners, outline="red", width=max(round(max(image.size) / 200), 2))
    return _to_jpeg(image), _to_jpeg(crop)


def _to_jpeg(image: Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
