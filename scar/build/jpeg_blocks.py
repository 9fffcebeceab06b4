"""Turn a JPEG without loss: move its blocks of 8 x 8 coefficients, and change their signs; no pixel is encoded again.

A mirrored block has the same coefficients, those of odd frequency with the other sign; one with rows and columns
exchanged has them exchanged, as its quantisation table. The files are those of ``jpegtran -perfect -optimize``, with
the metadata segments of the original. Not all JPEGs can be turned like this: blocks at the right and the lower edge
reach beyond the image unless its sides are multiples of 8 pixels, of 16 with halved chroma; a mirrored image would
begin with what is beyond.
"""

from __future__ import annotations

import struct
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scar.build.upright_metadata import set_exif_upright, set_xmp_upright
from scar.common.image_header import JPEG_FRAMES
from scar.common.orientation import SIDEWAYS, turn_array, turn_point, turn_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LIBJPEG = "turbo210"
"""The newest libjpeg-turbo that jpeglib brings."""

_BLOCK = 8
"""Width and height of a block in samples."""

_SCAN, _APP0, _APP14, _COMMENT = 0xDA, 0xE0, 0xEE, 0xFE
_START = b"\xff\xd8"
_JFIF, _EXIF, _XMP, _OTHER_FRAMES = b"JFIF\0", b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"
_JFIF_DENSITY = 12
"""Offset of the two densities in a JFIF segment."""

_lock = threading.Lock()
"""jpeglib keeps the segments that it reads in global variables."""


def turn_jpeg(content: bytes, orientation: int) -> bytes | None:
    """Turn a JPEG with this EXIF orientation upright; its other frames, if any, are left out.

    Returns:
        The file; None if that is not possible without loss: the image is mirrored at a side that is no multiple of its
        blocks, or is neither grey nor YCbCr, or is damaged; or jpeglib is not installed, as it has no wheel for the
        system.
    """
    try:
        segments, scans = _split_segments(content)
        if not _is_whole(*_read_frame(segments), orientation):
            return None
        plain = [segment for segment in segments if not _is_metadata(segment) or _tells_colours(segment)]
        tables, turned_scans = _split_segments(_turn_blocks(b"".join((_START, *plain, scans)), orientation))
    except (ImportError, OSError, ValueError, IndexError, struct.error):
        return None
    own = [segment for segment in segments if _is_metadata(segment)]
    header = [segment for segment in own if segment[4:].startswith(_JFIF)][:1]
    header = [_turn_density(header[0])] if header and orientation in SIDEWAYS else header
    header = header or [segment for segment in tables if segment[1] == _APP0]
    others = [changed for segment in own if (changed := _set_upright(segment)) is not None]
    return b"".join((_START, *header, *others, *(each for each in tables if not _is_metadata(each)), turned_scans))


def _split_segments(content: bytes) -> tuple[list[bytes], bytes]:
    """The segments between the start and the first scan, each with its marker, and the rest from that scan on.

    Raises:
        ValueError, struct.error: something else than a segment lies there.
    """
    segments: list[bytes] = []
    position = 2
    while True:
        while content[position : position + 2] == b"\xff\xff":  # filling
            position += 1
        mark, kind, length = struct.unpack_from(">BBH", content, position)
        if mark != 0xFF or length < 2:
            raise ValueError("no segment")
        if kind == _SCAN:
            return segments, content[position:]
        segments.append(content[position : position + 2 + length])
        position += 2 + length


def _read_frame(segments: list[bytes]) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """(width, height) of the image as stored, in pixels, and the horizontal and vertical sampling of its components.

    Raises:
        ValueError, struct.error: it has not one frame of 8 bits and of one or three components.
    """
    (frame,) = [segment for segment in segments if segment[1] in JPEG_FRAMES]
    bits, height, width, count = struct.unpack_from(">BHHB", frame, 4)
    if bits != 8 or count not in (1, 3) or not width * height:
        raise ValueError("no frame that can be turned")
    samplings = [struct.unpack_from(">B", frame, 11 + 3 * index)[0] for index in range(count)]
    return (width, height), [(both >> 4, both & 15) for both in samplings] if count == 3 else [(1, 1)]


def _is_whole(size: tuple[int, int], samplings: list[tuple[int, int]], orientation: int) -> bool:
    """Whether no block that reaches beyond the stored image would come to its other side."""
    shown = turn_size(size, orientation)
    units = turn_size((_BLOCK * max(x for x, _ in samplings), _BLOCK * max(y for _, y in samplings)), orientation)
    mirrored = turn_point(0, 0, (1, 1), orientation)
    return not any(side % unit for side, unit, is_mirrored in zip(shown, units, mirrored, strict=True) if is_mirrored)


