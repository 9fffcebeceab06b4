"""Reference to an image of COCO-style files, which reads the records of the image as a `Picture`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.box_form import BoxForm, replace_none
from scar.annotations.boxes import read_box
from scar.annotations.coco_records import ANNOTATION
from scar.annotations.image_captions import ImageCaptions
from scar.annotations.json_stream import ANY_JSON, parse_record
from scar.annotations.masks import parse_mask
from scar.annotations.record_index import FileSpans, RecordSpans, read_records
from scar.annotations.relations import iter_known_relations
from scar.common.orientation import UPRIGHT
from scar.errors import BadRecord
from scar.sample import Mask, Picture, Region, Relation


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
        categories: names of the categories by id, for each of these files.
        box_forms: what the four numbers of a box mean, for each of these files.
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
    categories: tuple[Mapping[int, str], ...]
    box_forms: tuple[BoxForm, ...]
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
            for (path, spans), categories, form in zip(self.annotations, self.categories, self.box_forms, strict=True)
            for region in self._iter_regions(path, spans, categories, form, tally)
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

    def _iter_regions(
        self, path: Path, spans: RecordSpans, categories: Mapping[int, str], form: BoxForm, tally: Tally
    ) -> Iterator[Region]:
        for text, number in zip(read_records(path, spans), spans[:, 1].tolist(), strict=True):
            target = self.phrases is None
            try:
                annotation = parse_record(ANNOTATION, text, f"{path.name}, annotations[{number}]")
                target = self.phrases is None or annotation.id in self.phrases
                where = f"{path.name}, annotation {annotation.id}"
                box = read_box(replace_none(*annotation.bbox), form, self.width, self.height, where, tally)
            except BadRecord as bad:
                if target:
                    tally.reject_regions(bad)
                else:
                    tally.ignore_records(bad)
            else:
                yield Region(
                    annotation.id,
                    box,
                    categories[annotation.category_id],
                    crowd=bool(annotation.iscrowd),
                    phrases=self.phrases.get(annotation.id, ()) if self.phrases else (),
                    target=target,
                    make_mask=partial(_make_mask, annotation.segmentation, self.width, self.height, where),
                )


def _make_mask(
    segmentation: msgspec.Raw, width: int, height: int, where: str, orientation: int = UPRIGHT
) -> Mask | None:
    """Decode the mask of an annotation; None if the annotation has no mask."""
    return parse_mask(parse_record(ANY_JSON, segmentation, where), width, height, where, orientation)
