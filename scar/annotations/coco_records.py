"""The records of COCO-style files, and decoders for them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import msgspec

from scar.annotations.json_stream import Id
from scar.common.image_hash import parse_coco_identity

_UNCLEAN = re.compile(r"//|(?:^|/)\.(?:/|$)|/$|^$")


def clean_path(file: str) -> str:
    """A path with forward slashes, without doubled ones and without the parts ``.``; ``.`` if it is empty.

    >>> clean_path("./val//1.jpg"), clean_path("val/1.jpg")
    ('val/1.jpg', 'val/1.jpg')
    """
    return PurePosixPath(file).as_posix() if _UNCLEAN.search(file) else file  # most paths are clean


class CocoImage(msgspec.Struct, gc=False):
    """An image of the list ``images`` of a COCO-style file.

    Attributes:
        id: the image id.
        file: the key ``file_name``: path of the image below the source's image folder.
        listed_as: the value of this key if the image was found under another path; else None.
        width: width in pixels; None or not above 0 if the file does not say.
        height: height in pixels, likewise.
        scene: the scene label; None if there is none.
        caption, captions, sentence, sentences, attributes: the keys with these names, which `coco_texts` reads.
        given_id: the id as the file has it, if it is no integer; else None.
    """

    id: Id
    file: str = msgspec.field(name="file_name")
    width: int | None = None
    height: int | None = None
    scene: str | None = None
    caption: Any = None
    captions: Any = None
    sentence: Any = None
    sentences: Any = None
    attributes: Any = None
    given_id: Any = msgspec.field(name="given id", default=None)
    listed_as: str | None = msgspec.field(name="listed as", default=None)

    def __post_init__(self) -> None:
        self.file = clean_path(self.file)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 for one that the file does not say."""
        return self.width or 0, self.height or 0

    @property
    def has_size(self) -> bool:
        """Whether the file says a width and a height above 0."""
        return (self.width or 0) > 0 and (self.height or 0) > 0

    @property
    def identity(self) -> str | None:
        """COCO's id of the image, as in ``coco:7``; None if the file name is not one of COCO's."""
        return parse_coco_identity(self.file)


class CocoAnnotation(msgspec.Struct, gc=False):
    """An annotation of a COCO-style file.

    Attributes:
        bbox: four numbers; `scar.annotations.box_form` finds out what they mean. None stands for a number that JSON
            cannot hold, such as NaN.
        segmentation: JSON text of the mask, which few annotations need decoded.
        area: the area of the mask or of the box in square pixels; converters write other things too.
    """

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float | None, float | None, float | None, float | None]
    segmentation: msgspec.Raw = msgspec.Raw(b"null")
    iscrowd: int | bool = 0
    area: Any = None


class MendedAnnotation(CocoAnnotation, gc=False):
    """An annotation that `scar.annotations.coco_mending` has mended.

    Attributes:
        given_id: the id as the file has it; None if it has none.
        fifth: the last number of a box of five numbers, which is not read; None if it has no such box.
    """

    given_id: Any = None
    fifth: float | None = None


class CocoCategory(msgspec.Struct):
    """A category of a COCO-style file."""

    id: Id
    name: str


class CocoRelation(msgspec.Struct, gc=False):
    """A relation between two annotations of an image; subject and object are their ids."""

    image_id: Id
    subject: Id
    predicate: str
    object: Id


IMAGE = msgspec.json.Decoder(CocoImage)
ANNOTATION = msgspec.json.Decoder(CocoAnnotation)
CATEGORY = msgspec.json.Decoder(CocoCategory)
RELATION = msgspec.json.Decoder(CocoRelation)
