"""Read Visual Genome 1.2 and 1.4 as `Picture`s: objects become regions, relationships become relations.

A region description becomes one of the `Region.phrases` of an object if it names the object and their boxes overlap
enough. A description that fits no object is counted as ``phrase_no_object`` and left out. Visual Genome has no official
split: a hash of the image id decides. Images of COCO's val2017 are held out of the train split.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scar.accounting import Tally
from scar.annotations.box_form import BoxForm
from scar.annotations.box_samples import choose_form, spread_evenly
from scar.annotations.call_cache import CallCache
from scar.annotations.captions import index_captions
from scar.annotations.image_finder import find_files
from scar.annotations.image_names import match_images, parse_named_image
from scar.annotations.json_stream import Record, decode_record, iter_records, parse_record
from scar.annotations.pictures import HeldOut, PictureIndex, PictureRef
from scar.annotations.record_index import (
    FileSpans,
    RecordCollector,
    group_by_image,
    is_among,
    read_records,
    replace_ids,
    select_image,
)
from scar.annotations.visual_genome_image import VisualGenomeRef
from scar.annotations.visual_genome_records import IMAGE, KEY, OBJECTS, EntryKey, GenomeImage
from scar.common.image_hash import parse_coco_identity
from scar.common.images import describe_pixel_limit, max_pixels
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVAL_SHARE = 5000 / 108_077
"""Share of the images that are in the eval split, as in the VIRTUE paper."""

_SAMPLED_IMAGES = 100
"""Images whose boxes are looked at to find out their form; an image has about 36."""

_NUMBERED_FILE = re.compile(r"(?:^|/)\d+\.[a-z]+(?:\?|$)", re.IGNORECASE)
"""The end of a URL of Visual Genome's own; URLs of Flickr do not tell which image it is."""


def choose_split(image_id: int) -> Split:
    """Choose the split of an image of Visual Genome: "eval" for a share `EVAL_SHARE` of all images, else "train".

    A hash of the id decides, so it does not depend on the other images.
    """
    number = int.from_bytes(hashlib.sha256(f"visual_genome/{image_id}".encode()).digest()[:8])
    return "eval" if number < EVAL_SHARE * 2**64 else "train"


@dataclass(frozen=True, slots=True)
class VisualGenomeIndex(PictureIndex):
    """The images of one split that have objects. An entry of a file holds all its records of one image.

    Attributes:
        images: id and record of each image, in ascending order of id.
        files: path of those images that are not where their URL says, by id.
        objects: where the entries of objects.json are, by image.
        descriptions: where those of region_descriptions.json are.
        relationships: where those of relationships.json are.
        captions: for each of COCO's captions files, where the captions are, by COCO's id of the image.
        coco_val: COCO's ids of the images that are held out of the train split; empty if the source names no such file.
        box_form: what the four numbers of an object's box mean.
    """

    images: Sequence[tuple[int, GenomeImage]]
    files: Mapping[int, str]
    objects: FileSpans
    descriptions: FileSpans
    relationships: FileSpans
    captions: tuple[FileSpans, ...]
    coco_val: Collection[int]
    box_form: BoxForm

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> PictureRef:
        number, image = self.images[index]
        ref = VisualGenomeRef(
            id=number,
            file=self.files.get(number) or _find_image_file(image.url),
            identity=_find_identity(number, image),
            width=image.width,
            height=image.height,
            box_form=self.box_form,
            objects=select_image(self.objects, number),
            descriptions=select_image(self.descriptions, number),
            relationships=select_image(self.relationships, number),
            captions=tuple(
                select_image(records, image.coco_id) for records in self.captions if image.coco_id is not None
            ),
        )
        is_held_out = self.source.split == "train" and image.coco_id in self.coco_val
        return HeldOut(ref, "coco_val") if is_held_out else ref


