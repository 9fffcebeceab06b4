"""Store images that EXIF turns as they are displayed, so that loaders that ignore EXIF agree with the rows.

PNG, WebP and TIFF keep every pixel, and a JPEG every coefficient, where its sides allow it. Any other JPEG is encoded
again, with its own quantisation tables and subsampling. ICC profile, EXIF and XMP data are kept, and say that nothing
is left to turn.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat, JpegImagePlugin, PngImagePlugin

from scar.build.engine import Engine
from scar.build.jpeg_blocks import turn_jpeg
from scar.build.upright_metadata import set_exif_upright, set_xmp_upright
from scar.common.files import write_bytes
from scar.common.image_header import read_header
from scar.common.images import open_image
from scar.common.orientation import SIDEWAYS
from scar.common.pixels import decode_upright
from scar.common.progress import Track

EXACT, ENCODED = "exact", "encoded_again"
"""The names under which a build counts images that it turned: without loss, or compressed once more."""

_MAX_DIFFERENCE = 1.0
"""Largest mean difference, in levels of 256, of a JPEG that was turned without loss, and the pixels as displayed.
Decoders round in another order, and interpolate halved chroma so."""

_IMAGES_PER_TASK = 8
_LOSSLESS_TIFF = ("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "zstd", "lzma")
_HALF_WIDTH, _FULL = 1, 0
"""Chroma subsampling in Pillow's numbers: 4:2:2, and none."""

_OLD_EXIF = "Raw profile type exif"
"""Text of a PNG in which old programs write EXIF data; it is left out."""


def turn_images(names: Sequence[str], root: Path, folder: Path, engine: Engine, track: Track) -> Counter[str]:
    """Write images that EXIF turns into a folder, upright.

    Args:
        names: paths of the images, relative to ``root`` and to ``folder``, with forward slashes.
        root: the folder that has the images.
        folder: the folder that gets the upright images, under the same names.
        engine: runs the tasks.
        track: shows progress.

    Returns:
        Number of images by what became of their pixels, `EXACT` or `ENCODED`.

    Raises:
        UnclearPixels, *BROKEN: see `encode_upright`.
        WriteError: a file cannot be written.
    """
    counts: Counter[str] = Counter()
    parts = [names[start : start + _IMAGES_PER_TASK] for start in range(0, len(names), _IMAGES_PER_TASK)]
    results = engine(partial(_turn_some, root, part) for part in parts)
    for part, images in zip(parts, track(results, "turning images upright", len(parts)), strict=True):
        for name, (content, kind) in zip(part, images, strict=True):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(content, target)
            counts[kind] += 1
    return counts


def _turn_some(root: Path, names: Sequence[str]) -> list[tuple[bytes, str]]:
    return [encode_upright(root / name) for name in names]


def encode_upright(path: Path) -> tuple[bytes, str]:
    """Encode an image as displayed, in the format of its file.

    The format is JPEG (also for MPO), PNG, WebP, TIFF or AVIF. Several frames become one, the first. Pixels of
    more than 8 bits become those of `scar.common.pixels`.

    Returns:
        The bytes of the new file; `EXACT` if all pixels were kept, or all coefficients of a JPEG, `ENCODED` if they
        were compressed once more.

    Raises:
        UnclearPixels, *BROKEN: see `scar.common.pixels.decode_upright`.
    """
    upright, orientation = decode_upright(path), read_header(path).orientation
    is_sideways = orientation in SIDEWAYS
    with open_image(path) as stored:
        file_format = "JPEG" if stored.format == "MPO" else stored.format or "PNG"
        if file_format == "JPEG":
            turned = turn_jpeg(path.read_bytes(), orientation)
            if turned is not None and _shows(turned, upright):
                return turned, EXACT
        stored.load()
        options = {
            "JPEG": _jpeg_options,
            "PNG": _png_options,
            "WEBP": _webp_options,
            "TIFF": _tiff_options,
            "AVIF": _avif_options,
        }[file_format](stored, is_sideways)
        if exif := set_exif_upright(stored.info.get("exif")):
            options["exif"] = exif
        if (dots := stored.info.get("dpi")) and file_format in ("JPEG", "PNG", "TIFF"):
            options["dpi"] = dots[::-1] if is_sideways else dots
    buffer = io.BytesIO()
    upright.save(buffer, file_format, icc_profile=upright.info.get("icc_profile"), **options)
    return buffer.getvalue(), ENCODED if file_format in ("JPEG", "AVIF") else EXACT


def _shows(content: bytes, upright: Image.Image) -> bool:
    """Whether a turned JPEG shows the image as displayed: nothing that a library gets wrong enters a corpus."""
    try:
        with Image.open(io.BytesIO(content)) as turned:
            if (turned.mode, turned.size) != (upright.mode, upright.size):
                return False
            return max(ImageStat.Stat(ImageChops.difference(turned, upright)).mean) <= _MAX_DIFFERENCE
    except OSError:
        return False


def _jpeg_options(stored: Any, is_sideways: bool) -> dict[str, Any]:
    tables = [_transpose(table) if is_sideways else list(table) for _, table in sorted(stored.quantization.items())]
    subsampling = JpegImagePlugin.get_sampling(stored)
    if subsampling < 0 or (is_sideways and subsampling == _HALF_WIDTH):
        subsampling = _FULL  # Pillow cannot halve the height alone
    # Without ``optimize``, for which Pillow wants the whole file in a buffer whose size it guesses too low for noise.
    return {"qtables": tables, "subsampling": subsampling} | _xmp_options(stored)


def _transpose(table: Sequence[int]) -> list[int]:
    """A table of 8 x 8 quantisation steps for blocks whose rows and columns are exchanged."""
    return [table[8 * column + row] for row in range(8) for column in range(8)]


def _png_options(stored: Image.Image, is_sideways: bool) -> dict[str, Any]:
    texts = PngImagePlugin.PngInfo()
    for key, value in getattr(stored, "text", {}).items():
        if key != _OLD_EXIF:
            texts.add_itxt(key, set_xmp_upright(value.encode()).decode())
    return {"pnginfo": texts}


def _webp_options(stored: Image.Image, is_sideways: bool) -> dict[str, Any]:
    return {"lossless": True, "exact": True} | _xmp_options(stored)


def _tiff_options(stored: Image.Image, is_sideways: bool) -> dict[str, Any]:
    compression = stored.info.get("compression")
    return {"compression": compression if compression in _LOSSLESS_TIFF else "tiff_adobe_deflate"}


def _avif_options(stored: Image.Image, is_sideways: bool) -> dict[str, Any]:
    return {"quality": 100, "subsampling": "4:4:4", "max_threads": 1} | _xmp_options(stored)


def _xmp_options(stored: Image.Image) -> dict[str, Any]:
    xmp = stored.info.get("xmp")
    return {"xmp": set_xmp_upright(xmp)} if isinstance(xmp, bytes) else {}
