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
from typing import TYPE_CHECKING

from scar.accounting import Tally
from scar.annotations import Album, Name
from scar.annotations.captions import caption_spans
from scar.annotations.coco_image import CocoDraft, Layer
from scar.annotations.coco_index import Image, index_layer
from scar.annotations.once import Once
from scar.annotations.record_index import Spans
from scar.common.image_hash import parse_coco_identity
from scar.errors import BadRecord

if TYPE_CHECKING:
    from scar.recipe import Source


@dataclass(frozen=True, slots=True)
class CocoAlbum(Album):
    """The images that have annotations.

    Attributes:
        images: by ascending id.
        layers: files of annotations, and where those of each image stand, row by row.
        captions: where the captions of each image stand, likewise.
        relations: by image id.
        phrases: by annotation id; see `CocoDraft`.
    """

    images: Sequence[Image]
    layers: Sequence[tuple[Layer, Spans]]
    captions: Spans | None
    relations: Mapping[int, Sequence[tuple[int, str, int]]]
    phrases: Mapping[int, Mapping[int, tuple[str, ...]]] | None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> CocoDraft:
        image = self.images[place]
        name = _name(image)
        return CocoDraft(
            id=image.id,
            file=name.file,
            identity=name.identity,
            width=image.width,
            height=image.height,
            scene=image.scene or None,
            annotations=tuple((layer, spans[place]) for layer, spans in self.layers),
            captions=(self.captions.path, self.captions[place]) if self.captions else None,
            relations=tuple(self.relations.get(image.id, ())),
            phrases=None if self.phrases is None else self.phrases[image.id],
        )

    def names(self) -> Iterator[Name]:
        return map(_name, self.images)


def _name(image: Image) -> Name:
    file = PurePosixPath(image.file_name).as_posix()
    return Name(image.id, file, parse_coco_identity(file))


def album(source: Source, tally: Tally, once: Once) -> CocoAlbum:
    """Index of a COCO-style source; with the file ``stuff``, of COCO-Stuff."""
    inputs = source.inputs
    return index(inputs["instances"], inputs.get("stuff"), inputs.get("captions"), tally, once)


def index(
    instances: Path,
    stuff: Path | None,
    captions: Path | None,
    tally: Tally,
    once: Once,
    referred: Mapping[int, tuple[str, ...]] | None = None,
) -> CocoAlbum:
    """Look at the files of one image set.

    Args:
        instances: the instances JSON.
        stuff: a second file of annotations of the same images.
        captions: the captions JSON, if there is one.
        tally: counts the annotations, and the records that cannot be used where that was asked for.
        once: shared by sources that share the files.
        referred: phrases by annotation id, if only these annotations are records, which are counted already: then
            only their images are kept, and the other annotations are context.

    Raises:
        InputError: a file cannot be read, is no JSON or has another shape, or the captions belong to other images.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    things = once(index_layer, instances, tally.skip_bad)
    layers = [things] if stuff is None else [things, once(index_layer, stuff, tally.skip_bad, things)]
    for layer in layers:
        if referred is None:
            tally.add(layer.tally)
        else:
            tally.ignored.update(layer.tally.ignored)
            tally.ignored.update(layer.tally.rejected)
    wanted = {image for layer in layers for image in layer.spans.images.tolist()}
    phrases: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
    if referred is not None:
        for image, number in zip(things.owners.tolist(), things.ids.tolist(), strict=True):
            if number in referred:
                phrases[image][number] = referred[number]
        found = {number for of_image in phrases.values() for number in of_image}
        for missing in sorted(referred.keys() - found):
            problem = f"no usable annotation has the id {missing}, which an expression is about"
            tally.reject(BadRecord(instances.name, problem, "no_annotation"))
        wanted &= phrases.keys()
    numbers = sorted(wanted)
    said = caption_spans(captions, things.images, instances.name, tally, once) if captions else None
    return CocoAlbum(
        images=[things.images[image] for image in numbers],
        layers=[(Layer(layer.path, layer.categories), layer.spans.aligned(numbers)) for layer in layers],
        captions=None if said is None else said.aligned(numbers),
        relations=things.relations,
        phrases=None if referred is None else dict(phrases),
    )
