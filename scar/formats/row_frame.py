"""The frame of rows: where a row is in the stored frame, its region is turned when it is read.

Rows that `scar build` writes are in the displayed frame, and its images are stored upright: nothing is left to turn.
The published corpora are made by programs that ignore EXIF. So the box and the mask of a row whose image EXIF turns are
in the stored frame, with two exceptions: a build has turned the image (`UPRIGHT_KEY`), and this folder has it as it was
before; or the mask has the size of the displayed image only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scar.common.files import is_inside
from scar.common.image_header import ImageHeader, read_header
from scar.common.images import BROKEN
from scar.common.orientation import UPRIGHT, turn_box, turn_mask
from scar.errors import InputError
from scar.formats.schema import UPRIGHT_KEY
from scar.sample import Region


def read_upright_images(rows: Path) -> frozenset[str]:
    """Read the paths of the images that a build turned upright from the metadata of its rows.

    The set is empty for rows that no build wrote. It is also empty for a file that is no parquet file: the function
    that reads the rows reports that.

    Raises:
        InputError: the metadata are damaged.
    """
    try:
        metadata = pq.read_metadata(rows).metadata or {}
    except (pa.ArrowException, OSError):
        return frozenset()
    try:
        return frozenset(json.loads(metadata.get(UPRIGHT_KEY, b"[]")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{rows}: its list of upright images is no JSON ({error}); build again.") from None


class RowFrame:
    """Turns the regions of rows into the displayed frame; the header of each image is read once.

    Args:
        images: folder that image paths are relative to.
        upright: images that a build turned upright; see `read_upright_images`.
    """

    def __init__(self, images: Path, upright: Collection[str] = ()) -> None:
        self._images = images
        self._upright = upright
        self._headers: dict[str, ImageHeader | None] = {}

    def find_turn(self, image: str, mask_size: Sequence[int] | None = None) -> ImageHeader | None:
        """The header whose orientation turns the region of a row into the displayed frame.

        None if the region is in the displayed frame already, or if the image is missing or cannot be read.

        Args:
            image: path of the row's image, relative to the folder of the images.
            mask_size: height and width of the row's mask; None without a mask.
        """
        header = self._find_turned_header(image)
        if header is None or image in self._upright:
            return None
        is_displayed = mask_size is not None and tuple(mask_size)[::-1] == header.size != header.stored_size
        return None if is_displayed else header

    def turn_region(self, region: Region, image: str) -> Region:
        """Turn a row's region, its box and its mask, into the displayed frame.

        The region stays as it is if it is in the displayed frame already, or if the image is missing or cannot be
        read. A mask that has not the size of the stored image is not turned.

        Args:
            region: the region as the row has it.
            image: path of the row's image, relative to the folder of the images.

        Raises:
            InputError: the mask has to be turned and cannot be decoded.
        """
        mask = region.mask
        header = self.find_turn(image, None if mask is None else mask.size)
        if header is None:
            return region
        box = turn_box(region.box, header.stored_size, header.orientation)
        if mask is not None and mask.size == header.stored_size[::-1]:
            mask = turn_mask(mask, header.orientation)
        return msgspec.structs.replace(region, box=box, mask=mask)

    def _find_turned_header(self, image: str) -> ImageHeader | None:
        """The header of an image that EXIF turns; None for all others, and for what cannot be read."""
        if image not in self._headers:
            from PIL.Image import DecompressionBombError

            path, header = self._images / image, None
            with suppress(DecompressionBombError, *BROKEN):
                header = read_header(path) if is_inside(path, self._images, resolve_links=False) else None
            self._headers[image] = None if header is None or header.orientation == UPRIGHT else header
        return self._headers[image]
