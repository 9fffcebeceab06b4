"""Data sets of the sizes and the formats of the paper's five, invented: what `scar build scar-1m --data-root` reads.

python benchmarks/full_size.py DIR --scale 0.1

Counts of images, things, captions, expressions, descriptions and objects are those of the real ones; sizes of boxes,
lengths of polygons and of sentences are like theirs. An image file is whole, of the right size, and next to empty.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
SCENES = list(WORDS["scenes"].values())
THINGS = sorted({name for scene in SCENES for name in scene["things"]})
STUFF = [*sorted({name for scene in SCENES for name in scene["stuff"]}), "other"]

SIZES = ((640, 480), (480, 640), (640, 427), (427, 640), (500, 375), (640, 360), (612, 612))
ADE_SIZE = (683, 512)
SHAPES = 400
"""Different masks of stuff for each size, and different outlines of things."""

TRAIN_2017, VAL_2017, TRAIN_2014 = 118_287, 5_000, 82_783
GENOME, GENOME_OF_COCO = 108_077, 51_208
ADE = {"training": 20_210, "validation": 2_000}
REFS = {  # images, and expressions by split
    "refcoco+": ("refs(unc).p", 19_992, {"train": 42_278, "val": 3_805, "testA": 1_975, "testB": 1_798}),
    "refcocog": ("refs(umd).p", 25_799, {"train": 42_226, "val": 2_573, "test": 5_023}),
}


@dataclass(frozen=True)
class Thing:
    """An annotated thing: its number among all of its data set, its category and its box as COCO writes it."""

    id: int
    category: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """A picture of COCO."""

    id: int
    size: tuple[int, int]
    scene: int
    things: tuple[Thing, ...]

    @property
    def names(self) -> list[str]:
        return [thing.category for thing in self.things] or SCENES[self.scene]["things"]


def make_rng(*names: object) -> Random:
    return Random("/".join(map(str, names)))  # noqa: S311 - invented data, not secrets


def iter_boxes(rng: Random, count: int, size: tuple[int, int]) -> Iterator[tuple[float, float, float, float]]:
    """Boxes whose share of the image is that of COCO's things: a third of a percent in the middle, some nearly all."""
    width, height = size
    for _ in range(count):
        area = min(0.9, float(np.exp(rng.gauss(-4.9, 1.9)))) * width * height
        shape = np.exp(rng.gauss(0, 0.5))
        w = min(max(2.0, (area * shape) ** 0.5), width - 1.0)
        h = min(max(2.0, area / w), height - 1.0)
        yield round(rng.random() * (width - w), 2), round(rng.random() * (height - h), 2), round(w, 2), round(h, 2)


def draw_count(rng: Random, mean: float) -> int:
    """How many there are of what there are ``mean`` on average; often few, sometimes many."""
    return 1 + int(rng.expovariate(1 / (mean - 0.5)))


@cache
def make_photo(number: int) -> Photo:
    """The picture of COCO with a number from 1, val2017's after those of train2017."""
    rng = make_rng("coco", number)
    scene, size = rng.randrange(len(SCENES)), SIZES[rng.randrange(len(SIZES))]
    names = rng.choices(SCENES[scene]["things"], k=draw_count(rng, 7.3))
    things = (
        Thing(number * 100 + place, name, box)
        for place, (name, box) in enumerate(zip(names[:95], iter_boxes(rng, len(names), size), strict=False))
    )
    return Photo(number * 4 + 1, size, scene, tuple(things))


def make_sentence(pattern: str, rng: Random, scene: int, names: Sequence[str]) -> str:
    """A sentence about some of the things in a picture."""

    def pick_noun_phrase() -> str:
        noun = rng.choice(names)
        return f"a {rng.choice(WORDS['adjectives'])} {noun}" if rng.random() < 0.4 else f"a {noun}"

    where = SCENES[scene]
    text = pattern.format(
        a=pick_noun_phrase(),
        b=pick_noun_phrase(),
        does=rng.choice(where["does"]),
        there=rng.choice(where["there"]),
        noun=rng.choice(names),
        other=rng.choice(names),
        colour=rng.choice(WORDS["colours"]),
    )
    return text[0].upper() + text[1:]


