"""What other tools write in other words is read as the same pictures: ids, sizes, flags, boxes and masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools import mask as coco

from scar.accounting import Tally
from scar.errors import BadRecord, InputError
from scar.sample import Picture
from tests.scar.annotations.reading import read_pictures

if TYPE_CHECKING:
    from tests.conftest import World

Content = dict[str, list[dict[str, Any]]]
Change = Callable[[Content], object]


def each(kind: str, change: Callable[[dict[str, Any]], object]) -> Change:
    """A change of each record of a list."""

    def change_all(content: Content) -> None:
        for record in content[kind]:
            change(record)

    return change_all


def put(kind: str, **makers: Callable[[dict[str, Any]], Any]) -> Change:
    """Other values of keys, made of the record."""
    return each(kind, lambda record: record.update({key: make(record) for key, make in makers.items()}))


def drop(kind: str, *keys: str) -> Change:
    return each(kind, lambda record: [record.pop(key) for key in keys])


def both(*changes: Change) -> Change:
    return lambda content: [change(content) for change in changes]


def number_per_image(content: Content) -> None:
    counts: dict[int, int] = {}
    for record in content["annotations"]:
        image = record["image_id"]
        counts[image] = counts.get(image, 0) + 1
        record["id"] = counts[image]


def name_images(make: Callable[[int], Any]) -> Change:
    """Other ids of images, everywhere."""
    return both(
        put("images", id=lambda record: make(record["id"])),
        put("annotations", image_id=lambda record: make(record["image_id"])),
        put("captions", image_id=lambda record: make(record["image_id"])),
    )


def name_categories(make: Callable[[int], Any]) -> Change:
    return both(
        put("categories", id=lambda record: make(record["id"])),
        put("annotations", category_id=lambda record: make(record["category_id"])),
    )


def encode(record: dict[str, Any]) -> dict[str, Any]:
    """The mask of a record as COCO's run lengths."""
    rle: dict[str, Any] = coco.merge(coco.frPyObjects(record["segmentation"], 90, 120))
    return {"size": [90, 120], "counts": rle["counts"]}


def runs_of(record: dict[str, Any]) -> list[int]:
    pixels = coco.decode(encode(record)).ravel(order="F")
    edges = np.flatnonzero(np.diff(pixels, prepend=0))
    runs: list[int] = np.diff(np.concatenate(([0], edges, [pixels.size]))).tolist()
    return runs


def pair_up(ring: list[float]) -> list[list[float]]:
    return [list(pair) for pair in zip(ring[::2], ring[1::2], strict=True)]


