"""COCO-style annotation files -> `Picture`s: COCO, COCO-Stuff, and anybody's own.

The files of one image set: an instances JSON (``images``, ``annotations``, ``categories``) and, if there are, a second
one with the stuff of the same images, and a captions JSON. Two extras of our own are read where they exist: the key
``scene`` of an image (the label of the place) and the list ``relations`` of ``{image_id, subject, predicate, object}``,
whose ends are annotation ids.

Each file's categories count for itself: the same number may mean something else in the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.captions import index_captions
from scar.annotations.coco_image import AnnotationFile, CocoRef
from scar.annotations.coco_index import CocoImage, index_annotations
from scar.annotations.pictures import PictureIndex, PictureKey
from scar.annotations.record_index import RecordIndex
from scar.common.image_hash import parse_coco_identity
from scar.errors import BadRecord
from scar.recipe import Source


@dataclass(frozen=True, slots=True)
class CocoIndex(PictureIndex):
    """The images that have annotations.

    Attributes:
        images: by ascending id.
        annotation_files: files of annotations, and where those of each image stand, row by row.
        captions: where the captions of each image stand, likewise.
        relations: by image id.
        phrases: by annotation id; see `CocoRef`.
    """

    images: Sequence[CocoImage]
    annotation_files: Sequence[tuple[AnnotationFile, RecordIndex]]
    captions: RecordIndex | None
    relations: Mapping[int, Sequence[tuple[int, str, int]]]
    phrases: Mapping[int, Mapping[int, tuple[str, ...]]] | None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> CocoRef:
        image = self.images[index]
        name = _picture_key(image)
        return CocoRef(
            id=image.id,
            file=name.file,
            identity=name.identity,
            width=image.width,
            height=image.height,
            scene=image.scene or None,
            annotations=tuple((layer, spans[index]) for layer, spans in self.annotation_files),
            captions=(self.captions.path, self.captions[index]) if self.captions else None,
            relations=tuple(self.relations.get(image.id, ())),
            phrases=None if self.phrases is None else self.phrases[image.id],
        )

    def iter_keys(self) -> Iterator[PictureKey]:
        return map(_picture_key, self.images)


def _picture_key(image: CocoImage) -> PictureKey:
    file = PurePosixPath(image.file_name).as_posix()
    return PictureKey(image.id, file, parse_coco_identity(file))


def open_index(source: Source, tally: Tally, cache: CallCache) -> CocoIndex:
    """Index of a COCO-style source; with the file ``stuff``, of COCO-Stuff."""
    inputs = source.inputs
    return index_image_set(inputs["instances"], inputs.get("stuff"), inputs.get("captions"), tally, cache)


def index_image_set(
    instances: Path,
    stuff: Path | None,
    captions: Path | None,
    tally: Tally,
    cache: CallCache,
    referred_phrases: Mapping[int, tuple[str, ...]] | None = None,
) -> CocoIndex:
    """Look at the files of one image set.

    Args:
        instances: the instances JSON.
        stuff: a second file of annotations of the same images.
        captions: the captions JSON, if there is one.
        tally: counts the annotations, and the records that cannot be used where that was asked for.
        cache: shared by sources that share the files.
        referred_phrases: phrases by annotation id, if only these annotations are records, which are counted already:
            then
            only their images are kept, and the other annotations are context.

    Raises:
        InputError: a file cannot be read, is no JSON or has another shape, or the captions belong to other images.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    things = cache(index_annotations, instances, tally.skip_bad)
    layers = [things] if stuff is None else [things, cache(index_annotations, stuff, tally.skip_bad, things)]
    for layer in layers:
        if referred_phrases is None:
            tally.add_tally(layer.tally)
        else:
            tally.ignored.update(layer.tally.ignored)
            tally.ignored.update(layer.tally.rejected)
    wanted = {image for layer in layers for image in layer.spans.images.tolist()}
    phrases: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
    if referred_phrases is not None:
        for image, number in zip(things.image_ids.tolist(), things.annotation_ids.tolist(), strict=True):
            if number in referred_phrases:
                phrases[image][number] = referred_phrases[number]
        found = {number for of_image in phrases.values() for number in of_image}
        for missing in sorted(referred_phrases.keys() - found):
            problem = f"no usable annotation has the id {missing}, which an expression is about"
            tally.reject_regions(BadRecord(instances.name, problem, "no_annotation"))
        wanted &= phrases.keys()
    numbers = sorted(wanted)
    said = index_captions(captions, things.images, instances.name, tally, cache) if captions else None
    return CocoIndex(
        images=[things.images[image] for image in numbers],
        annotation_files=[
            (AnnotationFile(layer.path, layer.categories), layer.spans.align_to(numbers)) for layer in layers
        ],
        captions=None if said is None else said.align_to(numbers),
        relations=things.relations,
        phrases=None if referred_phrases is None else dict(phrases),
    )
