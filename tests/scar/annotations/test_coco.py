"""COCO-style files become pictures: sorted, clipped, with everything that the files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.coco import index_image_set
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Box, Picture, Relation
from tests.shared import SHARED

if TYPE_CHECKING:
    from tests.conftest import World

COCO_MINI = SHARED / "data" / "coco-mini" / "annotations"


def source(instances: Path, captions: Path | None, **files: Path) -> Source:
    return Source(name="Toy", split="eval", images=Path("images"), instances=instances, captions=captions, files=files)


def read(instances: Path, captions: Path | None, tally: Tally) -> tuple[int, list[Picture]]:
    """The number of pictures that is promised, and the pictures."""
    index = index_image_set(source(instances, captions), tally, CallCache())
    return len(index), [ref.read_picture(tally) for ref in index]


def pictures(world: World, tally: Tally | None = None) -> list[Picture]:
    world.write()
    total, everything = read(world.instances_file, world.captions_file, tally or Tally())
    assert len(everything) == total
    return everything


def test_pictures_come_by_image_id_and_regions_by_annotation_id(world: World) -> None:
    world.annotations.reverse()
    tally = Tally()
    found = pictures(world, tally)
    assert [picture.id for picture in found] == [5, 7, 11]
    assert [region.id for region in found[0].regions] == [50, 51, 52]
    assert tally.records == 9
    second = found[0].regions[1]
    assert (second.category, second.box, second.crowd) == ("fork", Box(50.25, 10, 90.75, 40), False)
    mask = second.with_mask().mask
    assert mask is not None
    assert mask.size == (90, 120)
    assert found[0].captions == ("A cup, a fork and a dog.",)
    assert (found[0].file, found[0].width, found[0].height, found[0].scene) == ("000005.png", 120, 90, None)


def test_scene_and_relations_are_read_where_they_exist(world: World) -> None:
    world.images[0]["scene"] = "kitchen"
    world.extras["relations"] = [{"image_id": 11, "subject": 110, "predicate": " on ", "object": 112}]
    last = pictures(world)[-1]
    assert last.scene == "kitchen"
    assert last.relations == (Relation(110, "on", 112),)


def test_a_file_without_captions_extras_or_masks_will_do(world: World) -> None:
    for annotation in world.annotations:
        del annotation["segmentation"], annotation["iscrowd"]
    world.write()
    found = read(world.instances_file, None, Tally())[1]
    assert all(region.with_mask().mask is None and not region.crowd for picture in found for region in picture.regions)
    assert all(picture.captions == () for picture in found)


def test_images_without_annotations_are_passed_over(world: World) -> None:
    world.add_image(99)
    assert len(pictures(world)) == 3


def test_a_byte_order_mark_is_borne_with(world: World) -> None:
    expected = pictures(world)
    for file in (world.instances_file, world.captions_file):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read(world.instances_file, world.captions_file, Tally())[1] == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_know_stay_with_their_record(world: World, number: float) -> None:
    world.annotations[0]["bbox"][2] = number
    world.annotations[0]["segmentation"] = []
    with pytest.raises(BadRecord, match=r"annotation 110: box .* has no area"):
        pictures(world)
    tally = Tally(skip_bad=True)
    assert sum(len(picture.regions) for picture in pictures(world, tally)) == 8
    assert tally.rejected == {"empty_box": 1}


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason=f"no {COCO_MINI}")
def test_agrees_with_pycocotools_on_real_annotations(capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    reference = COCO(COCO_MINI / "instances_val2017.json")
    capsys.readouterr()
    regions = 0
    total, found = read(COCO_MINI / "instances_val2017.json", COCO_MINI / "captions_val2017.json", Tally())
    for picture in found:
        for region in picture.regions:
            annotation = reference.anns[region.id]
            assert annotation["image_id"] == picture.id
            assert reference.cats[annotation["category_id"]]["name"] == region.category
            assert region.box.xywh == pytest.approx(annotation["bbox"], abs=1e-2)
            rle = reference.annToRLE(annotation)
            mask = region.with_mask().mask
            assert mask is not None
            assert mask.counts == rle["counts"].decode()
            regions += 1
    assert regions == len(reference.anns)
    assert total == len({annotation["image_id"] for annotation in reference.anns.values()})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON, or cut off"),
        (b'{"images": [', "not JSON, or cut off"),
        (b"\x00\x01\x02", "not JSON, or cut off"),
        (b'{"images": ["\xff"', r"not UTF-8: byte 13 is 0xff; save the file as UTF-8"),
        (b'{"images": [' + b"[" * 200_000, "not JSON, or cut off"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "of another shape: Expected `object`, got `null`"),
        (b'{"images": [], "annotations": []}', "missing required field `categories`"),
        (b'{"images": 7, "annotations": [], "categories": []}', r"Expected `array`, got `number` - at `\$.images`"),
    ],
)
def test_a_file_of_another_shape_is_refused(world: World, content: bytes, message: str) -> None:
    world.write()
    world.instances_file.write_bytes(content)
    with pytest.raises(InputError, match=rf"instances\.json: .*{message}"):
        read(world.instances_file, None, Tally(skip_bad=True))


def test_every_cut_of_a_file_is_noticed(world: World) -> None:
    world.write()
    whole = world.instances_file.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        world.instances_file.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not JSON, or cut off"):
            read(world.instances_file, None, Tally(skip_bad=True))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json: No such file or directory"):
        read(tmp_path / "absent.json", None, Tally())
    with pytest.raises(InputError, match=r"Is a directory"):
        read(tmp_path, None, Tally())


def test_captions_of_other_images_are_refused_even_when_bad_records_are_skipped(world: World) -> None:
    for caption in world.captions:
        caption["image_id"] += 1000
    with pytest.raises(InputError, match=r"none of its 3 captions is of an image of instances\.json"):
        pictures(world, Tally(skip_bad=True))


def with_stuff(world: World, **changes: Any) -> tuple[Tally, list[Picture]]:
    """The world with a second file of annotations: two regions of image 5, one of image 99 that has no things."""
    world.add_image(99)
    world.write()
    stuff: dict[str, Any] = {
        "images": [],
        "categories": [{"id": 1, "name": "sky-other"}, {"id": 7, "name": "wall-brick"}, {"id": 183, "name": "other"}],
        "annotations": [
            {"id": 900, "image_id": 5, "category_id": 1, "bbox": [0, 0, 120, 30], "iscrowd": 0},
            {"id": 901, "image_id": 5, "category_id": 183, "bbox": [0, 30, 120, 30], "iscrowd": 0},
            {"id": 902, "image_id": 99, "category_id": 7, "bbox": [0, 0, 120, 90], "iscrowd": 0},
        ],
    }
    stuff["annotations"][0] |= changes
    file = world.folder / "stuff.json"
    file.write_text(json.dumps(stuff))
    tally = Tally(skip_bad=True)
    return tally, [
        ref.read_picture(tally)
        for ref in index_image_set(source(world.instances_file, world.captions_file, stuff=file), tally, CallCache())
    ]


def test_stuff_stands_beside_things_under_its_own_numbers(world: World) -> None:
    tally, found = with_stuff(world)
    assert [picture.id for picture in found] == [5, 7, 11, 99]
    assert [(region.id, region.category) for region in found[0].regions] == [
        (50, "cup"),
        (51, "fork"),
        (52, "dog"),
        (900, "sky-other"),
    ]
    assert [(region.id, region.category) for region in found[3].regions] == [(902, "wall-brick")]
    assert (tally.records, tally.rejected) == (12, {"not_stuff": 1})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"image_id": 6}, "no_image"), ({"category_id": 2}, "no_category")],
)
def test_a_defect_of_stuff_is_counted(world: World, changes: dict[str, Any], reason: str) -> None:
    tally, found = with_stuff(world, **changes)
    assert sum(len(picture.regions) for picture in found) == 10
    assert (tally.records, tally.rejected) == (12, {"not_stuff": 1, reason: 1})


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1250", "shift_jis"])
def test_a_file_in_another_encoding_is_refused_whole(world: World, encoding: str, skip_bad: bool) -> None:
    name = "カフェ" if encoding == "shift_jis" else "café"
    world.images[1]["file_name"] = f"{name}.jpg"
    world.write()
    content = json.dumps(json.loads(world.instances_file.read_text()), ensure_ascii=False).encode(encoding)
    world.instances_file.write_bytes(content)
    with pytest.raises(
        InputError, match=r"instances\S*\.json: not UTF-8: byte (\d+) is 0x\w\w; save the file as UTF-8"
    ) as found:
        read(world.instances_file, None, Tally(skip_bad=skip_bad))
    at = int(str(found.value).split("byte ")[1].split()[0])
    content[:at].decode("utf-8")
    assert content[at] > 127


@pytest.mark.parametrize("has_captions", [False, True])
@pytest.mark.parametrize(("records", "key"), [("images", "file_name"), ("categories", "name")])
def test_a_list_without_a_usable_record_is_blamed_itself(
    world: World, records: str, key: str, has_captions: bool
) -> None:
    world.write()
    content = json.loads(world.instances_file.read_text())
    for record in content[records]:
        del record[key]
    world.instances_file.write_text(json.dumps(content))
    captions = world.captions_file if has_captions else None
    problem = rf"instances\.json: none of its {records} can be used \(the first, .*{records}\[0\]: .*`{key}`"
    with pytest.raises(InputError, match=problem):
        read(world.instances_file, captions, Tally(skip_bad=True))
    del content[records][1:]
    content[records][0][key] = "something.jpg"
    world.instances_file.write_text(json.dumps(content))
    tally = Tally(skip_bad=True)
    read(world.instances_file, None, tally)
    assert tally.rejected, "one of them can be used"


def test_a_box_that_is_no_box_is_found_when_the_file_is_opened(world: World) -> None:
    world.annotations[0]["bbox"] = [1, 2, "wide", 4]
    world.write()
    with pytest.raises(BadRecord, match=r"annotations\[0\]: its box is \[1, 2, 'wide', 4\]: a box is \[x, y"):
        index_image_set(source(world.instances_file, None), Tally(), CallCache())


def test_real_nonsense_in_one_record_is_one_bad_record(world: World) -> None:
    world.write()
    content = json.loads(world.instances_file.read_text())
    content["annotations"][2:2] = [
        None,
        7,
        [],
        {},
        {"id": "x"},
        {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2]},
    ]
    world.instances_file.write_text(json.dumps(content))
    with pytest.raises(BadRecord, match=r"instances\.json, annotations\[2\]: Expected `object`, got `null`"):
        read(world.instances_file, None, Tally())
    tally = Tally(skip_bad=True)
    assert sum(len(picture.regions) for picture in read(world.instances_file, None, tally)[1]) == 9
    assert tally.records == 15
    assert tally.rejected == {"malformed": 6}
