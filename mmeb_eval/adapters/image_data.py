"""Image files as data URLs, as servers take them."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from mmeb_eval.data.images import open_rgb, read_image_header
from scar.common.images import open_image
from scar.common.orientation import UPRIGHT

if TYPE_CHECKING:
    from scar.common.image_bytes import ImageFile

WEB_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats of image files that are sent unchanged -> their MIME types; other images are sent as PNG."""

PLAIN_MODES = ("1", "L", "P", "RGB")
"""Modes of images that are sent unchanged if EXIF does not turn them: all decoders agree on their pixels."""


def encode_data_url(path: ImageFile) -> str:
    """An image file as a data URL; a server that decodes it gets the pixels that `open_rgb` gives.

    The file is sent as it is where all decoders agree on it, else as PNG.

    Raises:
        DataError: the image cannot be opened.
    """
    rgb = open_rgb(path)
    with open_image(path) as image:
        mime_type = WEB_FORMATS.get(image.format or "")
        shows_as_it_is = image.mode in PLAIN_MODES and "transparency" not in image.info
    if mime_type and shows_as_it_is and read_image_header(path).orientation == UPRIGHT:
        content = path.read_bytes()
    else:
        buffer = io.BytesIO()
        rgb.save(buffer, "PNG")
        mime_type, content = "image/png", buffer.getvalue()
    return f"data:{mime_type};base64,{base64.b64encode(content).decode('ascii')}"