UUID = "3f2a9c7e-{:04}-4b1d-8c55-0242ac120002"
RULES: dict[str, Change] = {
    # ids of annotations
    "ids missing": drop("annotations", "id"),
    "ids null": put("annotations", id=lambda _: None),
    "ids all zero": put("annotations", id=lambda _: 0),
    "ids all empty text": put("annotations", id=lambda _: ""),
    "ids that restart in each image": number_per_image,
    "ids as floats": put("annotations", id=lambda record: float(record["id"])),
    "ids as digits": put("annotations", id=lambda record: str(record["id"])),
    "ids as UUIDs": put("annotations", id=lambda record: UUID.format(record["id"])),
    "ids that 64 bits do not hold": put("annotations", id=lambda record: 2**64 + record["id"]),
    "an id of two images": lambda content: content["annotations"][4].update(id=content["annotations"][0]["id"]),
    # ids of images and categories
    "image ids as floats": name_images(float),
    "image ids as digits": name_images(str),
    "image ids as digits with zeros": name_images(lambda number: f"{number:012}"),
    "image ids as text": name_images(lambda number: f"2019_{number:06}"),
    "image ids as UUIDs": name_images(UUID.format),
    "image ids as text of other sizes": name_images(lambda number: "x" * number),
    "image ids in one list as digits": put("annotations", image_id=lambda record: str(record["image_id"])),
    "file names instead of image ids": both(
        put("annotations", image_id=lambda record: f"{record['image_id']:06}.png"),
        put("captions", image_id=lambda record: f"{record['image_id']:06}.png"),
    ),
    "no image ids, file names in annotations": both(
        drop("images", "id"),
        put("annotations", image_id=lambda record: f"{record['image_id']:06}.png"),
        put("captions", image_id=lambda record: f"{record['image_id']:06}.png"),
    ),
    "category ids as digits": name_categories(str),
    "category ids as text": name_categories(lambda number: f"class-{number}"),
    "category ids as floats": name_categories(float),
    "names instead of category ids": put(
        "annotations", category_id=lambda record: ("cup", "fork", "dog")[record["category_id"] - 1]
    ),
    # sizes
    "sizes missing": drop("images", "width", "height"),
    "sizes null": put("images", width=lambda _: None, height=lambda _: None),
    "sizes zero": put("images", width=lambda _: 0, height=lambda _: 0),
    "one side missing": drop("images", "height"),
    "sizes as text": put("images", width=lambda _: "120", height=lambda _: "90"),
    "sizes as floats": put("images", width=lambda _: 120.0, height=lambda _: 90.0),
    "sizes as words": put("images", width=lambda _: "unknown", height=lambda _: ""),
    "sizes below zero": put("images", width=lambda _: -1, height=lambda _: -1),
    # file names
    "file names as URLs of COCO": both(
        put("images", coco_url=lambda record: f"http://images.cocodataset.org/val2017/{record['file_name']}"),
        drop("images", "file_name"),
    ),
    "file names null beside another key": both(
        put("images", path=lambda record: f"/datasets/set/{record['file_name']}"),
        put("images", file_name=lambda _: None),
    ),
    "file names empty beside a URL": both(
        put("images", url=lambda record: f"https://host/{record['file_name']}?w=1"),
        put("images", file_name=lambda _: ""),
    ),
    # boxes
    "boxes missing": drop("annotations", "bbox"),
    "boxes null": put("annotations", bbox=lambda _: None),
    "boxes empty": put("annotations", bbox=lambda _: []),
    "boxes zero": put("annotations", bbox=lambda _: [0, 0, 0, 0]),
    "boxes of nulls": put("annotations", bbox=lambda _: [None] * 4),
    "boxes of NaN": put("annotations", bbox=lambda _: [float("nan")] * 4),
    "boxes as text": put("annotations", bbox=lambda record: [str(number) for number in record["bbox"]]),
    "boxes as one text": put("annotations", bbox=lambda record: str(record["bbox"])),
    "boxes of five": put("annotations", bbox=lambda record: [*record["bbox"], 0.5]),
    "boxes as objects": put(
        "annotations", bbox=lambda record: dict(zip(("x", "y", "width", "height"), record["bbox"], strict=True))
    ),
    "boxes as corners with names": put(
        "annotations",
        bbox=lambda record: {
            "xmin": record["bbox"][0],
            "ymin": record["bbox"][1],
            "xmax": record["bbox"][0] + record["bbox"][2],
            "ymax": record["bbox"][1] + record["bbox"][3],
        },
    ),
    # flags
    "iscrowd null": put("annotations", iscrowd=lambda _: None),
    "iscrowd as text": put("annotations", iscrowd=lambda _: "0"),
    "iscrowd as float": put("annotations", iscrowd=lambda _: 0.0),
    "iscrowd as a word": put("annotations", iscrowd=lambda _: "False"),
    "iscrowd of all": put("annotations", iscrowd=lambda _: 1),
    "iscrowd of all as true": put("annotations", iscrowd=lambda _: True),
    # masks
    "flat polygons": put("annotations", segmentation=lambda record: record["segmentation"][0]),
    "polygons of pairs": put("annotations", segmentation=lambda record: [pair_up(record["segmentation"][0])]),
    "one polygon of pairs": put("annotations", segmentation=lambda record: pair_up(record["segmentation"][0])),
    "polygons of points with names": put(
        "annotations",
        segmentation=lambda record: [{"x": x, "y": y} for x, y in pair_up(record["segmentation"][0])],
    ),
    "polygons as text": put("annotations", segmentation=lambda record: json.dumps(record["segmentation"])),
    "polygons of texts": put(
        "annotations", segmentation=lambda record: [[str(number) for number in record["segmentation"][0]]]
    ),
    "polygons and empty rings": put("annotations", segmentation=lambda record: [[], *record["segmentation"], [1, 2]]),
    "RLE": put(
        "annotations", segmentation=lambda record: {**encode(record), "counts": encode(record)["counts"].decode()}
    ),
    "RLE in a list": put(
        "annotations", segmentation=lambda record: [{**encode(record), "counts": encode(record)["counts"].decode()}]
    ),
    "RLE as shown bytes": put(
        "annotations", segmentation=lambda record: {**encode(record), "counts": str(encode(record)["counts"])}
    ),
    "RLE as a list of bytes": put(
        "annotations", segmentation=lambda record: {**encode(record), "counts": list(encode(record)["counts"])}
    ),
    "uncompressed RLE": put("annotations", segmentation=lambda record: {**encode(record), "counts": runs_of(record)}),
    "RLE of floats": put(
        "annotations",
        segmentation=lambda record: {"size": [90.0, 120.0], "counts": [float(run) for run in runs_of(record)]},
    ),
    "RLE of texts": put(
        "annotations",
        segmentation=lambda record: {"size": ["90", "120"], "counts": [str(run) for run in runs_of(record)]},
    ),
    "RLE as text": put(
        "annotations", segmentation=lambda record: json.dumps({"size": [90, 120], "counts": runs_of(record)})
    ),
    "RLE with width before height": put(
        "annotations", segmentation=lambda record: {"size": [120, 90], "counts": runs_of(record)}
    ),
    "RLE of the turned mask": put(
        "annotations",
        segmentation=lambda record: {
            "size": [120, 90],
            "counts": coco.encode(np.asfortranarray(coco.decode(encode(record)).T))["counts"].decode(),
        },
    ),
}
"""Changes of the world that change no picture, by what they show."""


