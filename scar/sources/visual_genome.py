"""Visual Genome 1.2 and 1.4 -> `Picture`s: its objects as regions, its relationships between them.

A region description is a phrase about an object if it names the object and its box is about the object's: a phrase of
`Region.phrases`. Those that fit no object are counted as ``phrase_no_object`` and left out. There is no official split:
a hash of the image id makes one, and COCO's val2017 images are in no train split.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from scar.errors import BadRecord
from scar.identity import HeldOut
from scar.images import MAX_PIXELS
from scar.recipe import Source
from scar.sample import Box, Picture, Region, Split
from scar.sources import Draft
from scar.sources.boxes import usable
from scar.sources.captions import caption_spans, caption_texts
from scar.sources.jsonfile import Record, parsed, records
from scar.sources.relations import facts
from scar.sources.spans import Id, Notes, Piece, Spans, texts
from scar.tally import Tally

EVAL_SHARE = 5000 / 108_077
"""Of the images, as many as the paper has in its eval split."""

_SAME = 0.5
"""Least intersection over union of the boxes of an object and of a description of it."""

_FOLDER_AND_FILE = re.compile(r"[^/]+/[^/]+$")
_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")

T = TypeVar("T")


_Number = float | None
"""None where the file has a number that JSON does not know, such as NaN."""


class _Image(msgspec.Struct, gc=False):
    width: int
    height: int
    url: str
    coco_id: Id | None = None
    flickr_id: Id | None = None


class _Key(msgspec.Struct, gc=False):
    """The image of an entry: some files call it so, some otherwise."""

    image_id: Id | None = None
    id: Id | None = None


class _Object(msgspec.Struct, gc=False):
    object_id: Id
    x: _Number
    y: _Number
    w: _Number
    h: _Number
    names: list[str] = []
    name: str | None = None
    merged_object_ids: list[Id] = []


class _Description(msgspec.Struct, gc=False):
    phrase: str
    x: _Number
    y: _Number
    width: _Number
    height: _Number


class _End(msgspec.Struct, gc=False):
    object_id: Id


class _Relationship(msgspec.Struct, gc=False):
    predicate: str
    subject: _End
    object: _End


_IMAGE, _KEY = msgspec.json.Decoder(_Image), msgspec.json.Decoder(_Key)


class _Kind(Generic[T]):
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


_OBJECTS = _Kind("objects", _Object)
_DESCRIPTIONS = _Kind("regions", _Description)
_RELATIONSHIPS = _Kind("relationships", _Relationship)

_Entries: TypeAlias = tuple[Path, tuple[Piece, ...]]
"""A file and what it says of one image."""


def split_of(image_id: int) -> Split:
    """Train or eval, by a hash of the image id: the same for everybody, whatever other images there are."""
    number = int.from_bytes(hashlib.sha256(f"visual_genome/{image_id}".encode()).digest()[:8])
    return "eval" if number < EVAL_SHARE * 2**64 else "train"


@dataclass(frozen=True, slots=True)
class VisualGenomeDraft:
    """One image with the places of its records.

    Attributes:
        id: of the image.
        file: with its folder, such as ``VG_100K/1.jpg``.
        identity: COCO's id, else Flickr's, else its own.
        width: in pixels.
        height: in pixels.
        objects: file and entries.
        descriptions: file and entries.
        relationships: file and entries.
        captions: COCO's files and records, if it is one of COCO's images.
    """

    id: int
    file: str
    identity: str
    width: int
    height: int
    objects: _Entries
    descriptions: _Entries
    relationships: _Entries
    captions: tuple[_Entries, ...]

    def __call__(self, tally: Tally) -> Picture:
        """Read the picture: its objects by id, as regions that carry the descriptions about them."""
        regions, merged = self._regions(tally)
        said = self._phrases(regions, tally)
        place = f"{self.relationships[0].name}, relationship {{!r}} of image {self.id}"
        return Picture(
            id=self.id,
            file=self.file,
            width=self.width,
            height=self.height,
            regions=tuple(
                Region(region.id, region.box, region.category, phrases=tuple(said.get(region.id, ())))
                for region in regions
            ),
            captions=tuple(text for path, pieces in self.captions for text in caption_texts(path, pieces)),
            relations=tuple(facts(list(self._relations(merged, tally)), regions, place, tally)),
        )

    def _regions(self, tally: Tally) -> tuple[list[Region], dict[int, int]]:
        """Objects by id, and which object stands for those that were merged with it."""
        regions: dict[int, Region] = {}
        merged: dict[int, int] = {}
        for place, found in self._records(self.objects, _OBJECTS, tally):
            tally.records += 1
            try:
                if isinstance(found, BadRecord):
                    raise found
                if found.object_id in regions:
                    raise BadRecord(place, f"a second object has the id {found.object_id}", "duplicate_id")
                name = _clean(next(iter(found.names), found.name or ""))
                if not name:
                    raise BadRecord(place, f"object {found.object_id} has no name", "no_name")
                box = usable(_numbers(found.x, found.y, found.w, found.h), self.width, self.height, place)
            except BadRecord as bad:
                tally.reject(bad)
            else:
                regions[found.object_id] = Region(found.object_id, box, name)
                merged |= dict.fromkeys(found.merged_object_ids, found.object_id)
        return [regions[number] for number in sorted(regions)], merged

    def _phrases(self, regions: Sequence[Region], tally: Tally) -> dict[int, list[str]]:
        """Descriptions by the object that they are about."""
        by_word: dict[str, list[_Named]] = defaultdict(list)
        for region in regions:
            named = _Named(f" {region.category} ", region.box, region.box.area, region.id)
            by_word[region.category.rpartition(" ")[2]].append(named)
        said: dict[int, list[str]] = defaultdict(list)
        for place, found in self._records(self.descriptions, _DESCRIPTIONS, tally):
            try:
                if isinstance(found, BadRecord):
                    raise found
                phrase = " ".join(found.phrase.split())
                if not phrase:
                    raise BadRecord(place, "its phrase is empty", "empty_phrase")
                x, y, width, height = _numbers(found.x, found.y, found.width, found.height)
                if not (width > 0 and height > 0 and -width < x < self.width and -height < y < self.height):
                    usable((x, y, width, height), self.width, self.height, place)
            except BadRecord as bad:
                tally.ignore(bad)
                continue
            about = _about(phrase.lower(), Box(x, y, x + width, y + height), by_word)
            if about is None:
                tally.ignored["phrase_no_object"] += 1
            elif phrase.lower() in map(str.lower, said[about]):
                tally.ignored["duplicate_phrase"] += 1
            else:
                said[about].append(phrase)
        return said

    def _relations(self, merged: Mapping[int, int], tally: Tally) -> Iterator[tuple[int, str, int]]:
        """Subject, predicate and object of each relationship."""
        seen = set()
        for place, found in self._records(self.relationships, _RELATIONSHIPS, tally):
            try:
                if isinstance(found, BadRecord):
                    raise found
                predicate = _clean(found.predicate)
                if not predicate:
                    raise BadRecord(place, "its predicate is empty", "empty_relation")
            except BadRecord as bad:
                tally.ignore(bad)
                continue
            subject, target = (merged.get(end.object_id, end.object_id) for end in (found.subject, found.object))
            fact = (subject, predicate, target)
            if subject == target:
                tally.ignored["relation_to_itself"] += 1
            elif fact in seen:
                tally.ignored["duplicate_relation"] += 1
            else:
                seen.add(fact)
                yield fact

    def _records(self, entries: _Entries, kind: _Kind[T], tally: Tally) -> Iterator[tuple[str, T | BadRecord]]:
        """Each record of the image in a file, with its place."""
        path, pieces = entries
        place = f"{path.name}, image {self.id}"
        for text in texts(path, pieces):
            try:
                found = kind.read(text, place)
            except BadRecord as bad:
                tally.ignore(bad)
                continue
            for number, record in enumerate(found):
                yield f"{place}, {kind.name}[{number}]", record


@dataclass(frozen=True, slots=True)
class VisualGenomeAlbum:
    """The images of one split that have objects.

    Attributes:
        images: by ascending id.
        objects: where the entries of each image stand.
        descriptions: likewise.
        relationships: likewise.
        captions: likewise, by COCO's id.
        coco_val: COCO's ids of the images that no train split has.
        split: of the images.
    """

    images: Sequence[tuple[int, _Image]]
    objects: Spans
    descriptions: Spans
    relationships: Spans
    captions: tuple[Spans, ...]
    coco_val: Collection[int]
    split: Split

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Draft]:
        for number, image in self.images:
            draft = VisualGenomeDraft(
                id=number,
                file=_file(image.url),
                identity=_identity(number, image),
                width=image.width,
                height=image.height,
                objects=(self.objects.path, self.objects.of(number)),
                descriptions=(self.descriptions.path, self.descriptions.of(number)),
                relationships=(self.relationships.path, self.relationships.of(number)),
                captions=tuple(
                    (spans.path, pieces)
                    for spans in self.captions
                    if image.coco_id is not None and (pieces := spans.of(image.coco_id))
                ),
            )
            held = self.split == "train" and image.coco_id in self.coco_val
            yield HeldOut(draft, "coco_val") if held else draft


def album(source: Source, tally: Tally) -> VisualGenomeAlbum:
    """Index of one split of Visual Genome."""
    inputs = source.inputs
    images = _images(inputs["image_data"], tally)
    objects = _entries(inputs["objects"], images, source.split, tally, counted=True)
    descriptions = _entries(inputs["region_descriptions"], images, source.split, tally)
    relationships = _entries(inputs["relationships"], images, source.split, tally)
    captions = [inputs[role] for role in ("coco_captions_train", "coco_captions_val") if role in inputs]
    return VisualGenomeAlbum(
        images=[(number, images[number]) for number in objects.images.tolist()],
        objects=objects,
        descriptions=descriptions,
        relationships=relationships,
        captions=tuple(caption_spans(path, None, path.name, tally) for path in captions),
        coco_val=_coco_ids(inputs["coco_val"]) if "coco_val" in inputs else frozenset(),
        split=source.split,
    )


def _images(path: Path, tally: Tally) -> dict[int, _Image]:
    """Image records by id."""
    images: dict[int, _Image] = {}
    for record in records(path):
        place = f"{path.name}[{record.number}]"
        try:
            number = _image_id(record, path)
            image = parsed(_IMAGE, record.text, place)
            if number in images:
                raise BadRecord(place, f"a second image has the id {number}", "duplicate_image")
            if not (image.width > 0 and image.height > 0 and image.width * image.height <= MAX_PIXELS):
                problem = f"image {number} is said to be {image.width}x{image.height}, not 1 to {MAX_PIXELS:,} pixels"
                raise BadRecord(place, problem, "image_size")
            images[number] = image
        except BadRecord as bad:
            tally.ignore(bad)
    return images


def _entries(path: Path, images: Mapping[int, _Image], split: Split, tally: Tally, *, counted: bool = False) -> Spans:
    """Where the entries of the images of a split stand; ``counted``: those of unknown images have records."""
    notes = Notes(path)
    for record in records(path):
        try:
            number = _image_id(record, path)
            if split_of(number) != split:
                continue
            if number in images:
                notes.add(number, record)
                continue
            place = f"{path.name}[{record.number}]"
            bad = BadRecord(place, f"its image {number} is not in image_data.json", "no_image")
            lost = len(_OBJECTS.read(bytes(record.text), place)) if counted else 0
        except BadRecord as problem:
            tally.ignore(problem)
            continue
        tally.records += lost
        if lost:
            tally.reject(bad, lost)
        else:
            tally.ignore(bad)
    return notes.spans()


def _image_id(record: Record, path: Path) -> int:
    """The image that an entry is about.

    Raises:
        BadRecord: it does not say so (``malformed``).
    """
    place = f"{path.name}[{record.number}]"
    key = parsed(_KEY, record.text, place)
    number = key.id if key.image_id is None else key.image_id
    if number is None:
        raise BadRecord(place, "it has neither image_id nor id", "malformed")
    return number


def _coco_ids(path: Path) -> frozenset[int]:
    """Ids of the images of a COCO-style file."""
    found = (parsed(_KEY, record.text, path.name).id for record in records(path, ["images"]))
    return frozenset(number for number in found if number is not None)


class _Named(NamedTuple):
    """An object as descriptions are compared with it: its name between spaces, and its box."""

    name: str
    box: Box
    area: float
    id: int


def _about(phrase: str, box: Box, by_word: Mapping[str, Sequence[_Named]]) -> int | None:
    """Id of the object that a description names, with the box that is most like its own; of two, that named first."""
    words = _WORD.findall(phrase)
    padded = f" {' '.join(words)} "
    left, top, right, bottom, area = box.x0, box.y0, box.x1, box.y1, box.area
    best, most = None, _SAME
    for word in dict.fromkeys(words):
        for name, other, other_area, number in by_word.get(word, ()):
            # `Box.iou`, written out: there are some hundred million pairs.
            width = min(right, other.x1) - max(left, other.x0)
            height = min(bottom, other.y1) - max(top, other.y0)
            if width <= 0 or height <= 0:
                continue
            shared = width * height
            union = area + other_area - shared
            if shared >= most * union and (best is None or shared > most * union) and name in padded:
                best, most = number, shared / union
    return best


def _file(url: str) -> str:
    """Folder and name of an image from where it is on the web."""
    match = _FOLDER_AND_FILE.search(url)
    return match.group() if match else url


def _identity(number: int, image: _Image) -> str:
    if image.coco_id is not None:
        return f"coco:{image.coco_id}"
    return f"visual_genome:{number}" if image.flickr_id is None else f"flickr:{image.flickr_id}"


def _clean(name: str) -> str:
    """A name or predicate in lower case, without marks at its ends."""
    return " ".join(name.lower().split()).strip(" .,;:!?\"'")


def _numbers(*values: float | None) -> list[float]:
    return [math.nan if value is None else value for value in values]
