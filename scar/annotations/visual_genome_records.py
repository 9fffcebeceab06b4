"""What Visual Genome's files say of an image, record by record."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from scar.annotations.json_stream import parsed
from scar.annotations.record_index import Id
from scar.errors import BadRecord

T = TypeVar("T")

Number = float | None
"""None where the file has a number that JSON does not know, such as NaN."""


class Image(msgspec.Struct, gc=False):
    width: int
    height: int
    url: str
    coco_id: Id | None = None
    flickr_id: Id | None = None


class Key(msgspec.Struct, gc=False):
    """The image of an entry: some files call it so, some otherwise."""

    image_id: Id | None = None
    id: Id | None = None


class Object(msgspec.Struct, gc=False):
    object_id: Id
    x: Number
    y: Number
    w: Number
    h: Number
    names: list[str] = []
    name: str | None = None
    merged_object_ids: list[Id] = []


class Description(msgspec.Struct, gc=False):
    phrase: str
    x: Number
    y: Number
    width: Number
    height: Number


class End(msgspec.Struct, gc=False):
    object_id: Id


class Relationship(msgspec.Struct, gc=False):
    predicate: str
    subject: End
    object: End


IMAGE, KEY = msgspec.json.Decoder(Image), msgspec.json.Decoder(Key)


class Kind(Generic[T]):
    """One of the lists that entries have, decoded at once, or record by record where one is bad."""

    def __init__(self, name: str, record: type[T]) -> None:
        self.name = name
        self._whole = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[record])], gc=False))  # type: ignore[valid-type]
        self._raw = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[msgspec.Raw])], gc=False))
        self._record = msgspec.json.Decoder(record)

    def read(self, text: bytes, place: str) -> list[T | BadRecord]:
        """The records of an entry, those of another shape as what is wrong with them.

        Raises:
            BadRecord: the entry has another shape (``malformed``).
        """
        try:
            return getattr(self._whole.decode(text), self.name)  # type: ignore[no-any-return]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raws: list[msgspec.Raw] = getattr(parsed(self._raw, text, place), self.name)
            return [self._one(raw, f"{place}, {self.name}[{number}]") for number, raw in enumerate(raws)]

    def _one(self, raw: msgspec.Raw, place: str) -> T | BadRecord:
        try:
            return parsed(self._record, raw, place)
        except BadRecord as bad:
            return bad


OBJECTS = Kind("objects", Object)
DESCRIPTIONS = Kind("regions", Description)
RELATIONSHIPS = Kind("relationships", Relationship)