def write(world: World, change: Change) -> None:
    content = {
        "images": world.images,
        "annotations": world.annotations,
        "categories": world.categories,
        "captions": world.captions,
    }
    change(content)
    world.write()


def describe(pictures: list[Picture]) -> dict[str, Any]:
    """What counts in pictures: all except ids, since these may be others."""
    found = {}
    for picture in pictures:
        masks = [region.with_mask().mask for region in picture.regions]
        things = [
            (region.category, region.box, region.crowd, mask)
            for region, mask in zip(picture.regions, masks, strict=True)
        ]
        found[picture.file] = (picture.width, picture.height, picture.captions, sorted(things, key=str))
    return found


def straighten(world: World) -> None:
    """Boxes in whole pixels, so that a mask has the box of its polygon."""
    for annotation in world.annotations:
        x, y, width, height = map(int, annotation["bbox"])
        annotation["bbox"] = [x, y, width, height]
        annotation["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("name", RULES)
def test_other_words_say_the_same(name: str, world: World) -> None:
    straighten(world)
    world.write()
    expected = describe(read_pictures(world.source(), Tally()))
    write(world, RULES[name])
    tally = Tally()
    assert describe(read_pictures(world.source(), tally)) == expected
    assert tally.records == 9
    assert not tally.rejected


@pytest.mark.parametrize(
    ("name", "repaired"),
    [
        ("ids missing", {"id_numbered": 9}),
        ("ids all zero", {"id_numbered": 8}),
        ("ids that restart in each image", {"id_numbered": 6}),
        ("an id of two images", {"id_numbered": 1}),
        ("ids as digits", {}),
        ("image ids as UUIDs", {"image_id_numbered": 3}),
        ("file names instead of image ids", {"annotation_by_file_name": 9}),
        ("sizes zero", {"size_of_image": 3}),
        ("boxes null", {"box_of_mask": 9}),
        ("boxes of five", {"box_of_five": 9}),
        ("iscrowd of all", {"crowd_of_all": 9}),
    ],
)
def test_a_repair_is_counted_by_its_rule(name: str, repaired: dict[str, int], world: World) -> None:
    straighten(world)
    write(world, RULES[name])
    tally = Tally()
    read_pictures(world.source(), tally)
    assert tally.repaired == repaired


def test_the_first_keeps_its_id_and_the_others_are_above_all(world: World) -> None:
    write(world, lambda content: content["annotations"][4].update(id=110))
    pictures = read_pictures(world.source(), Tally())
    assert {region.id for picture in pictures for region in picture.regions} == {
        *(50, 51, 52, 70, 72, 110, 111, 112),
        113,
    }


def test_relations_follow_ids_that_restart_in_each_image(world: World) -> None:
    write(world, number_per_image)
    world.extras["relations"] = [
        {"image_id": 5, "subject": 1, "predicate": "on", "object": "3"},
        {"image_id": "11", "subject": 2, "predicate": "near", "object": 1},
    ]
    world.write()
    told = {}
    for picture in read_pictures(world.source(), Tally()):
        names = {region.id: region.category for region in picture.regions}
        told[picture.file] = [(names[one.subject], one.predicate, names[one.object]) for one in picture.relations]
    assert told == {"000005.png": [("cup", "on", "dog")], "000007.png": [], "000011.png": [("fork", "near", "cup")]}


@pytest.mark.parametrize("flags", [(0, 1, 0, 1, 1, 1, 1, 1, 1), ("0", "1", 0.0, 1.0, None, True, False, 0, 0)])
def test_crowds_among_things_stay_crowds(world: World, flags: tuple[Any, ...]) -> None:
    for annotation, flag in zip(world.annotations, flags, strict=True):
        annotation["iscrowd"] = flag
    world.write()
    tally = Tally()
    crowds = sum(region.crowd for picture in read_pictures(world.source(), tally) for region in picture.regions)
    assert crowds == sum(flag not in (0, "0", None) for flag in flags)
    assert not tally.repaired


@pytest.mark.parametrize("segmentation", [None, [], {}, ""])
@pytest.mark.parametrize("box", [None, [], [0, 0, 0, 0], [0.0, 0, 0, 0]])
def test_an_annotation_without_box_and_mask_stops_nothing(world: World, box: Any, segmentation: Any) -> None:
    world.annotations[2] |= {"bbox": box, "segmentation": segmentation}
    world.write()
    tally = Tally()
    assert sum(len(picture.regions) for picture in read_pictures(world.source(), tally)) == 8
    assert (tally.records, tally.rejected) == (9, {"empty_annotation": 1})


@pytest.mark.parametrize("lists", [("annotations",), ("images", "categories"), ("images", "annotations", "categories")])
def test_objects_by_id_count_as_lists_of_their_values(world: World, lists: tuple[str, ...]) -> None:
    world.write()
    expected = read_pictures(world.source(), Tally())
    content = json.loads(world.instances_file.read_text())
    for name in lists:
        content[name] = {str(record["id"]): record for record in content[name]}
    world.instances_file.write_text(json.dumps(content, indent=1))
    assert read_pictures(world.source(), Tally()) == expected


def test_a_second_file_may_count_from_one_again(world: World) -> None:
    world.write()
    stuff = {
        "images": [],
        "categories": [{"id": 1, "name": "sky"}],
        "annotations": [
            {"id": number, "image_id": 5, "category_id": 1, "bbox": [0, number, 120, 30]} for number in (50, 51)
        ],
    }
    file = world.folder / "stuff.json"
    file.write_text(json.dumps(stuff))
    tally = Tally()
    first = read_pictures(world.source(files={"stuff": file}), tally)[0]
    assert [region.id for region in first.regions] == [50, 51, 52, 113, 114]
    assert tally.repaired == {"id_numbered": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("annotations", segmentation=lambda _: {"size": [120, 90], "counts": [0, 10800]}), "not where the box is"),
        (put("annotations", image_id=lambda _: {"$oid": "5f"}), r"its `image_id` is \{'\$oid': '5f'\}"),
        (drop("annotations", "category_id"), "missing required field `category_id`"),
        (drop("images", "file_name"), "missing required field `file_name`"),
        (put("images", id=lambda _: "a"), "'000007.png' has the id 'a' of another image, '000011.png'"),
    ],
)
def test_what_no_rule_mends_is_refused_for_what_it_is(world: World, change: Change, message: str) -> None:
    write(world, change)
    with pytest.raises((BadRecord, InputError), match=message):
        describe(read_pictures(world.source(), Tally()))


def test_an_image_that_exif_turns_needs_a_frame_if_no_size_is_given(world: World, tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    for path in world.image_folder.iterdir():
        Image.open(path).save(path, exif=exif.tobytes())
    write(world, drop("images", "width", "height"))
    with pytest.raises(BadRecord, match=r"000011.png is turned by EXIF .*--frame"):
        read_pictures(world.source(), Tally())
    sizes = {
        frame: (picture.width, picture.height)
        for frame in ("stored", "displayed")
        for picture in read_pictures(world.source(frame=frame), Tally(skip_bad=True))
    }
    assert sizes == {"stored": (120, 90), "displayed": (90, 120)}
