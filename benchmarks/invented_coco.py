"""Write invented files in the formats of COCO, COCO-Stuff, RefCOCO+ and RefCOCOg."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from invented_pictures import (
    SCENES,
    STUFF,
    THINGS,
    WORDS,
    Photo,
    Thing,
    draw_count,
    make_photo,
    make_rng,
    make_sentence,
    scale_count,
    write_photos,
)
from pycocotools import mask as coco_mask

SHAPES = 400
"""Number of different outlines of things, and of different stuff masks for each image size."""

REFS = {  # data set: file name, number of images, number of expressions by split
    "refcoco+": ("refs(unc).p", 19_992, {"train": 42_278, "val": 3_805, "testA": 1_975, "testB": 1_798}),
    "refcocog": ("refs(umd).p", 25_799, {"train": 42_226, "val": 2_573, "test": 5_023}),
}


@cache
def make_outlines() -> list[Any]:
    """Outlines of things: polygons in a square of side 1 with about 20 corners each, as in COCO."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(SHAPES):
        corners = int(rng.integers(8, 34))
        angles = np.sort(rng.random(corners)) * 2 * np.pi
        radius = 0.3 + 0.2 * rng.random(corners)
        ring = np.stack([0.5 + radius * np.cos(angles), 0.5 + radius * np.sin(angles)], axis=1)
        low, high = ring.min(axis=0), ring.max(axis=0)
        found.append((ring - low) / (high - low))
    return found


@cache
def make_stuff_masks(size: tuple[int, int]) -> list[tuple[str, int, list[int]]]:
    """Stuff masks with ragged edges for images of one size; returns counts as JSON, area and box of each mask."""
    width, height = size
    rng = np.random.default_rng(width * 1000 + height)
    rows = np.arange(height)[:, None]
    found = []
    for _ in range(SHAPES):
        left, right = np.sort(rng.integers(0, width + 1, 2))
        left, right = (0, width) if rng.random() < 0.4 else (min(left, width - 30), max(right, left + 30))
        top = rng.integers(0, height - 40) + np.cumsum(rng.integers(-2, 3, width))
        bottom = rng.integers(40, height) + np.cumsum(rng.integers(-2, 3, width))
        columns = np.arange(width)
        inside = (rows >= top) & (rows < np.maximum(bottom, top + 20)) & (columns >= left) & (columns < right)
        inside &= ~((rows - height / 2) ** 2 + (columns - rng.integers(0, width)) ** 2 < rng.integers(10, 90) ** 2)
        rle = coco_mask.encode(np.asfortranarray(inside, np.uint8))
        area = int(coco_mask.area(rle))
        if area:
            found.append((json.dumps(rle["counts"].decode()), area, [int(value) for value in coco_mask.toBbox(rle)]))
    return found


def format_polygon(rng: Random, box: tuple[float, float, float, float]) -> str:
    ring = make_outlines()[rng.randrange(SHAPES)] * box[2:] + box[:2]
    return "[[" + ", ".join(["%.2f" % value for value in ring.ravel().tolist()]) + "]]"  # noqa: UP031 - it is faster


