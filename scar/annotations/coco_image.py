"""One image of COCO-style files, by the places of its records -> its `Picture`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.captions import read_captions
from scar.annotations.json_stream import ANY_JSON, parse_record
from scar.annotations.masks import parse_mask
from scar.annotations.record_index import Id, RecordSpans, read_records
from scar.annotations.relations import iter_known_relations
from scar.errors import BadRecord
from scar.sample import Mask, Picture, Region


class _Annotation(msgspec.Struct, gc=False):
    id: Id
    category_id: Id
    # A box of None holds a number that JSON does not know, such as NaN.
    bbox: tuple[float | None, float | None, float | None, float | None]
    segmentation: msgspec.Raw = msgspec.Raw(b"null")
    iscrowd: int | bool = 0


_ANNOTATION = msgspec.json.Decoder(_Annotation)


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """One file of annotations.

    Attributes:
        path: of the file.
        categories: names by id.
    """

    path: Path
    categories: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class CocoRef:
    """One image with the places of its records.

    Attributes:
        id: of the image.
        file: as the file names it.
        identity: COCO's id, if it is one of COCO's images.
        width: in pixels.
        height: in pixels.
        scene: the label of the place, if there is one.
        annotations: of each layer.
        captions: file and records.
        relations: between its annotations.
        phrases: by annotation id, what is said of it; annotations that are not in it are context. None: all are
            records.
    """

    id: int
    file: str
    identity: str | None
    width: int
    height: int
    scene: str | None
    annotations: tuple[tuple[AnnotationFile, RecordSpans], ...]
    captions: tuple[Path, RecordSpans] | None
    relations: tuple[tuple[int, str, int], ...]
    phrases: Mapping[int, tuple[str, ...]] | None

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture: regions by layer and annotation id, their boxes clipped to the image."""
        regions = tuple(
            region for layer, pieces in self.annotations for region in self._iter_regions(layer, pieces, tally)
        )
        place = f"{self.annotations[0][0].path.name}, relation"
        return Picture(
            id=self.id,
            file=self.file,
            width=self.width,
            height=self.height,
            regions=regions,
            captions=read_captions(*self.captions) if self.captions else (),
            relations=tuple(iter_known_relations(self.relations, regions, f"{place} {{!r}} of image {self.id}", tally)),
            scene=self.scene,
        )

    def _iter_regions(self, annotation_file: AnnotationFile, spans: RecordSpans, tally: Tally) -> Iterator[Region]:
        file = annotation_file.path.name
        for text, number in zip(read_records(annotation_file.path, spans), spans[:, 0].tolist(), strict=True):
            target = self.phrases is None
            try:
                annotation = parse_record(_ANNOTATION, text, f"{file}, annotations[{number}]")
                target = self.phrases is None or annotation.id in self.phrases
                place = f"{file}, annotation {annotation.id}"
                numbers = [float("nan") if number is None else number for number in annotation.bbox]
                box = clip_box(numbers, self.width, self.height, place)
            except BadRecord as bad:
                if target:
                    tally.reject_regions(bad)
                else:
                    tally.ignore_records(bad)
            else:
                yield Region(
                    annotation.id,
                    box,
                    annotation_file.categories[annotation.category_id],
                    crowd=bool(annotation.iscrowd),
                    phrases=self.phrases.get(annotation.id, ()) if self.phrases else (),
                    target=target,
                    make_mask=partial(_make_mask, annotation.segmentation, self.width, self.height, place),
                )


def _make_mask(segmentation: msgspec.Raw, width: int, height: int, where: str) -> Mask | None:
    """The mask of an annotation."""
    return parse_mask(parse_record(ANY_JSON, segmentation, where), width, height, where)
