"""Identity of an image across data sets: the number in COCO's file names, or a perceptual hash.

The hash is the brightness of 16 x 17 tiles; size and compression hardly change it. Two hashes belong to the same image
if no tile differs much and nearly all signs agree, where a sign says whether brightness rises from a tile to its right
neighbour. Among 159 photographs in seven sizes and formats, copies of one photograph differ in at most 30 of 256 signs,
different photographs in at least 63.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.images import BROKEN, locate_image
from scar.common.pixels import decode_rgb, decode_upright
from scar.errors import BadRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASH_PREFIX = "looks:"
"""Prefix of identities that are perceptual hashes."""

ROWS, COLUMNS = 16, 17

_MAX_DIFFERING_SIGNS = 32
"""Number of the 256 signs in which two hashes of one image may differ."""

_MAX_GREY_DIFFERENCE = 24
"""Number of the 256 grey levels by which a tile may differ between two hashes of one image."""

_PAIRS_PER_BLOCK = 1 << 22
"""Pairs that are compared at once; bounds the memory."""

_MIN_RISES = 16
"""An image with fewer rises, or fewer signs without one, is nearly uniform; the hashes of all such images are alike."""

_COCO_FILE = re.compile(r"(?:COCO_(?:train|val|test)20\d\d_)?(\d{12})\.jpe?g", re.IGNORECASE)


def parse_coco_identity(file: str) -> str | None:
    """Identity of an image from a file name in COCO's style; None for a file name of another style.

    >>> parse_coco_identity("train2014/COCO_train2014_000000581857.jpg"), parse_coco_identity("000000581857.jpg")
    ('coco:581857', 'coco:581857')
    """
    match = _COCO_FILE.fullmatch(file.rpartition("/")[2])
    return f"coco:{int(match.group(1))}" if match else None


def hash_image(path: Path, where: str) -> str:
    """Identity of an image from its pixels: `HASH_PREFIX` and the grey levels of the tiles in hexadecimal digits.

    The pixels are those of the displayed image: a photograph that EXIF turns has the identity of its upright copy. The
    identity of a nearly uniform image is ``pixels:`` and the SHA-256 of its pixels, shortened.

    Args:
        path: path of the image file.
        where: the annotation file and the record that name the image, for the error message.

    Raises:
        BadRecord: the image is missing, has too many pixels or does not decode (``image_broken`` for all of them).
    """
    import numpy as np
    from PIL import Image

    try:
        image = decode_upright(path, draft_size=(8 * COLUMNS, 8 * ROWS))
        small = image.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise BadRecord(where, f"image {path} does not decode: {error}", "image_broken") from None
    tiles = np.asarray(small, np.uint8)
    bits = _brightness_rises(tiles)
    if not _MIN_RISES <= bits.sum() <= bits.size - _MIN_RISES:
        return f"pixels:{hashlib.sha256(decode_rgb(path).tobytes()).hexdigest()[:16]}"
    return f"{HASH_PREFIX}{tiles.tobytes().hex()}"


def find_image_hash(path: str, folder: Path) -> str | None:
    """Identity by `hash_image` of the image at a path relative to ``folder``.

    None if the image cannot be used: it is missing, as in the published corpora, lies outside the folder or is broken.
    """
    try:
        return hash_image(locate_image(folder, path, path), path)
    except (BadRecord, OSError):
        return None


def _brightness_rises(tiles: NDArray[Any]) -> NDArray[np.bool_]:
    """(..., 256) whether brightness rises from a tile to its right neighbour, for (..., 16, 17) tiles."""
    rises: NDArray[Any] = tiles[..., 1:] > tiles[..., :-1]
    return rises.reshape(*tiles.shape[:-2], ROWS * (COLUMNS - 1))


def match_identities(mine: Sequence[str], theirs: Sequence[str]) -> list[bool]:
    """For each identity in ``mine``: whether one of ``theirs`` stands for the same image.

    It does if the two are equal, or if both are hashes that belong to the same image, as the head of this module says.

    >>> match_identities(["coco:1", "coco:2"], ["coco:2"])
    [False, True]
    """
    others = set(theirs)
    found = [identity in others for identity in mine]
    hashes = sorted(other for other in others if other.startswith(HASH_PREFIX))
    rest = [index for index, each in enumerate(mine) if each.startswith(HASH_PREFIX) and not found[index]]
    if hashes and rest:
        matches = _match_tiles(_parse_tiles([mine[index] for index in rest]), _parse_tiles(hashes))
        for index, match in zip(rest, matches, strict=True):
            found[index] = match
    return found


def _match_tiles(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> list[bool]:
    """For each of (M, 16, 17) grey levels: whether any of (N, 16, 17) others belongs to the same image."""
    import numpy as np

    packed, others = (
        np.packbits(_brightness_rises(tiles), axis=-1).view(np.uint64) for tiles in (mine, theirs)
    )  # (., 4)
    found: list[bool] = []
    step = max(1, _PAIRS_PER_BLOCK // len(others))
    for start in range(0, len(mine), step):
        differing = np.bitwise_count(packed[start : start + step, None] ^ others).sum(-1, dtype=np.uint16)
        matches = np.zeros(len(differing), bool)
        rows, columns = np.nonzero(differing <= _MAX_DIFFERING_SIGNS)
        apart = np.abs(mine[start + rows].astype(np.int16) - theirs[columns]).max(axis=(1, 2), initial=0)
        matches[rows[apart <= _MAX_GREY_DIFFERENCE]] = True
        found += matches.tolist()
    return found


def _parse_tiles(hashes: Sequence[str]) -> NDArray[np.uint8]:
    """(N, 16, 17) grey levels from N identities with `HASH_PREFIX`."""
    import numpy as np

    content = bytes.fromhex("".join(each.removeprefix(HASH_PREFIX) for each in hashes))
    return np.frombuffer(content, np.uint8).reshape(-1, ROWS, COLUMNS)
