"""Reference to an image of COCO-style files, which reads the records of the image as a `Picture`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.box_form import BoxForm, replace_none
from scar.annotations.boxes import clip_box, read_box
from scar.annotations.coco_mending import read_annotation
from scar.annotations.coco_records import ANNOTATION, CocoAnnotation, MendedAnnotation
from scar.annotations.coco_texts import has_texts, read_phrases
from scar.annotations.image_captions import ImageCaptions
from scar.annotations.json_stream import ANY_JSON, parse_record
from scar.annotations.masks import find_outline, parse_mask
from scar.annotations.record_index import FileSpans, RecordSpans, read_records
from scar.annotations.relations import iter_known_relations
from scar.common.orientation import UPRIGHT
from scar.errors import BadRecord
from scar.language.category_names import name_category
from scar.sample import Box, Mask, Picture, Region, Relation


@dataclass(frozen=True, slots=True, eq=False)
class FileReading:
    """How to read the annotations of a file.

    Attributes:
        categories: names of the categories by id.
        box_form: what the four numbers of a box mean.
        has_crowds: whether ``iscrowd`` tells crowds; False if it is set for every annotation.
        new_ids: the id of an annotation that has none of its own, by its index in the list.
    """

    categories: Mapping[int, str]
    box_form: BoxForm
    has_crowds: bool = True
    new_ids: Mapping[int, int] = field(default_factory=dict)

    def select(self, spans: RecordSpans) -> FileReading:
        """What of this is needed to read the annotations at ``spans``; small enough to be sent to another process."""
        if not self.new_ids:
            return self
        numbers = {number: self.new_ids[number] for number in spans[:, 1].tolist() if number in self.new_ids}
        return replace(self, new_ids=numbers)


@dataclass(frozen=True, slots=True)
class CocoRef:
    """An image with the positions of its records in the files.

    Attributes:
        id: the image id.
        file: path below the source's image folder.
        identity: COCO's id of the image, as in ``coco:7``; None if the file name is not one of COCO's.
        width: width in pixels, as the instances JSON gives it.
        height: height in pixels, likewise.
        scene: the scene label; None if there is none.
        annotations: positions of the image's annotations in each file of the image set.
        readings: how to read the annotations of each of these files.
        captions: the image's captions.
        relations: the relations between the image's annotations.
        phrases: phrases by annotation id. If given, only these annotations may become samples, and the others are
            context. None if every annotation may become a sample.
    """

    id: int
    file: str
    identity: str | None
    width: int
    height: int
    scene: str | None
    annotations: tuple[FileSpans, ...]
    readings: tuple[FileReading, ...]
    captions: ImageCaptions
    relations: tuple[Relation, ...]
    phrases: Mapping[int, tuple[str, ...]] | None

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture. Regions are ordered by file, then by annotation id; boxes are clipped to the image.

        Raises:
            BadRecord, InputError: see `scar.annotations.pictures.PictureRef.read_picture`.
        """
        regions = tuple(
            region
            for (path, spans), reading in zip(self.annotations, self.readings, strict=True)
            for region in self._iter_regions(path, spans, reading, tally)
        )
        where = f"{self.annotations[0][0].name}, relation {{!r}} of image {self.id}"
        return Picture(
            id=self.id,
            file=self.file,
            width=self.width,
            height=self.height,
            regions=regions,
            captions=self.captions.read(),
            relations=tuple(iter_known_relations(self.relations, regions, where, tally)),
            scene=self.scene,
        )

    def _iter_regions(self, path: Path, spans: RecordSpans, reading: FileReading, tally: Tally) -> Iterator[Region]:
        file = path.name
        for text, index in zip(read_records(path, spans), spans[:, 1].tolist(), strict=True):
            target = self.phrases is None
            try:
                try:  # `read_annotation`, without a text for each annotation
                    annotation = ANNOTATION.decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    annotation = read_annotation(text, f"{file}, annotations[{index}]")
                number = reading.new_ids.get(index, annotation.id)
                target = self.phrases is None or number in self.phrases
                where = f"{file}, annotation {number}"
                box = self._read_box(annotation, reading.box_form, where, tally)
            except BadRecord as bad:
                if bad.reason == EMPTY_ANNOTATION:
                    (tally.rejected if target else tally.ignored)[bad.reason] += 1
                elif target:
                    tally.reject_regions(bad)
                else:
                    tally.ignore_records(bad)
            else:
                category = reading.categories[annotation.category_id]
                phrases: tuple[str, ...] = ()
                if has_texts(text):
                    phrases, said = read_phrases(text, self.captions.texts)
                    category = said if said and name_category(category) is None else category
                yield Region(
                    number,
                    box,
                    category,
                    crowd=reading.has_crowds and bool(annotation.iscrowd),
                    phrases=self.phrases.get(number, ()) if self.phrases else phrases,
                    target=target,
                    make_mask=partial(_make_mask, annotation.segmentation, self.width, self.height, where, box),
                )

    def _read_box(self, annotation: CocoAnnotation, form: BoxForm, where: str, tally: Tally) -> Box:
        """The box of an annotation; that of its mask if it has no box.

        Raises:
            BadRecord: the box cannot be used; or there is neither box nor mask (`EMPTY_ANNOTATION`).
        """
        numbers = annotation.bbox
        x, y, width, height = numbers
        has_numbers = width or height or x or y
        if has_numbers and x is not None and y is not None and width is not None and height is not None:
            return read_box((x, y, width, height), form, self.width, self.height, where, tally)
        fifth = annotation.fifth if isinstance(annotation, MendedAnnotation) else None
        segmentation = parse_record(ANY_JSON, annotation.segmentation, where)
        outline = find_outline(segmentation, self.width, self.height)
        if outline is not None:
            tally.repaired["box_of_mask" if fifth is None else "box_of_five"] += 1
            return clip_box(outline.xywh, self.width, self.height, where)
        if fifth is not None:
            kind = "may be a score: then leave it out" if 0 <= fifth <= 1 else "is no score"
            problem = (
                f"its box has five numbers, and it has no mask; the fifth, {fifth:g}, {kind}. If it is an angle: "
                "rotated boxes are not read; write [x, y, width, height], or the corners as a polygon"
            )
            raise BadRecord(where, problem, "malformed")
        if any(numbers):
            return read_box(replace_none(*numbers), form, self.width, self.height, where, tally)
        raise BadRecord(where, "it has neither box nor mask", EMPTY_ANNOTATION)


EMPTY_ANNOTATION = "empty_annotation"
"""The reason under which annotations without box and mask are counted; some tools write them, and they lose nothing."""


def _make_mask(
    segmentation: msgspec.Raw, width: int, height: int, where: str, box: Box, orientation: int = UPRIGHT
) -> Mask | None:
    """Decode the mask of an annotation; None if the annotation has no mask."""
    return parse_mask(parse_record(ANY_JSON, segmentation, where), width, height, where, orientation, box)
