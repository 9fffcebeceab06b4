"""Visual Genome 1.2 and 1.4 -> `Picture`s: its objects as regions, its relationships between them.

A region description is a phrase about an object if it names the object and its box is about the object's: a phrase of
`Region.phrases`. Those that fit no object are counted as ``phrase_no_object`` and left out. There is no official split:
a hash of the image id makes one, and COCO's val2017 images are in no train split.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scar.accounting import Tally
from scar.annotations import Album, Draft, Name
from scar.annotations.captions import caption_spans
from scar.annotations.json_stream import Record, parsed, records
from scar.annotations.once import Once
from scar.annotations.record_index import Notes, Spans, among, texts
from scar.annotations.visual_genome_image import VisualGenomeDraft
from scar.annotations.visual_genome_records import IMAGE, KEY, OBJECTS, Image
from scar.build.leakage import HeldOut
from scar.common.images import MAX_PIXELS
from scar.errors import BadRecord
from scar.recipe import Source
from scar.sample import Split

EVAL_SHARE = 5000 / 108_077
"""Of the images, as many as the paper has in its eval split."""

_FOLDER_AND_FILE = re.compile(r"[^/]+/[^/]+$")


def split_of(image_id: int) -> Split:
    """Train or eval, by a hash of the image id: the same for everybody, whatever other images there are."""
    number = int.from_bytes(hashlib.sha256(f"visual_genome/{image_id}".encode()).digest()[:8])
    return "eval" if number < EVAL_SHARE * 2**64 else "train"


@dataclass(frozen=True, slots=True)
class VisualGenomeAlbum(Album):
    """The images of one split that have objects.

    Attributes:
        images: by ascending id.
        objects: where the entries of each image stand, row by row.
        descriptions: likewise.
        relationships: likewise.
        captions: likewise, of COCO's files.
        coco_val: COCO's ids of the images that no train split has.
        split: of the images.
    """

    images: Sequence[tuple[int, Image]]
    objects: Spans
    descriptions: Spans
    relationships: Spans
    captions: tuple[Spans, ...]
    coco_val: Collection[int]
    split: Split

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> Draft:
        number, image = self.images[place]
        draft = VisualGenomeDraft(
            id=number,
            file=_file(image.url),
            identity=_identity(number, image),
            width=image.width,
            height=image.height,
            objects=(self.objects.path, self.objects[place]),
            descriptions=(self.descriptions.path, self.descriptions[place]),
            relationships=(self.relationships.path, self.relationships[place]),
            captions=tuple((spans.path, pieces) for spans in self.captions if len(pieces := spans[place])),
        )
        return HeldOut(draft, "coco_val") if self._is_held_out(image) else draft

    def names(self) -> Iterator[Name]:
        for number, image in self.images:
            if not self._is_held_out(image):
                yield Name(number, _file(image.url), _identity(number, image))

    def _is_held_out(self, image: Image) -> bool:
        return self.split == "train" and image.coco_id in self.coco_val


def album(source: Source, tally: Tally, once: Once) -> VisualGenomeAlbum:
    """Index of one split of Visual Genome."""
    inputs = source.inputs
    images, ignored = once(_images, inputs["image_data"], tally.skip_bad)
    tally.ignored.update(ignored)
    own = {number for number in images if split_of(number) == source.split}

    def entries(role: str) -> Spans:
        notes, ignored = once(_entries, inputs[role], tally.skip_bad)
        tally.ignored.update(ignored)
        _count_lost(notes, images, source.split, tally, counted=role == "objects")
        return notes.spans(among(notes.images, own))

    objects = entries("objects")
    numbers = objects.images.tolist()
    coco_ids = [images[number].coco_id for number in numbers]
    captions = [inputs[role] for role in ("coco_captions_train", "coco_captions_val") if role in inputs]
    return VisualGenomeAlbum(
        images=[(number, images[number]) for number in numbers],
        objects=objects,
        descriptions=entries("region_descriptions").aligned(numbers),
        relationships=entries("relationships").aligned(numbers),
        captions=tuple(caption_spans(path, None, path.name, tally, once).aligned(coco_ids) for path in captions),
        coco_val=once(_coco_ids, inputs["coco_val"]) if "coco_val" in inputs else frozenset(),
        split=source.split,
    )


def _images(path: Path, skip_bad: bool) -> tuple[dict[int, Image], Counter[str]]:
    """Image records by id, and how many others there are by reason."""
    images: dict[int, Image] = {}
    tally = Tally(skip_bad=skip_bad)
    for record in records(path):
        place = f"{path.name}[{record.number}]"
        try:
            number = _image_id(record, path)
            image = parsed(IMAGE, record.text, place)
            if number in images:
                raise BadRecord(place, f"a second image has the id {number}", "duplicate_image")
            if not (image.width > 0 and image.height > 0 and image.width * image.height <= MAX_PIXELS):
                problem = f"image {number} is said to be {image.width}x{image.height}, not 1 to {MAX_PIXELS:,} pixels"
                raise BadRecord(place, problem, "image_size")
            images[number] = image
        except BadRecord as bad:
            tally.ignore(bad)
    return images, tally.ignored


def _entries(path: Path, skip_bad: bool) -> tuple[Notes, Counter[str]]:
    """The entries of all images, and how many others there are by reason."""
    notes, tally = Notes(path), Tally(skip_bad=skip_bad)
    for record in records(path):
        try:
            notes.add(_image_id(record, path), record)
        except BadRecord as bad:
            tally.ignore(bad)
    return notes, tally.ignored


def _count_lost(notes: Notes, images: Mapping[int, Image], split: Split, tally: Tally, *, counted: bool) -> None:
    """Count the entries of a split whose images are unknown; ``counted``: what they list are records."""
    import numpy as np

    for row in np.flatnonzero(~among(notes.images, images)).tolist():
        number, pieces = int(notes.images[row]), notes.pieces[row : row + 1]
        if split_of(number) != split:
            continue
        place = f"{notes.path.name}[{pieces[0, 0]}]"
        bad = BadRecord(place, f"its image {number} is not in image_data.json", "no_image")
        try:
            lost = len(OBJECTS.read(texts(notes.path, pieces)[0], place)) if counted else 0
        except BadRecord as problem:
            tally.ignore(problem)
            continue
        tally.records += lost
        if lost:
            tally.reject(bad, lost)
        else:
            tally.ignore(bad)


def _image_id(record: Record, path: Path) -> int:
    """The image that an entry is about.

    Raises:
        BadRecord: it does not say so (``malformed``).
    """
    place = f"{path.name}[{record.number}]"
    key = parsed(KEY, record.text, place)
    number = key.id if key.image_id is None else key.image_id
    if number is None:
        raise BadRecord(place, "it has neither image_id nor id", "malformed")
    return number


def _coco_ids(path: Path) -> frozenset[int]:
    """Ids of the images of a COCO-style file."""
    found = (parsed(KEY, record.text, path.name).id for record in records(path, ["images"]))
    return frozenset(number for number in found if number is not None)


def _file(url: str) -> str:
    """Folder and name of an image from where it is on the web."""
    match = _FOLDER_AND_FILE.search(url)
    return match.group() if match else url


def _identity(number: int, image: Image) -> str:
    if image.coco_id is not None:
        return f"coco:{image.coco_id}"
    return f"visual_genome:{number}" if image.flickr_id is None else f"flickr:{image.flickr_id}"