@cache
def make_outlines() -> list[Any]:
    """Polygons in a square of side 1, some 20 corners each, as COCO's have."""
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
    """Masks of stuff with ragged edges: counts as they stand in JSON, area, box."""
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


@cache
def make_jpeg(size: tuple[int, int]) -> bytes:
    """A grey photo."""
    content = io.BytesIO()
    Image.new("L", size, 128).save(content, "JPEG", quality=10, optimize=True)
    return content.getvalue()


class JsonListWriter:
    """Writes a JSON file with lists of records."""

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
    listing.write_list("annotations", (format_thing(thing, one, rng) for one, thing in annotations))
    listing.write_list("categories", format_categories(THINGS, 1))
    listing.close()


def write_stuff(path: Path, numbers: Sequence[int]) -> None:
    def iter_records() -> Iterator[str]:
        for number in numbers:
            one = make_photo(number)
            names = dict.fromkeys([*rng.choices(SCENES[one.scene]["stuff"], k=2 * draw_count(rng, 6.0)), "other"])
            for place, stuff in enumerate(names):
                counts, area, box = rng.choice(make_stuff_masks(one.size))
                size = [one.size[1], one.size[0]]
                yield (
                    f'{{"segmentation": {{"counts": {counts}, "size": {size}}}, "area": {area}, '
                    f'"iscrowd": 0, "image_id": {one.id}, "bbox": {box}, "category_id": {92 + STUFF.index(stuff)}, '
                    f'"id": {2 * 10**8 + number * 100 + place}}}'
                )

    rng, listing = make_rng(path.name), JsonListWriter(path)
    listing.write_list("images", (format_image(make_photo(number), "{:012}.jpg") for number in numbers))
    listing.write_list("annotations", iter_records())
    listing.write_list("categories", format_categories(STUFF, 92))
    listing.close()


def write_captions(path: Path, numbers: Sequence[int]) -> None:
    def iter_records() -> Iterator[str]:
        for number in numbers:
            one = make_photo(number)
            rng = make_rng("captions", number)
            for place in range(5):
                text = make_sentence(rng.choice(WORDS["captions"]), rng, one.scene, one.names)
                yield f'{{"image_id": {one.id}, "id": {number * 5 + place}, "caption": {json.dumps(text)}}}'

    listing = JsonListWriter(path)
    listing.write_list("images", (format_image(make_photo(number), "{:012}.jpg") for number in numbers))
    listing.write_list("annotations", iter_records())
    listing.close()