class JsonListWriter:
    """Writes a JSON object whose values are lists of records; the records come as JSON texts."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1 << 20)
        self._file.write('{"info": {"description": "invented"}')

    def write_list(self, key: str, records: Iterable[str]) -> None:
        self._file.write(f', "{key}": [')
        for number, record in enumerate(records):
            self._file.write(f", {record}" if number else record)
        self._file.write("]")

    def close(self) -> None:
        self._file.write("}")
        self._file.close()


def format_image(photo: Photo, name: str) -> str:
    url = f"http://images.cocodataset.org/{name.format(photo.id)}"
    return (
        f'{{"license": 3, "file_name": "{name.format(photo.id)}", "coco_url": "{url}", "height": {photo.size[1]}, '
        f'"width": {photo.size[0]}, "date_captured": "2013-11-21 01:37:46", "flickr_url": "{url}", "id": {photo.id}}}'
    )


def format_thing(thing: Thing, photo: Photo, rng: Random) -> str:
    x, y, w, h = thing.box
    if rng.random() < 0.012:
        start, (width, height) = int(x) * photo.size[1], photo.size
        counts = [start, height, width * height - start - height]
        shape, crowd = f'{{"counts": {counts}, "size": [{height}, {width}]}}', 1
    else:
        shape, crowd = format_polygon(rng, thing.box), 0
    return (
        f'{{"segmentation": {shape}, "area": {w * h * 0.6:.4f}, "iscrowd": {crowd}, "image_id": {photo.id}, '
        f'"bbox": [{x}, {y}, {w}, {h}], "category_id": {THINGS.index(thing.category) + 1}, "id": {thing.id}}}'
    )


def format_categories(names: Sequence[str], first: int) -> list[str]:
    return [json.dumps({"supercategory": "any", "id": first + i, "name": name}) for i, name in enumerate(names)]


def write_instances(path: Path, numbers: Sequence[int], name: str) -> None:
    rng, listing = make_rng(path.name), JsonListWriter(path)
    listing.write_list("images", (format_image(make_photo(number), name) for number in numbers))
    annotations = ((make_photo(number), thing) for number in numbers for thing in make_photo(number).things)
    listing.write_list("annotations", (format_thing(thing, photo, rng) for photo, thing in annotations))
    listing.write_list("categories", format_categories(THINGS, 1))
    listing.close()


def write_stuff(path: Path, numbers: Sequence[int]) -> None:
    def iter_records() -> Iterator[str]:
        for number in numbers:
            photo = make_photo(number)
            names = dict.fromkeys([*rng.choices(SCENES[photo.scene]["stuff"], k=2 * draw_count(rng, 6.0)), "other"])
            for index, stuff in enumerate(names):
                counts, area, box = rng.choice(make_stuff_masks(photo.size))
                size = [photo.size[1], photo.size[0]]
                yield (
                    f'{{"segmentation": {{"counts": {counts}, "size": {size}}}, "area": {area}, '
                    f'"iscrowd": 0, "image_id": {photo.id}, "bbox": {box}, "category_id": {92 + STUFF.index(stuff)}, '
                    f'"id": {2 * 10**8 + number * 100 + index}}}'
                )

    rng, listing = make_rng(path.name), JsonListWriter(path)
    listing.write_list("images", (format_image(make_photo(number), "{:012}.jpg") for number in numbers))
    listing.write_list("annotations", iter_records())
    listing.write_list("categories", format_categories(STUFF, 92))
    listing.close()


def write_captions(path: Path, numbers: Sequence[int]) -> None:
    def iter_records() -> Iterator[str]:
        for number in numbers:
            photo = make_photo(number)
            rng = make_rng("captions", number)
            for index in range(5):
                text = make_sentence(rng.choice(WORDS["captions"]), rng, photo.scene, photo.names)
                yield f'{{"image_id": {photo.id}, "id": {number * 5 + index}, "caption": {json.dumps(text)}}}'

    listing = JsonListWriter(path)
    listing.write_list("images", (format_image(make_photo(number), "{:012}.jpg") for number in numbers))
    listing.write_list("annotations", iter_records())
    listing.close()


def write_refs(path: Path, numbers: Sequence[int], counts: dict[str, int]) -> None:
    """Write the expressions of RefCOCO+ or RefCOCOg as a pickle of Python 2.

    Args:
        path: the file to write.
        numbers: numbers of the images, see `make_photo`; each image is in one split only.
        counts: number of expressions by split.
    """
    rng, refs, sentence_id = make_rng(path.name), [], 0
    things = ((make_photo(number), thing) for number in numbers for thing in rng.sample(make_photo(number).things, k=1))
    more = ((make_photo(number), thing) for number in numbers for thing in make_photo(number).things[:2])
    chosen = {thing.id: (photo, thing) for photo, thing in (*things, *more)}
    ordered = sorted(chosen.values(), key=lambda pair: (pair[0].id, pair[1].id))
    splits = [split for split, count in counts.items() for _ in range(count)][: len(ordered)]
    for number, ((photo, thing), split) in enumerate(zip(ordered, splits, strict=False)):
        sentences = []
        for _ in range(rng.choice((1, 2, 3, 3))):
            text = make_sentence(rng.choice(WORDS["expressions"]), rng, photo.scene, photo.names).lower()
            sentences.append({"sent_id": sentence_id, "sent": text, "raw": text, "tokens": text.split()})
            sentence_id += 1
        refs.append(
            {
                "ref_id": number,
                "ann_id": thing.id,
                "image_id": photo.id,
                "category_id": THINGS.index(thing.category) + 1,
                "split": split,
                "file_name": f"COCO_train2014_{photo.id:012}_{thing.id}.jpg",
                "sent_ids": [entry["sent_id"] for entry in sentences],
                "sentences": sentences,
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(refs, 2))


def write_coco_2017(root: Path, split: str, numbers: Sequence[int]) -> None:
    write_instances(root / "annotations" / f"instances_{split}2017.json", numbers, "{:012}.jpg")
    write_stuff(root / "annotations" / f"stuff_{split}2017.json", numbers)
    write_captions(root / "annotations" / f"captions_{split}2017.json", numbers)
    write_photos(root / f"{split}2017", numbers, "{:012}.jpg")


def write_coco_2014(root: Path, numbers: Sequence[int], scale: float) -> None:
    """Write RefCOCO+, RefCOCOg and the files of COCO's train2014 that they use."""
    write_captions(root / "coco" / "annotations" / "captions_train2014.json", numbers)
    used = set()
    for name, (file, images, splits) in REFS.items():
        some = sorted(make_rng(name).sample(numbers, k=scale_count(images, scale)))
        counts = {split: scale_count(count, scale) for split, count in splits.items()}
        write_instances(root / name / "instances.json", some, "COCO_train2014_{:012}.jpg")
        write_refs(root / name / file, some, counts)
        used |= set(some)
    write_photos(root / "coco" / "train2014", sorted(used), "COCO_train2014_{:012}.jpg")
