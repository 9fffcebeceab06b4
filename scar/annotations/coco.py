"""Read COCO-style annotation files as `Picture`s: those of COCO and COCO-Stuff, and your own.

An image set has an instances JSON (``images``, ``annotations``, ``categories``). It may have a second such file with
the stuff of the same images, and a captions file. Captions, scenes and phrases within the files are read, too
(`scar.annotations.coco_texts`), and the list ``relations`` of ``{image_id, subject, predicate, object}``, where subject
and object are annotation ids.

Each file has its own category ids: the same id may mean something else in the other file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.coco_image import CocoRef, FileReading
from scar.annotations.coco_index import index_annotations
from scar.annotations.coco_records import CocoImage
from scar.annotations.file_kind import INSTANCES, explain_kind
from scar.annotations.image_captions import ImageCaptions, index_image_captions
from scar.annotations.pictures import PictureIndex, PictureKey
from scar.annotations.record_index import FileSpans, select_image
from scar.errors import BadRecord, InputError
from scar.language.english import has_word
from scar.recipe import Source
from scar.sample import Relation


@dataclass(frozen=True, slots=True)
class CocoIndex(PictureIndex):
    """The images of an image set that have annotations.

    Attributes:
        images: the images, in ascending order of id.
        annotations: for each file, where the annotations are, by image.
        readings: for each file, how to read its annotations.
        captions: the captions, by image.
        relations: the relations by image id.
        phrases: phrases by image id, then by annotation id. If given, only these annotations may become samples. None
            if every annotation may become a sample.
        given_ids: what the files have as ids of annotations and of images that were numbered, by number.
    """

    images: Sequence[CocoImage]
    annotations: tuple[FileSpans, ...]
    readings: tuple[FileReading, ...]
    captions: ImageCaptions
    relations: Mapping[int, Sequence[Relation]]
    phrases: Mapping[int, Mapping[int, tuple[str, ...]]] | None
    given_ids: tuple[Mapping[int, Any], Mapping[int, Any]] = ({}, {})

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> CocoRef:
        image = self.images[index]
        width, height = image.size
        annotations = tuple(select_image(records, image.id) for records in self.annotations)
        return CocoRef(
            id=image.id,
            file=image.file,
            identity=image.identity,
            width=width,
            height=height,
            scene=image.scene if image.scene and has_word(image.scene) else None,
            annotations=annotations,
            readings=tuple(map(FileReading.select, self.readings, (spans for _, spans in annotations))),
            captions=self.captions.select(image.id),
            relations=tuple(self.relations.get(image.id, ())),
            phrases=None if self.phrases is None else self.phrases[image.id],
        )

    def list_given_ids(self) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
        return self.given_ids

    def iter_keys(self) -> Iterator[PictureKey]:
        return iter(self.images)  # references take ten times as long


def open_index(source: Source, tally: Tally, cache: CallCache) -> CocoIndex:
    """Index the pictures of a COCO-style source: the annotations of ``instances`` and, if given, of ``stuff``.

    Raises:
        BadRecord, InputError: see `index_image_set`.
    """
    return index_image_set(source, tally, cache)


def index_image_set(
    source: Source, tally: Tally, cache: CallCache, referred_phrases: Mapping[int, tuple[str, ...]] | None = None
) -> CocoIndex:
    """Index the pictures of one image set.

    Args:
        source: names the files: ``instances``, and two optional ones. ``stuff`` is a second file of annotations of the
            same images; ``captions`` has captions of these images.
        tally: counts the annotations of all images as records, those that cannot be used as rejected, and other
            unusable records as ignored. With ``referred_phrases``, the caller has counted the records, one for each
            id. Then an id without a usable annotation counts as rejected, and any unusable annotation as ignored.
        cache: what other sources have already read from these files.
        referred_phrases: phrases by id of an annotation of ``instances``. If given, only these annotations may become
            samples; the others of the same images are context, and other images are left out. None if every annotation
            may become a sample.

    Raises:
        InputError: a file cannot be read, is no JSON or has the wrong shape, or the captions belong to other images.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    instances = source.inputs["instances"]
    stuff, captions = source.inputs.get("stuff"), source.inputs.get("captions")
    settings = (tally.skip_bad, source.images, source.frame)
    try:
        things = cache(index_annotations, instances, *settings, source.boxes)
    except InputError as error:
        raise explain_kind(instances, INSTANCES, error) from None
    files = [things] if stuff is None else [things, cache(index_annotations, stuff, *settings, None, things)]
    for file in files:
        if referred_phrases is None:
            tally.add_tally(file.tally)
        else:
            tally.ignored.update(file.tally.ignored)
            tally.repaired.update(file.tally.repaired)
            tally.doubts.update(file.tally.doubts)
            tally.ignored.update(file.tally.rejected)
    image_ids = {image for file in files for image in file.image_ids.tolist()}
    phrases: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
    if referred_phrases is not None:
        for image, number in zip(things.image_ids.tolist(), things.annotation_ids.tolist(), strict=True):
            if number in referred_phrases:
                phrases[image][number] = referred_phrases[number]
        usable = {number for of_image in phrases.values() for number in of_image}
        for missing in sorted(referred_phrases.keys() - usable):
            problem = f"no usable annotation has the id {missing}, which an expression is about"
            tally.reject_regions(BadRecord(instances.name, problem, "no_annotation"))
        image_ids &= phrases.keys()
    ordered = sorted(image_ids)
    return CocoIndex(
        source=source,
        tally=tally,
        images=[things.images[image] for image in ordered],
        annotations=tuple(file.records for file in files),
        readings=tuple(file.reading for file in files),
        captions=index_image_captions(
            None if captions == instances else captions,
            things.file_names,
            instances.name,
            tally,
            cache,
            things.captions,
            things.image_numbers,
        ),
        relations=things.relations,
        phrases=None if referred_phrases is None else dict(phrases),
        given_ids=({key: value for file in files for key, value in file.given_ids.items()}, things.given_image_ids),
    )