def write_refs(path: Path, numbers: Sequence[int], counts: dict[str, int]) -> None:
    """A pickle as Python 2 wrote it: an image is in one split only."""
    rng, refs, said = make_rng(path.name), [], 0
    things = ((make_photo(number), thing) for number in numbers for thing in rng.sample(make_photo(number).things, k=1))
    more = ((make_photo(number), thing) for number in numbers for thing in make_photo(number).things[:2])
    chosen = {thing.id: (one, thing) for one, thing in (*things, *more)}
    ordered = sorted(chosen.values(), key=lambda pair: (pair[0].id, pair[1].id))
    splits = [split for split, count in counts.items() for _ in range(count)][: len(ordered)]
    for number, ((one, thing), split) in enumerate(zip(ordered, splits, strict=False)):
        sentences = []
        for _ in range(rng.choice((1, 2, 3, 3))):
            text = make_sentence(rng.choice(WORDS["expressions"]), rng, one.scene, one.names).lower()
            sentences.append({"sent_id": said, "sent": text, "raw": text, "tokens": text.split()})
            said += 1
        refs.append(
            {
                "ref_id": number,
                "ann_id": thing.id,
                "image_id": one.id,
                "category_id": THINGS.index(thing.category) + 1,
                "split": split,
                "file_name": f"COCO_train2014_{one.id:012}_{thing.id}.jpg",
                "sent_ids": [entry["sent_id"] for entry in sentences],
                "sentences": sentences,
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(refs, 2))


def write_photos(folder: Path, numbers: Iterable[int], name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / name.format(make_photo(number).id)).write_bytes(make_jpeg(make_photo(number).size))


def write_coco_2017(root: Path, split: str, numbers: Sequence[int]) -> None:
    write_instances(root / "annotations" / f"instances_{split}2017.json", numbers, "{:012}.jpg")
    write_stuff(root / "annotations" / f"stuff_{split}2017.json", numbers)
    write_captions(root / "annotations" / f"captions_{split}2017.json", numbers)
    write_photos(root / f"{split}2017", numbers, "{:012}.jpg")


def write_coco_2014(root: Path, numbers: Sequence[int], scale: float) -> None:
    """RefCOCO+, RefCOCOg and what they take of COCO's train2014."""
    write_captions(root / "coco" / "annotations" / "captions_train2014.json", numbers)
    used = set()
    for name, (file, images, splits) in REFS.items():
        some = sorted(make_rng(name).sample(numbers, k=scale_count(images, scale)))
        counts = {split: scale_count(count, scale) for split, count in splits.items()}
        write_instances(root / name / "instances.json", some, "COCO_train2014_{:012}.jpg")
        write_refs(root / name / file, some, counts)
        used |= set(some)
    write_photos(root / "coco" / "train2014", sorted(used), "COCO_train2014_{:012}.jpg")


def write_genome(root: Path, scale: float, coco_numbers: Sequence[int]) -> None:
    """Four lists of entries about the same images, written side by side."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "VG_100K").mkdir(exist_ok=True)
    names = ("image_data", "objects", "region_descriptions", "relationships")
    files = [(root / f"{name}.json").open("w", encoding="utf-8", buffering=1 << 20) for name in names]
    of_coco = iter(make_rng("genome").sample(coco_numbers, k=scale_count(GENOME_OF_COCO, scale)))
    count = scale_count(GENOME, scale)
    for number in range(1, count + 1):
        known = next(of_coco, None) if number % 2 else None
        for file, record in zip(files, format_genome_entries(number, known), strict=True):
            file.write(("[" if number == 1 else ", ") + record)
        size = make_photo(known).size if known else SIZES[number % len(SIZES)]
        (root / "VG_100K" / f"{number}.jpg").write_bytes(make_jpeg(size))
    for file in files:
        file.write("]")
        file.close()


def format_genome_entries(number: int, coco_number: int | None) -> tuple[str, str, str, str]:
    """What each file says of an image: itself, its objects, descriptions and relationships."""
    rng = make_rng("genome", number)
    size = make_photo(coco_number).size if coco_number else SIZES[number % len(SIZES)]
    scene = make_photo(coco_number).scene if coco_number else rng.randrange(len(SCENES))
    vocabulary = [*SCENES[scene]["things"], *rng.sample(WORDS["nouns"], k=14)]
    found, phrases = [], []
    for place, (x, y, w, h) in enumerate(iter_boxes(rng, 4 + draw_count(rng, 31.0), size)):
        noun = rng.choice(vocabulary)
        name = f"{rng.choice(WORDS['modifiers'])} {noun}" if rng.random() < 0.15 else noun
        found.append(
            (number * 1000 + place, name, f'"x": {int(x)}, "y": {int(y)}, "w": {int(w) + 1}, "h": {int(h) + 1}')
        )
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            said = make_sentence(rng.choice(WORDS["phrases"]), rng, scene, [name, *vocabulary[:3]])
            wide, high = int(w * (0.9 + 0.2 * rng.random())) + 1, int(h * (0.9 + 0.2 * rng.random())) + 1
            phrases.append((said, f'"x": {int(x)}, "y": {int(y)}, "width": {wide}, "height": {high}'))
    url = f"https://cs.stanford.edu/people/rak248/VG_100K/{number}.jpg"
    coco_id = make_photo(coco_number).id if coco_number else "null"
    image = (
        f'{{"width": {size[0]}, "url": "{url}", "height": {size[1]}, "image_id": {number}, "coco_id": {coco_id}, '
        f'"flickr_id": {number + 10**9}}}'
    )
    objects = ", ".join(
        f'{{"synsets": ["{name.split()[-1]}.n.01"], {box}, "object_id": {key}, "merged_object_ids": [], '
        f'"names": ["{name}"]}}'
        for key, name, box in found
    )
    regions = ", ".join(
        f'{{"region_id": {number * 1000 + place}, {box}, "image_id": {number}, "phrase": "{said}"}}'
        for place, (said, box) in enumerate(phrases)
    )
    pairs = [
        (rng.choice(found), rng.choice(found), rng.choice(WORDS["predicates"])) for _ in range(draw_count(rng, 21.0))
    ]
    relations = ", ".join(
        f'{{"predicate": "{predicate}", "object": {{"name": "{b[1]}", {b[2]}, "object_id": {b[0]}, "synsets": []}}, '
        f'"relationship_id": {number * 1000 + place}, "synsets": ["be.v.01"], '
        f'"subject": {{"name": "{a[1]}", {a[2]}, "object_id": {a[0]}, "synsets": []}}}}'
        for place, (a, b, predicate) in enumerate(pairs)
    )
    return (
        image,
        f'{{"image_id": {number}, "objects": [{objects}], "image_url": "{url}"}}',
        f'{{"regions": [{regions}], "id": {number}}}',
        f'{{"relationships": [{relations}], "image_id": {number}}}',
    )


def write_ade(root: Path, split: str, count: int) -> None:
    """Images of tiles that differ, and pictures of the classes and of the things in them."""
    width, height = ADE_SIZE
    prefix = {"training": "train", "validation": "val"}[split]
    folders = [root / kind / split for kind in ("images", "annotations", "annotations_instance")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        rng = np.random.default_rng([len(split), number])
        classes, things = np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8)
        edges = np.sort(rng.integers(0, height, 4))
        for place, label in enumerate(rng.integers(1, 60, 4)):
            classes[edges[place] :] = label  # wall, ceiling, floor
        names = rng.integers(60, 151, 6)
        for thing in range(1, 4 + int(rng.integers(0, 12))):
            w, h = int(rng.integers(12, 260)), int(rng.integers(12, 260))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            label = int(rng.choice(names))
            ramp = (np.arange(w) * h // (3 * w))[None, :]
            inside = (np.arange(h)[:, None] >= ramp) & (np.arange(h)[:, None] < h - ramp)
            classes[y : y + h, x : x + w][inside] = label
            things[y : y + h, x : x + w][inside] = (label - 50, thing, 0)
        tiles = Image.fromarray(rng.integers(60, 200, (8, 9), np.uint8)).resize(ADE_SIZE, Image.Resampling.NEAREST)
        tiles.save(folders[0] / f"ADE_{prefix}_{number:08}.jpg", quality=10)
        Image.fromarray(classes).save(folders[1] / f"ADE_{prefix}_{number:08}.png", compress_level=1)
        Image.fromarray(things).save(folders[2] / f"ADE_{prefix}_{number:08}.png", compress_level=1)


def write_ade_lists(root: Path, scale: float) -> None:
    names = [*THINGS, *WORDS["nouns"]] * 2
    lines = ["Idx\tRatio\tTrain\tVal\tStuff\tName"]
    lines += [f"{i}\t0.1\t100\t10\t{int(i < 60)}\t{names[i]}, thing" for i in range(1, 151)]
    (root / "objectInfo150.txt").write_text("\n".join(lines) + "\n")
    rng, rows = make_rng("ade"), []
    for split, count in ADE.items():
        prefix = {"training": "train", "validation": "val"}[split]
        rows += [f"ADE_{prefix}_{i:08} {rng.choice(WORDS['places'])}" for i in range(1, scale_count(count, scale) + 1)]
    (root / "sceneCategories.txt").write_text("\n".join(rows) + "\n")


def scale_count(count: int, scale: float) -> int:
    return max(8, round(count * scale))


def write_all(root: Path, scale: float, processes: int) -> None:
    """Write the five data sets below a folder."""
    train = range(1, scale_count(TRAIN_2017, scale) + 1)
    val = range(TRAIN_2017 + 1, TRAIN_2017 + scale_count(VAL_2017, scale) + 1)
    challenge = root / "ade20k" / "ADEChallengeData2016"
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        works = [
            pool.submit(write_genome, root / "visual_genome", scale, [*train, *val]),
            pool.submit(write_coco_2017, root / "coco", "train", train),
            *(pool.submit(write_ade, challenge, split, scale_count(count, scale)) for split, count in ADE.items()),
            pool.submit(write_coco_2014, root, train[: scale_count(TRAIN_2014, scale)], scale),
            pool.submit(write_coco_2017, root / "coco", "val", val),
        ]
        for work in as_completed(works):
            work.result()
    write_ade_lists(challenge, scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the real sizes")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    write_all(options.folder, options.scale, options.processes)
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
