"""The demo world: its files agree with its pictures, and equal arguments give equal files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.world import draw_world
from scar.errors import InputError
from scar.sample import SPLITS, Split

T = TypeVar("T")

IMAGES = 24

# pycocotools' own decoder, which we compare with, is older than the array protocol of numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    draw_world(folder, IMAGES, 0, "eval")
    return folder


@pytest.fixture(scope="module")
def instances(world: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((world / "instances.json").read_text())
    return loaded


def pixels_of(annotation: dict[str, Any]) -> NDArray[np.bool_]:
    decoded: NDArray[np.bool_] = coco_mask.decode(annotation["segmentation"]).astype(bool)
    return decoded


def by_image(instances: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    groups: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in instances["images"]}
    for annotation in instances["annotations"]:
        groups[annotation["image_id"]].append(annotation)
    return groups


def test_the_official_coco_library_reads_it(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    things, sentences = COCO(world / "instances.json"), COCO(world / "captions.json")
    capsys.readouterr()
    assert len(things.getImgIds()) == IMAGES
    for image in things.getImgIds():
        assert 3 <= len(things.getAnnIds(image)) <= 6
        assert len(sentences.getAnnIds(image)) == 5


def test_boxes_areas_and_masks_agree(instances: dict[str, Any]) -> None:
    sizes = {image["id"]: [image["height"], image["width"]] for image in instances["images"]}
    for annotation in instances["annotations"]:
        assert annotation["segmentation"]["size"] == sizes[annotation["image_id"]]
        pixels = pixels_of(annotation)
        rows, columns = np.nonzero(pixels)
        x, y, width, height = annotation["bbox"]
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert annotation["area"] == pixels.sum() > 200
        assert annotation["iscrowd"] == 0


def test_the_masked_pixels_have_the_colour_of_the_category(world: Path, instances: dict[str, Any]) -> None:
    files = {image["id"]: image["file_name"] for image in instances["images"]}
    names = {category["id"]: category["name"] for category in instances["categories"]}
    for annotation in instances["annotations"]:
        with Image.open(world / "images" / files[annotation["image_id"]]) as image:
            inside = np.asarray(image)[pixels_of(annotation)]
        wanted = ImageColor.getrgb(COLOURS[names[annotation["category_id"]].split()[0]])
        assert (inside == wanted).all(axis=1).mean() > 0.4


def test_images_have_the_stated_size(world: Path, instances: dict[str, Any]) -> None:
    assert {(i["width"], i["height"]) for i in instances["images"]} == {(320, 240), (256, 256), (240, 320)}
    for image in instances["images"]:
        with Image.open(world / "images" / image["file_name"]) as opened:
            assert (opened.size, opened.mode) == ((image["width"], image["height"]), "RGB")
    assert len(list((world / "images").iterdir())) == IMAGES


def test_no_two_things_of_a_picture_share_a_pixel_or_a_name(instances: dict[str, Any]) -> None:
    for things in by_image(instances).values():
        assert np.sum([pixels_of(thing) for thing in things], axis=0).max() == 1
        assert len({thing["category_id"] for thing in things}) == len(things)


def test_many_things_are_told_apart_by_one_word_only(instances: dict[str, Any]) -> None:
    names = {category["id"]: category["name"].split() for category in instances["categories"]}
    twins = 0
    for things in by_image(instances).values():
        for word in (0, 1):
            repeats = Counter(names[thing["category_id"]][word] for thing in things)
            twins += any(count > 1 for count in repeats.values())
    assert twins > IMAGES


def test_relations_hold_by_geometry(instances: dict[str, Any]) -> None:
    things = {annotation["id"]: annotation for annotation in instances["annotations"]}
    seen = Counter(relation["predicate"] for relation in instances["relations"])
    assert set(seen) == {"above", "below", "to the left of", "to the right of", "in front of", "behind"}
    triples = {(r["subject"], r["predicate"], r["object"]) for r in instances["relations"]}
    opposite = {"above": "below", "to the left of": "to the right of", "in front of": "behind"}
    opposite |= {value: key for key, value in opposite.items()}
    for relation in instances["relations"]:
        one, other = things[relation["subject"]], things[relation["object"]]
        assert one["image_id"] == other["image_id"] == relation["image_id"]
        assert (relation["object"], opposite[relation["predicate"]], relation["subject"]) in triples
        (ax, ay, aw, ah), (bx, by, bw, bh) = one["bbox"], other["bbox"]
        dx, dy = bx + bw / 2 - ax - aw / 2, by + bh / 2 - ay - ah / 2
        if relation["predicate"] == "above":
            assert ay + ah <= by
            assert dy > abs(dx)
        if relation["predicate"] == "to the left of":
            assert ax + aw <= bx
            assert dx > abs(dy)
        if relation["predicate"] == "in front of":
            assert relation["subject"] > relation["object"]
            assert min(ax + aw, bx + bw) > max(ax, bx)
            assert min(ay + ah, by + bh) > max(ay, by)
    assert len({(r["subject"], r["object"]) for r in instances["relations"]}) == len(instances["relations"])


def test_every_scene_is_drawn_equally_often(instances: dict[str, Any]) -> None:
    assert len(SCENES) >= 10
    assert Counter(image["scene"] for image in instances["images"]) == {
        scene.label: IMAGES / len(SCENES) for scene in SCENES
    }


def test_every_shape_comes_in_every_colour(instances: dict[str, Any]) -> None:
    assert len(SHAPES) >= 10
    assert len(COLOURS) >= 8
    names = [category["name"] for category in instances["categories"]]
    assert sorted(names) == sorted(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)


def test_sentences_name_only_what_is_there(world: Path, instances: dict[str, Any]) -> None:
    names = {category["id"]: category["name"] for category in instances["categories"]}
    names_by_image = {
        image: {names[thing["category_id"]] for thing in things} for image, things in by_image(instances).items()
    }
    for caption in json.loads((world / "captions.json").read_text())["annotations"]:
        text = caption["caption"]
        assert {name for name in names.values() if f" {name}" in text} <= names_by_image[caption["image_id"]]
        assert text[0].isupper()
        assert text.endswith(".")
        assert " a orange" not in text.lower()


def test_the_same_seed_gives_the_same_bytes_however_many_are_asked_for(world: Path, tmp_path: Path) -> None:
    draw_world(tmp_path / "few", 3, 0, "eval")
    few = sorted((tmp_path / "few" / "images").iterdir())
    assert [path.read_bytes() for path in few] == [(world / "images" / path.name).read_bytes() for path in few]
    draw_world(tmp_path / "again", 3, 0, "eval")
    for name in ("instances.json", "captions.json"):
        assert (tmp_path / "few" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    many = json.loads((world / "instances.json").read_text())
    some = json.loads((tmp_path / "few" / "instances.json").read_text())
    for key in ("images", "annotations", "relations"):
        assert many[key][: len(some[key])] == some[key]
    assert not list(tmp_path.rglob(".*"))


def test_seeds_and_splits_differ_in_every_picture(tmp_path: Path) -> None:
    worlds: list[tuple[int, Split]] = [(0, "train"), (0, "eval"), (1, "train")]
    pictures: list[bytes] = []
    for seed, split in worlds:
        draw_world(tmp_path / f"{split}{seed}", 4, seed, split)
        pictures += [path.read_bytes() for path in (tmp_path / f"{split}{seed}" / "images").iterdir()]
    assert len(set(pictures)) == 12


def test_no_id_or_file_name_is_in_both_splits(tmp_path: Path) -> None:
    seen: dict[str, list[set[Any]]] = {"images": [], "annotations": [], "files": []}
    for split in SPLITS:
        draw_world(tmp_path / split, 5, 0, split)
        loaded = json.loads((tmp_path / split / "instances.json").read_text())
        seen["files"].append({image["file_name"] for image in loaded["images"]})
        for key in ("images", "annotations"):
            seen[key].append({record["id"] for record in loaded[key]})
            assert len(seen[key][-1]) == len(loaded[key])
    for train, held_out in seen.values():
        assert train.isdisjoint(held_out)


def test_progress_counts_pictures(tmp_path: Path) -> None:
    steps: list[tuple[str, int]] = []

    def track(things: Iterable[T], what: str, total: int) -> Iterator[T]:
        for thing in things:
            yield thing
            steps.append((what, total))

    draw_world(tmp_path, 3, 0, "train", track=track)
    assert steps == [("drawing train", 3)] * 3


@pytest.mark.parametrize("images", [0, -4])
def test_fewer_than_one_image_is_refused(tmp_path: Path, images: int) -> None:
    with pytest.raises(InputError, match=rf"demo: {images} images asked for; ask for at least 1"):
        draw_world(tmp_path / "new", images, 0, "train")
    assert not (tmp_path / "new").exists()
