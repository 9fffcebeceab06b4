"""Change the metadata of an image that is turned upright: nothing is left to turn, and all else stays the same."""

from __future__ import annotations

import re
import struct

_ORIENTATION_TAG = 0x0112
_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))[0-9]')


def set_exif_upright(exif: object) -> bytes | None:
    """EXIF data with the orientation 1, of the same length; None if there are none or they are damaged."""
    if not isinstance(exif, bytes):
        return None
    changed = bytearray(exif)
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    try:
        order = {b"II": "<", b"MM": ">"}[exif[start : start + 2]]
        first = start + struct.unpack_from(f"{order}L", exif, start + 4)[0]
        for entry in range(first + 2, first + 2 + 12 * struct.unpack_from(f"{order}H", exif, first)[0], 12):
            if struct.unpack_from(f"{order}H", exif, entry)[0] == _ORIENTATION_TAG:
                struct.pack_into(f"{order}HLHH", changed, entry + 2, 3, 1, 1, 0)
    except (KeyError, struct.error):
        return None
    return bytes(changed)


def set_xmp_upright(xmp: bytes) -> bytes:
    """XMP data with the orientation 1, if they have one, of the same length."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
