"""The size and the orientation of an image file, from its first bytes.

The orientation is that of Pillow's `ImageOps.exif_transpose`: of the EXIF data, or of TIFF's own tag, else of the XMP
data. Data that are damaged or say nothing of the kind mean `UPRIGHT`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from scar.common.images import BROKEN, check_pixel_count, open_image, silence_pillow
from scar.common.orientation import SIDEWAYS, UPRIGHT, turn_size

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

    from scar.common.image_bytes import ImageFile

ORIENTATION_TAG = 0x0112
"""The tag of EXIF and TIFF that holds the orientation."""

_DAMAGED = (*BROKEN, TypeError, KeyError, AttributeError, ArithmeticError)
"""What Pillow raises on damaged EXIF data."""

JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
"""Markers of the frames of JPEGs that Pillow decodes, with Huffman codes: baseline, extended and progressive."""

_PNG_METADATA = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
_MAX_METADATA_BYTES = 1 << 24
"""Longest metadata of a PNG that are read."""

_OLD_EXIF_KEYWORD, _XMP_KEYWORD = b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image file says.

    Attributes:
        stored_size: (width, height) in pixels as they are stored.
        orientation: the EXIF orientation, 1 to 8; see `scar.common.orientation`.
        is_plain: whether the file is a JPEG or a PNG of at most 8 bits a channel. Then `scar.common.pixels.probe_image`
            need not decode it. False for a PNG with EXIF as text.
    """

    stored_size: tuple[int, int]
    orientation: int = UPRIGHT
    is_plain: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as the image is displayed."""
        return turn_size(self.stored_size, self.orientation)


def read_header(path: ImageFile) -> ImageHeader:
    """Read the size and the orientation of an image; no pixel is decoded, except in an odd PNG with EXIF as text.

    Raises:
        Image.DecompressionBombError: the image has more pixels than `scar.common.images.max_pixels`.
        *BROKEN: see `scar.common.images.open_image`; damage behind the header is not noticed.
    """
    with path.open("rb") as file:
        header = _read_png_header(file) or _read_jpeg_header(file)
    if header is not None:
        check_pixel_count(header.stored_size)
        return header
    with open_image(path) as image:
        return read_open_header(image)


def read_open_header(image: Image) -> ImageHeader:
    """The header of an image that Pillow has opened and not yet decoded."""
    # Pillow gives the displayed size of a TIFF that its own tag turns.
    own = _clean_orientation(getattr(image, "tag_v2", {}).get(ORIENTATION_TAG))
    stored = turn_size(image.size, own) if own in SIDEWAYS else image.size
    orientation = _find_orientation(image.getexif)
    is_plain = image.format in ("JPEG", "MPO")
    return ImageHeader(stored, UPRIGHT if orientation is None else orientation, is_plain)


def _clean_orientation(value: Any) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def _find_orientation(get_exif: Callable[[], Exif]) -> int | None:
    """The orientation in EXIF data, which may be damaged; None if there is none."""
    try:
        value = get_exif().get(ORIENTATION_TAG)
    except _DAMAGED:
        return UPRIGHT
    return None if value is None else _clean_orientation(value)


def _parse_exif(content: bytes) -> Exif:
    from PIL.Image import Exif

    silence_pillow()
    exif = Exif()
    exif.load(content)
    return exif


def _read_jpeg_header(file: BinaryIO) -> ImageHeader | None:
    """The header of a JPEG without EXIF and XMP data; None for any other file."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return None
    while len(start := file.read(9)) == 9 and start[0] == 0xFF:
        marker, length = start[1], int.from_bytes(start[2:4], "big")
        if marker in JPEG_FRAMES and start[4] == 8:
            height, width = struct.unpack_from(">HH", start, 5)
            return ImageHeader((width, height), is_plain=True) if width and height else None
        if not (marker in (0xC4, 0xDB, 0xDD, 0xFE) or 0xE0 <= marker <= 0xEF) or marker == 0xE1 or length < 2:
            return None  # 0xE1: EXIF or XMP
        file.seek(length - 7, 1)
    return None


def _read_png_header(file: BinaryIO) -> ImageHeader | None:
    """The header of a PNG, whose EXIF data may stand behind its pixels; None for any other file."""
    head = file.read(33)
    if head[:16] != b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" or len(head) < 33:
        return None
    width, height, bits = struct.unpack_from(">IIB", head, 16)
    if not (width and height):
        return None
    exif: int | None = None
    xmp: int | None = None
    while len(chunk := file.read(8)) == 8 and chunk[4:] != b"IEND":
        length, kind = int.from_bytes(chunk[:4], "big"), chunk[4:]
        if kind in _PNG_METADATA and length <= _MAX_METADATA_BYTES:
            content = file.read(length)
            if content.startswith(_OLD_EXIF_KEYWORD):
                return None
            if kind == b"eXIf":
                exif = _find_orientation(lambda content=content: _parse_exif(content))  # type: ignore[misc]
            elif content.startswith(_XMP_KEYWORD) and (found := _XMP_ORIENTATION.search(content)):
                xmp = _clean_orientation(int(found[1]))
            length = 0
        file.seek(length + 4, 1)
    orientation = next((value for value in (exif, xmp) if value is not None), UPRIGHT)
    return ImageHeader((width, height), orientation, is_plain=bits <= 8)