def _tells_colours(segment: bytes) -> bool:
    return segment[1] == _APP14 or segment[4:].startswith(_JFIF)


def _is_metadata(segment: bytes) -> bool:
    return _APP0 <= segment[1] < _APP0 + 16 or segment[1] == _COMMENT


def _turn_density(segment: bytes) -> bytes:
    x, y, end = _JFIF_DENSITY, _JFIF_DENSITY + 2, _JFIF_DENSITY + 4
    return segment[:x] + segment[y:end] + segment[x:y] + segment[end:]


def _set_upright(segment: bytes) -> bytes | None:
    """A metadata segment of the turned image; None if it is left out."""
    mark, payload = segment[:4], segment[4:]
    if payload.startswith((_JFIF, _OTHER_FRAMES)):
        return None
    if payload.startswith(_EXIF):
        exif = set_exif_upright(payload)
        return None if exif is None else mark + exif
    return mark + set_xmp_upright(payload) if payload.startswith(_XMP) else segment


def _turn_blocks(content: bytes, orientation: int) -> bytes:
    """The turned JPEG as jpeglib writes it, of one with one or three components.

    Raises:
        ImportError: jpeglib is not installed.
        OSError: the JPEG is damaged.
        ValueError: it is neither grey nor YCbCr.
    """
    import jpeglib
    import numpy as np

    with _lock, TemporaryDirectory() as folder:
        jpeglib.version.set(_LIBJPEG)
        path = Path(folder) / "stored.jpg"
        path.write_bytes(content)
        stored = jpeglib.read_dct(path)
        colours = stored.jpeg_color_space
        if colours is not jpeglib.JCS_GRAYSCALE and colours is not jpeglib.JCS_YCbCr:  # equality tells none apart
            raise ValueError("neither grey nor YCbCr")
        is_sideways = orientation in SIDEWAYS
        components = [blocks for blocks in (stored.Y, stored.Cb, stored.Cr) if blocks is not None]
        factors = np.ones((1, 2), np.int32) if len(components) == 1 else np.array(stored.samp_factor)
        factors = factors[:, ::-1].copy() if is_sideways else factors
        width, height = turn_size((stored.width, stored.height), orientation)
        turned = [_turn_component(blocks, orientation) for blocks in components]
        tables, numbers = _number_tables([stored.get_component_qt(index) for index in range(len(components))])
        luma, blue, red = (*turned, None, None)[:3]
        written = jpeglib.DCTJPEG(
            path=None,
            content=None,
            height=height,
            width=width,
            block_dims=np.array([blocks.shape[:2] for blocks in turned]),
            samp_factor=factors,
            markers=None,
            huffmans=None,
            jpeg_color_space=colours,
            progressive_mode=None,
            num_scans=1,
            Y=luma,
            Cb=blue,
            Cr=red,
            K=None,
            qt=tables.swapaxes(1, 2).copy() if is_sideways else tables,
            quant_tbl_no=numbers,
        )
        written.write_dct(str(path), flags=["+OPTIMIZE_CODING"])
        return path.read_bytes()


def _turn_component(blocks: NDArray[np.int16], orientation: int) -> NDArray[np.int16]:
    """(H, W, 8, 8) coefficients of the turned image; the last two axes are the vertical and horizontal frequency."""
    import numpy as np

    signs = np.where(np.arange(_BLOCK) % 2, -1, 1).astype(np.int16)
    mirrored_x, mirrored_y = turn_point(0, 0, (1, 1), orientation)
    turned = turn_array(blocks, orientation)
    turned = turned.swapaxes(2, 3) if orientation in SIDEWAYS else turned
    turned = turned * signs if mirrored_x else turned
    turned = turned * signs[:, None] if mirrored_y else turned
    return np.ascontiguousarray(turned)


def _number_tables(tables: list[NDArray[np.uint16]]) -> tuple[NDArray[np.uint16], NDArray[np.int16]]:
    """The different quantisation tables, and for each component the index of its own.

    The first component with a table has the table's index at most: jpeglib misreads other orders.
    """
    import numpy as np

    different: list[NDArray[np.uint16]] = []
    numbers = []
    for table in tables:
        same = [index for index, other in enumerate(different) if np.array_equal(table, other)]
        numbers.append(same[0] if same else len(different))
        different += [] if same else [table]
    return np.stack(different), np.array(numbers, np.int16)
