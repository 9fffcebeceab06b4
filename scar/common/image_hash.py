"""Which image of the world a file is: by the number in COCO's file names, or by its look.

A look is the brightness of an image in 16 x 17 tiles: two images look the same whatever their size and compression.

From each tile to its right neighbour brightness falls or rises: copies of a photograph differ in at most an eighth of
these signs (among 159 photographs in seven sizes and formats in at most 30 of 256; two photographs in at least 63),
and in no tile by much.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.images import BROKEN, locate_image, open_image
from scar.errors import BadRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASH_PREFIX = "looks:"
"""What identities begin with that tell the look of an image."""

ROWS, COLUMNS = 16, 17

_MAX_DIFFERING_SIGNS = 32
"""Signs in which two looks of one image may differ."""

_MAX_GREY_DIFFERENCE = 24
"""Grey levels, of 256, by which a tile may differ."""

_PAIRS_PER_BLOCK = 1 << 22
"""Pairs that are compared at once."""


_MIN_RISES = 16
"""Looks with fewer rises or falls are those of a picture with next to nothing in it: many look like that."""

_COCO_FILE = re.compile(r"(?:COCO_(?:train|val|test)20\d\d_)?(\d{12})\.jpe?g", re.IGNORECASE)


def parse_coco_identity(file: str) -> str | None:
    """Identity from a file name such as COCO gives its images; None for another name.

    >>> parse_coco_identity("train2014/COCO_train2014_000000581857.jpg"), parse_coco_identity("000000581857.jpg")
    ('coco:581857', 'coco:581857')
    """
    match = _COCO_FILE.fullmatch(file.rpartition("/")[2])
    return f"coco:{int(match.group(1))}" if match else None


def hash_image(path: Path, where: str) -> str:
    """Identity from the pixels: `HASH_PREFIX` and the look in hexadecimal digits, which `match_identities` compares.

    A picture that is plain all over is known by its bytes instead.

    Args:
        path: of the image.
        where: file and record, for the message.

    Raises:
        BadRecord: the image does not decode (``image_broken``).
    """
    import numpy as np
    from PIL import Image

    try:
        with open_image(path) as image:
            image.draft("L", (8 * COLUMNS, 8 * ROWS))  # a JPEG is decoded at an eighth of its size
            small = image.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise BadRecord(where, f"image {path} does not decode: {error}", "image_broken") from None
    tiles = np.asarray(small, np.uint8)
    bits = _brightness_rises(tiles)
    if not _MIN_RISES <= bits.sum() <= bits.size - _MIN_RISES:
        return f"bytes:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    return f"{HASH_PREFIX}{tiles.tobytes().hex()}"


def find_image_hash(path: str, folder: Path) -> str | None:
    """`hash_image` of an image below a folder; None if it is not there, as in the published corpora."""
    try:
        return hash_image(locate_image(folder, path, path), path)
    except (BadRecord, OSError):
        return None


def _brightness_rises(tiles: NDArray[Any]) -> NDArray[np.bool_]:
    """(..., 256) whether brightness rises from each of (..., 16, 17) tiles to its right neighbour."""
    rises: NDArray[Any] = tiles[..., 1:] > tiles[..., :-1]
    return rises.reshape(*tiles.shape[:-2], ROWS * (COLUMNS - 1))


def match_identities(mine: Sequence[str], theirs: Sequence[str]) -> list[bool]:
    """For each identity of one side whether the other has it, or a look like it.

    >>> match_identities(["coco:1", "coco:2"], ["coco:2"])
    [False, True]
    """
    others = set(theirs)
    found = [identity in others for identity in mine]
    seen = sorted(other for other in others if other.startswith(HASH_PREFIX))
    places = [place for place, each in enumerate(mine) if each.startswith(HASH_PREFIX) and not found[place]]
    if seen and places:
        for place, alike in zip(
            places, _match_looks(_parse_tiles([mine[place] for place in places]), _parse_tiles(seen)), strict=True
        ):
            found[place] = alike
    return found


def _match_looks(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> list[bool]:
    """For each of (M, 16, 17) looks whether one of (N, 16, 17) others is of the same image."""
    import numpy as np

    packed, others = (
        np.packbits(_brightness_rises(tiles), axis=-1).view(np.uint64) for tiles in (mine, theirs)
    )  # (., 4)
    found: list[bool] = []
    step = max(1, _PAIRS_PER_BLOCK // len(others))
    for start in range(0, len(mine), step):
        differing = np.bitwise_count(packed[start : start + step, None] ^ others).sum(-1, dtype=np.uint16)
        own = np.zeros(len(differing), bool)
        rows, columns = np.nonzero(differing <= _MAX_DIFFERING_SIGNS)
        apart = np.abs(mine[start + rows].astype(np.int16) - theirs[columns]).max(axis=(1, 2), initial=0)
        own[rows[apart <= _MAX_GREY_DIFFERENCE]] = True
        found += own.tolist()
    return found


def _parse_tiles(looks: Sequence[str]) -> NDArray[np.uint8]:
    """(N, 16, 17) grey levels of identities."""
    import numpy as np

    whole = bytes.fromhex("".join(each.removeprefix(HASH_PREFIX) for each in looks))
    return np.frombuffer(whole, np.uint8).reshape(-1, ROWS, COLUMNS)
