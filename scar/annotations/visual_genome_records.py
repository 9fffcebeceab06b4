"""What Visual Genome's files say of an image, record by record."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from scar.annotations.json_stream import parse_record
from scar.annotations.record_index import Id
from scar.errors import BadRecord

T = TypeVar("T")

Number = float | None
"""None where the file has a number that JSON does not know, such as NaN."""


class GenomeImage(msgspec.Struct, gc=False):
    width: int
    height: int
    url: str
    coco_id: Id | None = None
    flickr_id: Id | None = None


class EntryKey(msgspec.Struct, gc=False):
    """The image of an entry: some files call it so, some otherwise."""

    image_id: Id | None = None
    id: Id | None = None


class GenomeObject(msgspec.Struct, gc=False):
    object_id: Id
    x: Number
    y: Number
    w: Number
    h: Number
    names: list[str] = []
    name: str | None = None
    merged_object_ids: list[Id] = []


class GenomeDescription(msgspec.Struct, gc=False):
    phrase: str
    x: Number
    y: Number
    width: Number
    height: Number


class RelationshipEnd(msgspec.Struct, gc=False):
    object_id: Id


class GenomeRelationship(msgspec.Struct, gc=False):
    predicate: str
    subject: RelationshipEnd
    object: RelationshipEnd


IMAGE, KEY = msgspec.json.Decoder(GenomeImage), msgspec.json.Decoder(EntryKey)


class EntryDecoder(Generic[T]):
    """One of the lists that entries have, decoded at once, or record by record where one is bad."""

    def __init__(self, name: str, record: type[T]) -> None:
        self.name = name
        self._entry_decoder = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[record])], gc=False))  # type: ignore[valid-type]
        self._raw_decoder = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[msgspec.Raw])], gc=False))
        self._record_decoder = msgspec.json.Decoder(record)

    def decode_entry(self, text: bytes, where: str) -> list[T | BadRecord]:
        """The records of an entry, those of another shape as what is wrong with them.

        Raises:
            BadRecord: the entry has another shape (``malformed``).
        """
        try:
            return getattr(self._entry_decoder.decode(text), self.name)  # type: ignore[no-any-return]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raws: list[msgspec.Raw] = getattr(parse_record(self._raw_decoder, text, where), self.name)
            return [self._decode_record(raw, f"{where}, {self.name}[{number}]") for number, raw in enumerate(raws)]

    def _decode_record(self, raw: msgspec.Raw, where: str) -> T | BadRecord:
        try:
            return parse_record(self._record_decoder, raw, where)
        except BadRecord as bad:
            return bad


OBJECTS = EntryDecoder("objects", GenomeObject)
DESCRIPTIONS = EntryDecoder("regions", GenomeDescription)
RELATIONSHIPS = EntryDecoder("relationships", GenomeRelationship)
