"""One image of Visual Genome, by the places of its records -> its `Picture`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias, TypeVar

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.captions import read_captions
from scar.annotations.phrase_matching import find_described_object, index_by_last_word
from scar.annotations.record_index import RecordSpans, read_records
from scar.annotations.relations import iter_known_relations
from scar.annotations.visual_genome_records import DESCRIPTIONS, OBJECTS, RELATIONSHIPS, EntryDecoder
from scar.errors import BadRecord
from scar.sample import Picture, Region

T = TypeVar("T")

FileSpans: TypeAlias = tuple[Path, RecordSpans]
"""A file and what it says of one image."""


@dataclass(frozen=True, slots=True)
class VisualGenomeRef:
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
    objects: FileSpans
    descriptions: FileSpans
    relationships: FileSpans
    captions: tuple[FileSpans, ...]

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture: its objects by id, as regions that carry the descriptions about them."""
        regions, merged = self._read_regions(tally)
        said = self._read_phrases(regions, tally)
        place = f"{self.relationships[0].name}, relationship {{!r}} of image {self.id}"
        return Picture(
            id=self.id,
            file=self.file,
            width=self.width,
            height=self.height,
            regions=tuple(
                Region(region.id, region.box, region.category, phrases=tuple(said[region.id]))
                if region.id in said
                else region
                for region in regions
            ),
            captions=tuple(text for path, pieces in self.captions for text in read_captions(path, pieces)),
            relations=tuple(iter_known_relations(list(self._iter_relations(merged, tally)), regions, place, tally)),
        )

    def _read_regions(self, tally: Tally) -> tuple[list[Region], dict[int, int]]:
        """Objects by id, and which object stands for those that were merged with it."""
        regions: dict[int, Region] = {}
        merged: dict[int, int] = {}
        for place, found in self._iter_records(self.objects, OBJECTS, tally):
            tally.records += 1
            try:
                if isinstance(found, BadRecord):
                    raise found
                if found.object_id in regions:
                    raise BadRecord(place, f"a second object has the id {found.object_id}", "duplicate_id")
                name = _clean_name(next(iter(found.names), found.name or ""))
                if not name:
                    raise BadRecord(place, f"object {found.object_id} has no name", "no_name")
                box = clip_box(_replace_none(found.x, found.y, found.w, found.h), self.width, self.height, place)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                regions[found.object_id] = Region(found.object_id, box, name)
                merged |= dict.fromkeys(found.merged_object_ids, found.object_id)
        return [regions[number] for number in sorted(regions)], merged

    def _read_phrases(self, regions: Sequence[Region], tally: Tally) -> dict[int, list[str]]:
        """Descriptions by the object that they are about."""
        by_word = index_by_last_word(regions)
        said: dict[int, list[str]] = defaultdict(list)
        for place, found in self._iter_records(self.descriptions, DESCRIPTIONS, tally):
            try:
                if isinstance(found, BadRecord):
                    raise found
                phrase = " ".join(found.phrase.split())
                if not phrase:
                    raise BadRecord(place, "its phrase is empty", "empty_phrase")
                x, y, width, height = _replace_none(found.x, found.y, found.width, found.height)
                if not (width > 0 and height > 0 and -width < x < self.width and -height < y < self.height):
                    clip_box((x, y, width, height), self.width, self.height, place)
            except BadRecord as bad:
                tally.ignore_records(bad)
                continue
            lower = phrase.lower()
            number = find_described_object(lower, (x, y, x + width, y + height), by_word)
            if number is None:
                tally.ignored["phrase_no_object"] += 1
            elif number in said and lower in map(str.lower, said[number]):
                tally.ignored["duplicate_phrase"] += 1
            else:
                said[number].append(phrase)
        return said

    def _iter_relations(self, merged: Mapping[int, int], tally: Tally) -> Iterator[tuple[int, str, int]]:
        """Subject, predicate and object of each relationship."""
        seen = set()
        for place, found in self._iter_records(self.relationships, RELATIONSHIPS, tally):
            try:
                if isinstance(found, BadRecord):
                    raise found
                predicate = _clean_name(found.predicate)
                if not predicate:
                    raise BadRecord(place, "its predicate is empty", "empty_relation")
            except BadRecord as bad:
                tally.ignore_records(bad)
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

    def _iter_records(
        self, file_spans: FileSpans, decoder: EntryDecoder[T], tally: Tally
    ) -> Iterator[tuple[str, T | BadRecord]]:
        """Each record of the image in a file, with its place."""
        path, pieces = file_spans
        place = f"{path.name}, image {self.id}"
        for text in read_records(path, pieces):
            try:
                found = decoder.decode_entry(text, place)
            except BadRecord as bad:
                tally.ignore_records(bad)
                continue
            for number, record in enumerate(found):
                yield f"{place}, {decoder.name}[{number}]", record


@lru_cache(maxsize=1 << 14)
def _clean_name(name: str) -> str:
    """A name or predicate in lower case, without marks at its ends."""
    return " ".join(name.lower().split()).strip(" .,;:!?\"'")


def _replace_none(*values: float | None) -> list[float]:
    return [math.nan if value is None else value for value in values]
