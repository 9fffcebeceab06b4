"""The frame of rows: where a row is in the stored frame, its region is turned when it is read.

Rows that `scar build` writes are in the displayed frame, and say so in their metadata (`FRAME_KEY`): they are never
turned, whichever images lie beside them. The published corpora are made by programs that ignore EXIF. So the box and
the mask of such a row whose image EXIF turns are in the stored frame, unless the mask has the size of the displayed
image only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from scar.common.arrow import UNREADABLE
from scar.common.files import is_inside
from scar.common.image_header import ImageHeader, read_header
from scar.common.images import BROKEN
from scar.common.orientation import UPRIGHT, turn_box, turn_mask
from scar.errors import InputError
from scar.formats.schema import DISPLAYED, FRAME_KEY, OLD_FRAME_KEY
from scar.sample import Region


def is_in_displayed_frame(rows: Path) -> bool:
    """Whether the metadata of a file of rows say that its regions are in the displayed frame.

    False also for a file that is no parquet file: the function that reads the rows reports that.
    """
    try:
        metadata = pq.read_metadata(rows).metadata or {}
    except UNREADABLE:
        return False
    return metadata.get(FRAME_KEY) == DISPLAYED or OLD_FRAME_KEY in metadata


def open_row_frame(files: Sequence[Path], images: Path) -> RowFrame:
    """Make what turns the regions of some files of rows into the displayed frame.

    Args:
        files: files of rows that are read as one table.
        images: folder that image paths are relative to.

    Raises:
        InputError: some files say that they are in the displayed frame, and others do not.
    """
    are_displayed = [is_in_displayed_frame(file) for file in files]
    if any(are_displayed) and not all(are_displayed):
        ours, other = files[are_displayed.index(True)], files[are_displayed.index(False)]
        raise InputError(f"{ours} is in the displayed frame, {other} may not be; give them as two sources.")
    return RowFrame(images, is_displayed=any(are_displayed))


class RowFrame:
    """Turns the regions of rows into the displayed frame; the header of each image is read once.

    Args:
        images: folder that image paths are relative to.
        is_displayed: whether the rows are in the displayed frame already, so that nothing is turned.
    """

    def __init__(self, images: Path, *, is_displayed: bool = False) -> None:
        self._images = images
        self._is_displayed = is_displayed
        self._headers: dict[str, ImageHeader | None] = {}

    def find_turn(self, image: str, mask_size: Sequence[int] | None = None) -> ImageHeader | None:
        """The header whose orientation turns the region of a row into the displayed frame.

        None if the region is in the displayed frame already, or if the image is missing or cannot be read.

        Args:
            image: path of the row's image, relative to the folder of the images.
            mask_size: height and width of the row's mask; None without a mask.
        """
        header = None if self._is_displayed else self._find_turned_header(image)
        if header is None:
            return None
        is_displayed = mask_size is not None and tuple(mask_size)[::-1] == header.size != header.stored_size
        return None if is_displayed else header

    def turn_region(self, region: Region, image: str) -> Region:
        """Turn a row's region, its box and its mask, into the displayed frame.

        The region stays as it is if it is in the displayed frame already, or if the image is missing or cannot be
        read. Where the box is turned, a mask that has not the size of the stored image stays as it is.

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
