"""The records of Visual Genome's files, and decoders for them."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from scar.annotations.json_stream import Id, parse_record
from scar.errors import BadRecord

T = TypeVar("T")

Number = float | None
"""A number of a record; None stands for a number that JSON cannot hold, such as NaN."""


class GenomeImage(msgspec.Struct, gc=False):
    """An image of image_data.json, with its size in pixels and its ids in COCO and Flickr, None if it is not there."""

    width: int
    height: int
    url: str
    coco_id: Id | None = None
    flickr_id: Id | None = None


class EntryKey(msgspec.Struct, gc=False):
    """The image of an entry: some files call its id ``image_id``, others ``id``; some give its URL, too.

    What the file does not give is None; see `number` for the id.
    """

    image_id: Id | None = None
    id: Id | None = None
    image_url: str | None = None

    @property
    def number(self) -> int | None:
        """The image id: ``image_id``, else ``id``; None if the entry has neither."""
        return self.id if self.image_id is None else self.image_id


class GenomeObject(msgspec.Struct, gc=False):
    """An object of objects.json.

    Its box is the top left corner x, y, width w and height h in pixels, unless `scar.annotations.box_form` finds that
    the file has another form. Relationships may name one of ``merged_object_ids`` in place of this object.
    """

    object_id: Id
    x: Number
    y: Number
    w: Number
    h: Number
    names: list[str] = []
    name: str | None = None
    merged_object_ids: list[Id] = []


class GenomeDescription(msgspec.Struct, gc=False):
    """A region description of region_descriptions.json, with its box in pixels and the id of its image."""

    phrase: str
    x: Number
    y: Number
    width: Number
    height: Number
    image_id: Id | None = None


class RelationshipEnd(msgspec.Struct, gc=False):
    """The subject or the object of a relationship."""

    object_id: Id


class GenomeRelationship(msgspec.Struct, gc=False):
    """A relationship of relationships.json, such as "on", between two objects."""

    predicate: str
    subject: RelationshipEnd
    object: RelationshipEnd


IMAGE, KEY = msgspec.json.Decoder(GenomeImage), msgspec.json.Decoder(EntryKey)


class EntryDecoder(Generic[T]):
    """Decodes an entry, which lists the records of one image: all at once, or one by one if a record is bad.

    Args:
        name: key of the list in the entry.
        record: type of the records.
    """

    def __init__(self, name: str, record: type[T]) -> None:
        self.name = name
        self._entry_decoder = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[record])], gc=False))  # type: ignore[valid-type]
        self._raw_decoder = msgspec.json.Decoder(msgspec.defstruct("Entry", [(name, list[msgspec.Raw])], gc=False))
        self._record_decoder = msgspec.json.Decoder(record)

    def decode_entry(self, text: bytes, where: str) -> list[T | BadRecord]:
        """Decode the records of an entry from its JSON text; ``where`` names file and entry in messages.

        A `BadRecord` is returned in place of a record that does not have its type.

        Raises:
            BadRecord: the entry itself does not have the expected shape (reason ``malformed``).
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
