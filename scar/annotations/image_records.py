"""Pictures whose annotations fit into memory, as the small readers of other formats give them.

A reader of a format yields an `ImageRecord` for each image; `make_index` numbers images and things from 1, in the order
of the file names, and joins captions by file name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from scar.accounting import Tally
from scar.annotations.box_doubts import may_be_no_centers
from scar.annotations.box_form import XYWH
from scar.annotations.boxes import read_box
from scar.annotations.call_cache import CallCache
from scar.annotations.image_captions import ImageCaptions, index_image_captions
from scar.annotations.image_names import IMAGE_ENDINGS, NameFinder
from scar.annotations.masks import find_outline, parse_mask
from scar.annotations.pictures import PictureIndex, PictureList
from scar.common.files import iter_paths
from scar.common.image_hash import parse_coco_identity
from scar.common.image_header import read_header
from scar.common.images import BROKEN, locate_image
from scar.errors import BadRecord, InputError
from scar.recipe import Frame, Source
from scar.sample import Mask, Picture, Region

_DECIMALS = 2
"""Decimals of a pixel that coordinates keep which a file gives as shares of the image: those of COCO's boxes."""

_CHECKED = 100
"""Images whose boxes are checked to be given by their centers."""

_CORNERS = 64
"""Corners of the polygon that stands for a circle or an ellipse."""