def open_index(source: Source, tally: Tally, cache: CallCache) -> VisualGenomeIndex:
    """Index the pictures of one split of Visual Genome.

    Raises:
        BadRecord, InputError: see `scar.annotations.opening.open_index`.
    """
    import numpy as np

    inputs = source.inputs
    images, ignored = cache(_read_images, inputs["image_data"], tally.skip_bad)
    tally.ignored.update(ignored)
    in_split = {number for number in images if choose_split(number) == source.split}
    file_names = {number: _find_name(image.url) for number, image in images.items()}

    def index_entries(role: str) -> FileSpans:
        collector, ignored = cache(_locate_entries, inputs[role], tally.skip_bad)
        tally.ignored.update(ignored)
        ids = match_images(file_names, collector.named_images, inputs["image_data"].name, inputs[role].name)
        image_ids, is_matched = replace_ids(collector.image_ids, ids)
        if moved := int((image_ids != collector.image_ids).sum()):
            tally.repaired["entry_by_image_url"] += moved
        known = is_matched & is_among(image_ids, images)
        _count_lost(collector, known, source.split, tally, counted=role == "objects")
        wanted = known & is_among(image_ids, in_split)
        return inputs[role], group_by_image(collector.spans[wanted], image_ids[wanted])

    objects = index_entries("objects")
    numbers = np.unique(objects[1][:, 0]).tolist()
    box_form, doubts = _find_box_form(objects, numbers, images, source.boxes)
    tally.doubts.update(dict.fromkeys(doubts, len(numbers)))
    found = find_files(source.images, {number: _find_image_file(images[number].url) for number in numbers})
    tally.repaired.update(found.rules)
    for number, problem in found.problems.items():
        where = f"{inputs['image_data'].name}, image {number}"
        tally.ignore_records(BadRecord(where, f"{problem}; give a folder with one of them as images", "image_unclear"))
    captions = [inputs[role] for role in ("coco_captions_train", "coco_captions_val") if role in inputs]
    return VisualGenomeIndex(
        source=source,
        tally=tally,
        images=[(number, images[number]) for number in numbers],
        files=found.files,
        objects=objects,
        descriptions=index_entries("region_descriptions"),
        relationships=index_entries("relationships"),
        captions=tuple(index_captions(path, None, path.name, tally, cache) for path in captions),
        coco_val=cache(_read_coco_ids, inputs["coco_val"]) if "coco_val" in inputs else frozenset(),
        box_form=box_form,
    )


def _find_box_form(
    objects: FileSpans, image_ids: Sequence[int], images: Mapping[int, GenomeImage], boxes: str | None
) -> tuple[BoxForm, list[str]]:
    """Find out the form of all boxes from those of some evenly spread images; they have neither outline nor area.

    Args:
        objects: where the entries of objects.json are, by image.
        image_ids: ids of the images that have entries.
        images: the images by id.
        boxes: what the user says of the form; None if nothing.

    Returns:
        The form, and the names of what is doubtful about it.
    """
    import numpy as np

    numbers, sizes = [], []
    for row in spread_evenly(len(image_ids), _SAMPLED_IMAGES):
        image = images[image_ids[row]]
        path, spans = select_image(objects, image_ids[row])
        try:
            things = OBJECTS.decode_entry(read_records(path, spans[:1])[0], path.name)
        except BadRecord:
            continue
        for thing in things:
            if not isinstance(thing, BadRecord):
                numbers.append((thing.x, thing.y, thing.w, thing.h))
                sizes.append((image.width, image.height))
    return choose_form(
        numbers=np.array(numbers, np.float64).reshape(-1, 4),  # None becomes NaN
        sizes=np.array(sizes, np.int64).reshape(-1, 2),
        outlines=np.full((len(numbers), 4), np.nan),
        areas=np.full(len(numbers), np.nan),
        boxes=boxes,
        path=objects[0],
    )


