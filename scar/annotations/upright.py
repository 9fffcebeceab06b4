"""Turn the annotations of images that EXIF turns into the displayed frame, once, right after a reader has read them.

Some tools annotate the displayed image, others the stored one. Where the two have different sizes (EXIF orientations 5
to 8, not square), the size that the annotations give tells the frame. Else nothing does: the recipe has to say it.
"""

from __future__ import annotations

from functools import partial

import msgspec

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.pictures import PictureRef
from scar.common.image_header import ImageHeader, read_header
from scar.common.images import BROKEN, locate_image
from scar.common.orientation import UPRIGHT, turn_box, turn_mask, turn_size
from scar.errors import BadRecord
from scar.recipe import Frame, Source
from scar.sample import Picture

TURNED = "turned_upright"
"""The name under which a build counts the regions that it turned from the stored frame into the displayed one."""


def read_upright(ref: PictureRef, source: Source, tally: Tally) -> Picture:
    """Read a picture; its size, boxes and masks are those of the displayed image.

    A picture whose image is missing or broken stays as it is: the build rejects it later, if it has samples. Where
    nothing tells the frame, the picture's regions are rejected.

    Args:
        ref: the reference that reads the picture in the frame of its annotations.
        source: the source of the picture; it has the image, and may say the frame.
        tally: counts the records of the picture; see `PictureRef.read_picture`.

    Raises:
        BadRecord: a record cannot be used, or nothing tells the frame, and ``tally`` does not skip such records.
        InputError: an annotation file has changed or can no longer be read.
    """
    picture = ref.read_picture(tally)
    if not picture.regions:
        return picture
    where = f"{source.key}, image {picture.id}"
    from PIL.Image import DecompressionBombError

    try:
        header = read_header(locate_image(source.images, picture.file, where))
    except (BadRecord, DecompressionBombError, *BROKEN):
        return picture
    try:
        frame = find_frame(picture, header, source.frame, where)
    except BadRecord as bad:
        tally.reject_regions(bad, sum(region.target for region in picture.regions))
        return msgspec.structs.replace(picture, regions=(), relations=())
    if frame == "displayed":
        return picture
    tally.repaired[TURNED] += sum(region.target for region in picture.regions)
    return turn_picture(picture, header.orientation, where, tally)


def find_frame(picture: Picture, header: ImageHeader, frame: Frame | None, where: str) -> Frame:
    """The frame of the annotations of a picture; ``displayed`` for an image that EXIF does not turn.

    What the recipe says comes before what the size tells.

    Args:
        picture: the picture with the size that its annotations give it.
        header: the header of its image.
        frame: what the recipe says; None if it says nothing.
        where: names the source and the image in error messages.

    Raises:
        BadRecord: neither the size nor the recipe tells it (``image_frame``).
    """
    if header.orientation == UPRIGHT:
        return "displayed"
    if frame is not None:
        return frame
    if header.stored_size != header.size:
        return "stored" if (picture.width, picture.height) == header.stored_size else "displayed"
    problem = f"{picture.file} is turned by EXIF (orientation {header.orientation}), and its size does not tell whether"
    way_out = 'boxes are in the stored or the displayed frame; say frame = "stored" or "displayed" (--frame)'
    raise BadRecord(where, f"{problem} {way_out}", "image_frame")


def turn_picture(picture: Picture, orientation: int, where: str, tally: Tally) -> Picture:
    """A picture in the stored frame, turned into the displayed frame: its size, boxes and masks.

    Args:
        picture: the picture in the stored frame.
        orientation: the EXIF orientation of its image.
        where: names the source and the image in error messages.
        tally: counts the regions that are left out, as their boxes are too thin for float32 in the displayed frame.

    Returns:
        The picture; regions that are left out are missing.

    Raises:
        BadRecord: such a box, unless the tally skips bad records.
    """
    width, height = turn_size((picture.width, picture.height), orientation)
    regions = []
    for region in picture.regions:
        box = turn_box(region.box, (picture.width, picture.height), orientation)
        try:
            box = clip_box(box.xywh, width, height, f"{where}, region {region.id}")  # exact in float32 again
        except BadRecord as bad:
            (tally.reject_regions if region.target else tally.ignore_records)(bad)
            continue
        mask = region.mask and turn_mask(region.mask, orientation)
        make_mask = region.make_mask and partial(region.make_mask, orientation)
        regions.append(msgspec.structs.replace(region, box=box, mask=mask, make_mask=make_mask))
    return msgspec.structs.replace(picture, width=width, height=height, regions=tuple(regions))