@dataclass(frozen=True, slots=True)
class AnnotatedThing:
    """One annotated thing of an image.

    Attributes:
        category: name of its category.
        where: names the file and the record in error messages.
        box: x, y, width and height; None if the polygons tell it.
        polygons: rings of x, y of its outline; empty if there are none.
        read_mask: function of width, height, where and EXIF orientation that makes the mask, for a mask that is no
            polygon; None if there is none.
        phrases: texts about the thing.
        crowd: whether it is a group of things.
        unusable: why it gives no region; None if it gives one.
        no_region: reason under which it is counted, as a point has no region by its nature; None for all others.
    """

    category: str
    where: str
    box: tuple[float, float, float, float] | None = None
    polygons: tuple[tuple[float, ...], ...] = ()
    read_mask: Callable[..., Mask | None] | None = None
    phrases: tuple[str, ...] = ()
    crowd: bool = False
    unusable: BadRecord | None = None
    no_region: str | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image with its things.

    Attributes:
        file: path below the source's image folder.
        size: width and height in pixels; None if the image itself tells it.
        things: the things in the order of the file.
        is_normalised: whether coordinates are shares of width and height instead of pixels.
        scene: the scene label; None if there is none.
        captions: captions of the image that its file has.
    """

    file: str
    size: tuple[int, int] | None
    things: tuple[AnnotatedThing, ...]
    is_normalised: bool = False
    scene: str | None = None
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Reference to the picture of an `ImageRecord`.

    Attributes:
        id: number of the image.
        record: the image and its things.
        first: number of its first thing; the others follow.
        images: the image folder.
        frame: the frame of the annotations that the source names; None if it names none.
        captions: its captions.
    """

    id: int
    record: ImageRecord
    first: int
    images: Path
    frame: Frame | None
    captions: ImageCaptions

    @property
    def file(self) -> str:
        return self.record.file

    @property
    def identity(self) -> str | None:
        """COCO's id of the image; None if the file name is not one of COCO's."""
        return parse_coco_identity(self.record.file)

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture; see `scar.annotations.pictures.PictureRef.read_picture`."""
        record = self.record
        tally.records += len(record.things)
        width = height = 1
        regions: tuple[Region, ...] = ()
        try:
            width, height = record.size or self._read_size()
        except BadRecord as bad:
            tally.reject_regions(bad, len(record.things))
        else:
            things = enumerate(record.things, start=self.first)
            found = (self._read_region(number, thing, width, height, tally) for number, thing in things)
            regions = tuple(region for region in found if region)
        return Picture(
            id=self.id,
            file=record.file,
            width=width,
            height=height,
            regions=regions,
            captions=self.captions.read(),
            scene=record.scene,
        )

    def _read_size(self) -> tuple[int, int]:
        """Size of the image in the frame of the annotations: tools show images upright."""
        where = f"image {self.record.file}"
        path = locate_image(self.images, self.record.file, where)
        try:
            header = read_header(path)
        except BROKEN as error:
            raise BadRecord(where, f"{path} does not decode: {error}", "image_broken") from None
        return header.stored_size if self.frame == "stored" else header.size

    def _read_region(self, number: int, thing: AnnotatedThing, width: int, height: int, tally: Tally) -> Region | None:
        """The region of a thing; None if it gives none, which ``tally`` counts."""
        if thing.no_region:
            tally.rejected[thing.no_region] += 1
            return None
        try:
            if thing.unusable:
                raise thing.unusable
            scale = (width, height) if self.record.is_normalised else None
            rings = [list(_scale(ring, scale)) for ring in thing.polygons]
            outline = find_outline(rings, width, height) if thing.box is None else None
            numbers = thing.box and _scale(thing.box, scale)
            if outline is not None:
                numbers = outline.xywh
            if numbers is None:
                raise BadRecord(thing.where, "it has no box and no polygon of three points", "empty_box")
            x, y, across, down = numbers
            box = read_box((x, y, across, down), XYWH, width, height, thing.where, tally)
        except BadRecord as bad:
            tally.reject_regions(bad)
            return None
        make_mask = thing.read_mask or (partial(parse_mask, rings) if rings else None)
        return Region(
            number,
            box,
            thing.category,
            crowd=thing.crowd,
            phrases=thing.phrases,
            make_mask=make_mask and partial(make_mask, width, height, thing.where),
        )


def _scale(numbers: tuple[float, ...], size: tuple[int, int] | None) -> tuple[float, ...]:
    """Shares of a width and a height, one after the other, in pixels; the numbers themselves if ``size`` is None."""
    if size is None:
        return numbers
    return tuple(round(value * size[place % 2], _DECIMALS) for place, value in enumerate(numbers))


def make_index(
    source: Source, tally: Tally, cache: CallCache, records: Iterable[ImageRecord], *, are_centers: bool = False
) -> PictureIndex:
    """Number the images and things from 1 in the order of the file names, and join the source's captions by file name.

    ``are_centers`` says that the format gives boxes by their center: those that hardly are centers are doubtful.

    Raises:
        InputError: no image has a thing, or the captions are of other images.
        BadRecord: a caption cannot be used and ``tally`` does not skip such records.
    """
    ordered = sorted((record for record in records if record.things), key=lambda record: record.file)
    if not ordered:
        raise InputError(
            f"{source.instances}: no image has an annotated thing; give the file or the folder of the annotations."
        )
    if are_centers and _may_be_no_centers(ordered[:_CHECKED], source.images):
        tally.doubts["boxes_not_centers"] += sum(thing.box is not None for each in ordered for thing in each.things)
    names = {number: record.file for number, record in enumerate(ordered, start=1)}
    inside = {number: record.captions for number, record in enumerate(ordered, start=1) if record.captions}
    own = index_image_captions(source.captions, names, Path(str(source.instances)).name, tally, cache, inside)
    refs, first = [], 1
    for number, record in enumerate(ordered, start=1):
        refs.append(RecordRef(number, record, first, source.images, source.frame, own.select(number)))
        first += len(record.things)
    return PictureList(source, tally, refs)


def _may_be_no_centers(records: Sequence[ImageRecord], folder: Path) -> bool:
    """Whether the boxes of some images, which were read by their centers, are hardly so."""
    import numpy as np

    numbers, sizes = [], []
    for record in records:
        boxes = [thing.box for thing in record.things if thing.box is not None]
        size: tuple[float, float] = (1, 1)
        if not record.is_normalised:
            try:
                size = read_header(locate_image(folder, record.file, "")).size
            except (BadRecord, *BROKEN):
                continue
        numbers += [(x + width / 2, y + height / 2, width, height) for x, y, width, height in boxes]
        sizes += [size] * len(boxes)
    return may_be_no_centers(np.array(numbers).reshape(-1, 4), np.array(sizes).reshape(-1, 2))


class ImageLookup:
    """Finds images by the paths in annotation files of other tools; their folders and endings may differ.

    Args:
        folder: the image folder.
    """

    def __init__(self, folder: Path) -> None:
        paths = (path.relative_to(folder).as_posix() for path in iter_paths(folder))
        self.folder = folder
        self.files = [path for path in paths if PurePosixPath(path).suffix.lower() in IMAGE_ENDINGS]
        self._finder = NameFinder(dict(enumerate(self.files)))

    def find_file(self, names: Iterable[str], where: str) -> str:
        """The path, below the folder, of the image with the first of the names that any image has.

        Raises:
            BadRecord: no image has one of the names, or several have it (``image_missing``).
        """
        tried = [name for name in names if name]
        for name in tried:
            number = self._finder.find_id(name.replace("\\", "/"), likely=-1)
            if number is not None:
                return self.files[number]
        problem = f"no image in {self.folder}, or more than one, is {' or '.join(map(repr, dict.fromkeys(tried)))}"
        raise BadRecord(where, problem, "image_missing")

    def find_or_count(self, names: Iterable[str], where: str, things: Sequence[AnnotatedThing], tally: Tally) -> str:
        """As `find_file`; without such an image, each of its things is counted as a rejected record, and "" returned.

        Raises:
            BadRecord: there is no such image, and ``tally`` does not skip such records.
        """
        try:
            return self.find_file(names, where)
        except BadRecord as bad:
            for _ in things:
                count_unusable(tally, bad)
            return ""


def iter_files(folder: Path, ending: str, what: str) -> list[Path]:
    """The files with an ending below a folder, sorted by path.

    Raises:
        InputError: there is none; ``what`` says what they are.
    """
    paths = sorted(path for path in iter_paths(folder) if path.suffix.lower() == ending)
    if not paths:
        raise InputError(f"{folder}: has no *{ending} file; give the folder of {what}.")
    return paths


def count_unusable(tally: Tally, bad: BadRecord) -> None:
    """Count a file that cannot be used as one rejected record, or raise ``bad``."""
    tally.reject_regions(bad)
    tally.records += 1


def make_ellipse(x: float, y: float, across: float, down: float, turn: float = 0) -> list[tuple[float, float]]:
    """Corners of the polygon that stands for an ellipse.

    Args:
        x: x of its center.
        y: y of its center.
        across: half of its width, before it is turned.
        down: half of its height.
        turn: angle, in radians, by which it is turned clockwise.
    """
    corners = []
    for number in range(_CORNERS):
        angle = 2 * math.pi * number / _CORNERS
        right, below = across * math.cos(angle), down * math.sin(angle)
        corners.append(
            (
                x + right * math.cos(turn) - below * math.sin(turn),
                y + right * math.sin(turn) + below * math.cos(turn),
            )
        )
    return corners
