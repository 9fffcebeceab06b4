"""Reference to an image of Visual Genome, which reads the records of the image as a `Picture`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from scar.accounting import Tally
from scar.annotations.box_form import BoxForm, replace_none
from scar.annotations.boxes import clip_box, read_box
from scar.annotations.captions import read_captions
from scar.annotations.phrase_matching import find_described_object, index_by_last_word
from scar.annotations.record_index import FileSpans, read_records
from scar.annotations.relations import iter_known_relations
from scar.annotations.visual_genome_records import DESCRIPTIONS, OBJECTS, RELATIONSHIPS, EntryDecoder
from scar.errors import BadRecord
from scar.language.english import has_word
from scar.sample import Picture, Region, Relation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VisualGenomeRef:
    """An image with the positions of its entries in the files.

    Attributes:
        id: the image id.
        file: path below the source's image folder, such as ``VG_100K/1.jpg``.
        identity: contains COCO's id of the image if it has one, else Flickr's, else Visual Genome's.
        width: width in pixels, as image_data.json gives it.
        height: height in pixels, likewise.
        box_form: what the four numbers of an object's box mean.
        objects: positions of the image's entries in objects.json.
        descriptions: positions of its entries in region_descriptions.json.
        relationships: positions of its entries in relationships.json.
        captions: positions of its captions in those of COCO's captions files that have some.
    """

    id: int
    file: str
    identity: str
    width: int
    height: int
    box_form: BoxForm
    objects: FileSpans
    descriptions: FileSpans
    relationships: FileSpans
    captions: tuple[FileSpans, ...]

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture. Its regions are the objects in order of id, with the phrases that describe them.

        Raises:
            BadRecord, InputError: see `scar.annotations.pictures.PictureRef.read_picture`.
        """
        regions, merged = self._read_regions(tally)
        phrases = self._read_phrases(regions, tally)
        where = f"{self.relationships[0].name}, relationship {{!r}} of image {self.id}"
        return Picture(
            id=self.id,
            file=self.file,
            width=self.width,
            height=self.height,
            regions=tuple(
                Region(region.id, region.box, region.category, phrases=tuple(phrases[region.id]))
                if region.id in phrases
                else region
                for region in regions
            ),
            captions=tuple(text for path, spans in self.captions for text in read_captions(path, spans)),
            relations=tuple(iter_known_relations(list(self._iter_relations(merged, tally)), regions, where, tally)),
        )

    def _read_regions(self, tally: Tally) -> tuple[list[Region], dict[int, int]]:
        """Read the objects in order of id, and for the id of each merged object the id of its replacement."""
        regions: dict[int, Region] = {}
        merged: dict[int, int] = {}
        for where, thing in self._iter_records(self.objects, OBJECTS, tally):
            tally.records += 1
            try:
                if isinstance(thing, BadRecord):
                    raise thing
                if thing.object_id in regions:
                    raise BadRecord(where, f"a second object has the id {thing.object_id}", "duplicate_id")
                name = _clean_name(next(iter(thing.names), thing.name or ""))
                if not has_word(name.split(",")[0]):
                    raise BadRecord(where, f"object {thing.object_id} has no name", "no_name")
                numbers = replace_none(thing.x, thing.y, thing.w, thing.h)
                box = read_box(numbers, self.box_form, self.width, self.height, where, tally)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                regions[thing.object_id] = Region(thing.object_id, box, name)
                merged |= dict.fromkeys(thing.merged_object_ids, thing.object_id)
        return [regions[number] for number in sorted(regions)], merged

    def _read_phrases(self, regions: Sequence[Region], tally: Tally) -> dict[int, list[str]]:
        """Read the region descriptions that fit an object, by the id of the object."""
        by_word = index_by_last_word(regions)
        phrases: dict[int, list[str]] = defaultdict(list)
        for where, description in self._iter_records(self.descriptions, DESCRIPTIONS, tally):
            try:
                if isinstance(description, BadRecord):
                    raise description
                phrase = " ".join(description.phrase.split())
                if not phrase:
                    raise BadRecord(where, "its phrase is empty", "empty_phrase")
                if description.image_id not in (None, self.id):
                    problem = f"it is of image {description.image_id}, not of {self.id}, whose entry it stands in"
                    raise BadRecord(where, problem, "image_mismatch")
                x, y, width, height = replace_none(description.x, description.y, description.width, description.height)
                if not (width > 0 and height > 0 and -width < x < self.width and -height < y < self.height):
                    clip_box((x, y, width, height), self.width, self.height, where)
            except BadRecord as bad:
                tally.ignore_records(bad)
                continue
            lower = phrase.lower()
            number = find_described_object(lower, (x, y, x + width, y + height), by_word)
            if number is None:
                tally.ignored["phrase_no_object"] += 1
            elif number in phrases and lower in map(str.lower, phrases[number]):
                tally.ignored["duplicate_phrase"] += 1
            else:
                phrases[number].append(phrase)
        return phrases

    def _iter_relations(self, merged: Mapping[int, int], tally: Tally) -> Iterator[Relation]:
        """Iterate over the distinct relationships."""
        seen = set()
        for where, relationship in self._iter_records(self.relationships, RELATIONSHIPS, tally):
            try:
                if isinstance(relationship, BadRecord):
                    raise relationship
                predicate = _clean_name(relationship.predicate)
                if not predicate:
                    raise BadRecord(where, "its predicate is empty", "empty_relation")
            except BadRecord as bad:
                tally.ignore_records(bad)
                continue
            ends = relationship.subject, relationship.object
            subject, target = (merged.get(end.object_id, end.object_id) for end in ends)
            relation = Relation(subject, predicate, target)
            if subject == target:
                tally.ignored["relation_to_itself"] += 1
            elif relation in seen:
                tally.ignored["duplicate_relation"] += 1
            else:
                seen.add(relation)
                yield relation

    def _iter_records(
        self, file_spans: FileSpans, decoder: EntryDecoder[T], tally: Tally
    ) -> Iterator[tuple[str, T | BadRecord]]:
        """Iterate over the image's records in a file, each with its location; a `BadRecord` stands for a broken one."""
        path, spans = file_spans
        where = f"{path.name}, image {self.id}"
        for text in read_records(path, spans):
            try:
                records = decoder.decode_entry(text, where)
            except BadRecord as bad:
                tally.ignore_records(bad)
                continue
            for number, record in enumerate(records):
                yield f"{where}, {decoder.name}[{number}]", record


@lru_cache(maxsize=1 << 14)
def _clean_name(name: str) -> str:
    """The name or predicate in lower case, without punctuation at its ends."""
    return " ".join(name.lower().split()).strip(" .,;:!?\"'")