def _read_images(path: Path, skip_bad: bool) -> tuple[dict[int, GenomeImage], Counter[str]]:
    """Read the images by id, and count the records that cannot be used by reason."""
    images: dict[int, GenomeImage] = {}
    tally = Tally(skip_bad=skip_bad)
    for record in iter_records(path):
        where = f"{path.name}[{record.number}]"
        try:
            number, _ = _parse_key(record, path)
            image = parse_record(IMAGE, record.text, where)
            if number in images:
                raise BadRecord(where, f"a second image has the id {number}", "duplicate_image")
            if not (image.width > 0 and image.height > 0 and image.width * image.height <= max_pixels()):
                problem = (
                    f"image {number} is said to be {image.width}x{image.height}, not 1 to {describe_pixel_limit()}"
                )
                raise BadRecord(where, problem, "image_size")
            images[number] = image
        except BadRecord as bad:
            tally.ignore_records(bad)
    return images, tally.ignored


def _locate_entries(path: Path, skip_bad: bool) -> tuple[RecordCollector, Counter[str]]:
    """Find the positions of the entries of all images and the images' names, and count the unusable ones by reason."""
    collector, tally = RecordCollector(path), Tally(skip_bad=skip_bad)
    for record in iter_records(path):
        try:
            number, key = _parse_key(record, path)
        except BadRecord as bad:
            tally.ignore_records(bad)
            continue
        collector.add_record(number, record)
        if key.image_url and _NUMBERED_FILE.search(key.image_url):
            collector.named_images.append((number, _find_name(key.image_url)))
    return collector, tally.ignored


def _count_lost(
    collector: RecordCollector, known: NDArray[np.bool_], split: Split, tally: Tally, *, counted: bool
) -> None:
    """Count the entries of unknown images of a split; if ``counted``, reject each object in them instead."""
    import numpy as np

    for row in np.flatnonzero(~known).tolist():
        number, spans = int(collector.image_ids[row]), collector.spans[row : row + 1]
        if choose_split(number) != split:
            continue
        where = f"{collector.path.name}[{spans[0, 1]}]"
        bad = BadRecord(where, f"its image {number} is not in image_data.json", "no_image")
        try:
            lost = len(OBJECTS.decode_entry(read_records(collector.path, spans)[0], where)) if counted else 0
        except BadRecord as problem:
            tally.ignore_records(problem)
            continue
        tally.records += lost
        if lost:
            tally.reject_regions(bad, lost)
        else:
            tally.ignore_records(bad)


def _parse_key(record: Record, path: Path) -> tuple[int, EntryKey]:
    """The image id of an entry, and what else it says of its image.

    Raises:
        BadRecord: the entry has no image id (reason ``malformed``).
    """
    where = f"{path.name}[{record.number}]"
    key = parse_record(KEY, record.text, where)
    if key.number is None:
        raise BadRecord(where, "it has neither image_id nor id", "malformed")
    return key.number, key


def _read_coco_ids(path: Path) -> frozenset[int]:
    """Read COCO's ids of the images of a COCO-style file: from the file names, or from the ids if they have none.

    Raises:
        InputError: an image has no id. It cannot be skipped, for then it could be in both splits.
    """
    found = set()
    for record in iter_records(path, ["images"]):
        image = parse_named_image(record)
        identity = parse_coco_identity(image[1]) if image else None
        try:
            number = int(identity.removeprefix("coco:")) if identity else decode_record(KEY, record, path).id
        except BadRecord as bad:
            raise InputError(f"{bad.where}: {bad.problem}; its images are held out, so get a whole copy.") from None
        if number is None:
            raise InputError(
                f"{record.describe_location(path)}: it has no id; its images are held out, get a whole copy."
            )
        found.add(number)
    return frozenset(found)


def _find_image_file(url: str) -> str:
    """Folder and file name of an image, which are the end of its URL."""
    return "/".join(url.partition("?")[0].rsplit("/", 2)[-2:]).lstrip("/")


def _find_name(url: str) -> str:
    """File name of an image without its folder, from its URL."""
    return url.partition("?")[0].rpartition("/")[2]


def _find_identity(number: int, image: GenomeImage) -> str:
    if image.coco_id is not None:
        return f"coco:{image.coco_id}"
    return f"visual_genome:{number}" if image.flickr_id is None else f"flickr:{image.flickr_id}"
