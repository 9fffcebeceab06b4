"""Captions belong to the images that their file means by an id, which another file may number otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import BadRecord, InputError
from tests.scar.annotations.reading import read_pictures
from tests.shared import SHARED

if TYPE_CHECKING:
    from tests.conftest import World

COCO_MINI = SHARED / "data" / "coco-mini"
IDS = (11, 7, 5)


def write_renumbered(world: World, renumber: Callable[[int], int], **changes: Any) -> None:
    """Write the world with a captions file that lists the images under other ids."""
    for caption in world.captions:
        caption["caption"] = f"The picture {caption['image_id']}."
        caption["image_id"] = renumber(caption["image_id"])
    world.write()
    images = [image | {"id": renumber(image["id"])} | changes for image in world.images]
    world.captions_file.write_text(json.dumps({"images": images, "annotations": world.captions}))


@pytest.mark.parametrize("renumber", [lambda i: i + 1000, lambda i: i - 2, lambda i: {11: 7, 7: 5, 5: 11}[i]])
def test_captions_with_other_ids_are_joined_by_file_name(world: World, renumber: Callable[[int], int]) -> None:
    write_renumbered(world, renumber)
    tally = Tally()
    pictures = read_pictures(world.source(), tally)
    assert {picture.id: picture.captions for picture in pictures} == {i: (f"The picture {i}.",) for i in IDS}
    assert tally.repaired == {"caption_by_file_name": 3}


@pytest.mark.parametrize("sizes", [{}, {"width": None, "height": None}])
def test_images_of_a_captions_file_need_no_size(world: World, sizes: dict[str, Any]) -> None:
    write_renumbered(world, lambda number: number + 1000)
    content = json.loads(world.captions_file.read_text())
    content["images"] = [{"id": image["id"], "file_name": image["file_name"]} | sizes for image in content["images"]]
    world.captions_file.write_text(json.dumps(content))
    pictures = read_pictures(world.source(), Tally())
    assert {picture.id: picture.captions for picture in pictures} == {i: (f"The picture {i}.",) for i in IDS}


def test_names_may_stand_in_urls(world: World) -> None:
    write_renumbered(world, lambda i: {11: 7, 7: 5, 5: 11}[i])
    content = json.loads(world.captions_file.read_text())
    for image in content["images"]:
        image["coco_url"] = f"http://images.cocodataset.org/val2017/{image.pop('file_name')}"
    world.captions_file.write_text(json.dumps(content))
    pictures = read_pictures(world.source(), Tally())
    assert {picture.id: picture.captions for picture in pictures} == {i: (f"The picture {i}.",) for i in IDS}


def test_the_same_ids_are_no_repair(world: World) -> None:
    write_renumbered(world, lambda number: number)
    tally = Tally()
    assert len(read_pictures(world.source(), tally)) == 3
    assert not tally.repaired


def test_other_names_under_the_same_ids_are_refused(world: World) -> None:
    write_renumbered(world, lambda number: number, file_name="elsewhere.jpg")
    with pytest.raises(InputError, match=r"captions.json: image 11 is 'elsewhere.jpg', but '000011.png' in instances"):
        open_index(world.source(), Tally())


def test_a_caption_of_an_unknown_name_is_counted(world: World) -> None:
    write_renumbered(world, lambda number: number - 2)
    content = json.loads(world.captions_file.read_text())
    content["images"][0]["file_name"] = "other.png"  # image 11, which is 9 here
    world.captions_file.write_text(json.dumps(content))
    with pytest.raises(BadRecord, match=r"its image 9, 'other.png', is not among those of instances\.json"):
        open_index(world.source(), Tally())
    tally = Tally(skip_bad=True)
    captions = {picture.id: picture.captions for picture in read_pictures(world.source(), tally)}
    assert captions == {5: ("The picture 5.",), 7: ("The picture 7.",), 11: ()}
    assert tally.ignored == {"caption_no_image": 1}


@pytest.mark.parametrize(
    "images",
    [
        None,
        [],
        [3, {"id": 1}, {"file_name": "a"}, {"id": "x7", "file_name": "a.png"}, {"id": [7], "file_name": "000011.png"}],
    ],
)
def test_lists_that_name_no_image_say_nothing(world: World, images: Any) -> None:
    world.write()
    world.captions_file.write_text(json.dumps({"images": images, "annotations": world.captions}))
    assert all(picture.captions for picture in read_pictures(world.source(), Tally()))


def test_a_second_file_of_annotations_is_joined_by_file_name(world: World) -> None:
    world.write()
    renumber = {11: 7, 7: 5, 5: 11}
    stuff = {
        "images": [image | {"id": renumber[image["id"]]} for image in world.images],
        "annotations": [
            {"id": 1000 + i, "image_id": renumber[i], "category_id": 1, "bbox": [1, 2, 30, 10 + i]} for i in IDS
        ],
        "categories": [{"id": 1, "name": "wall"}],
    }
    file = world.folder / "stuff.json"
    file.write_text(json.dumps(stuff))
    tally = Tally()
    pictures = read_pictures(world.source(files={"stuff": file}), tally)
    assert {picture.id: picture.regions[-1].box.height for picture in pictures} == {i: 10 + i for i in IDS}
    assert tally.repaired == {"annotation_by_file_name": 3}


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason=f"no {COCO_MINI}")
@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_real_files_agree(world: World, split: str) -> None:
    folder = COCO_MINI / "annotations"
    files = {"instances": folder / f"instances_{split}.json", "captions": folder / f"captions_{split}.json"}
    tally = Tally()
    assert all(picture.captions for picture in read_pictures(world.source(**files), tally))
    assert not tally.repaired
    assert not tally.ignored
