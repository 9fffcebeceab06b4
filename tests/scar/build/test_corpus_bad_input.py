"""Each kind of bad record: one line that names it and exit code 2; with --skip-bad it is dropped and counted."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from scar.cli import app

if TYPE_CHECKING:
    from tests.conftest import World

Change = Callable[["World"], object]


@dataclasses.dataclass(frozen=True)
class Bad:
    """One thing that can be wrong with the small world, whose image 5 has the annotations 50, 51 and 52."""

    change: Change
    message: str
    reason: str
    rejected: int = 1
    ignored: int = 0
    samples: int = 8


def annotation(**fields: Any) -> Change:
    """Annotation 50 with other values."""
    return lambda world: next(entry for entry in world.annotations if entry["id"] == 50).update(fields)


def image(**fields: Any) -> Change:
    """The record of image 5 with other values."""
    return lambda world: next(entry for entry in world.images if entry["id"] == 5).update(fields)


def file(change: Callable[[Path], object]) -> Change:
    """The file of image 5 changed."""
    return lambda world: change(world.image_folder / "000005.png")


def cut(path: Path) -> None:
    Image.effect_noise((120, 90), 80).save(path)
    path.write_bytes(path.read_bytes()[:-2000])


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def unsized(change: Callable[[Path], object]) -> Change:
    """Image 5 without a width in the annotations, and its file changed."""

    def change_both(world: World) -> None:
        image(width=None)(world)
        file(change)(world)

    return change_both


def link_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parents[1] / "gone.png")


def double(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".gif"))
    path.rename(path.with_suffix(".jpg"))


def scale(path: Path) -> None:
    Image.new("RGB", (80, 60)).save(path)


def swap_size(path: Path) -> None:
    Image.new("RGB", (90, 120)).save(path)


def into_two_folders(path: Path) -> None:
    for folder in ("first", "second"):
        (path.parent / folder).mkdir()
        shutil.copy(path, path.parent / folder / path.name)
    path.unlink()


def bomb(path: Path) -> None:
    Image.new("1", (10_000, 9_000)).save(path)


BAD = {
    "no such image": Bad(annotation(image_id=99), "annotation 50: its image 99 is not among", "no_image"),
    "no such category": Bad(
        annotation(category_id=9), r"50: its category 9 is not among the 3 categories, 1 to 3 \(renu", "no_category"
    ),
    "flat box": Bad(annotation(bbox=[4, 5, 0, 40]), r"annotation 50: box \(4, 5, 0, 40\) has no area", "empty_box"),
    "negative box": Bad(annotation(bbox=[34, 45, -30, -40]), r"box \(34, 45, -30, -40\) has no area", "empty_box"),
    "NaN in a box": Bad(
        annotation(bbox=[float("nan"), 5, 3, 4], segmentation=[]), r"box \(nan, 5, 3, 4\) has no area", "empty_box"
    ),
    "box outside": Bad(annotation(bbox=[500, 5, 30, 40]), r"box .* lies outside the 120x90 image", "outside"),
    "box of three": Bad(annotation(bbox=[1, 2, 3]), r"annotations\[6\]: its box is \[1, 2, 3\]: a box is", "malformed"),
    "box of five without a mask": Bad(
        annotation(bbox=[1, 2, 30, 40, 0.5], segmentation=[]),
        "50: its box has five numbers, .* 0.5, may be a score: then leave it out. If it is an angle: rotated",
        "malformed",
    ),
    "null for an image": Bad(annotation(image_id=None), r"annotations\[6\]: its `image_id` is None", "malformed"),
    "null for a category": Bad(annotation(category_id=None), r"annotations\[6\]: its `category_id` is", "malformed"),
    "text of no image": Bad(annotation(image_id="x"), "annotation 50: its image 'x' is not among", "no_image"),
    "text of no category": Bad(annotation(category_id="cat"), "50: its category 'cat' is not among", "no_category"),
    "RLE of the wrong size": Bad(
        annotation(segmentation={"size": [120, 90], "counts": [0, 10800]}), r"RLE size \[120, 90\] is not", "mask_size"
    ),
    "RLE that is too short": Bad(
        annotation(segmentation={"size": [90, 120], "counts": [0, 9]}), "its runs fill 9 of 10800 pixels", "bad_mask"
    ),
    "RLE that is damaged": Bad(
        annotation(segmentation={"size": [90, 120], "counts": "zz"}), "annotation 50: RLE counts 'zz'", "bad_mask"
    ),
    "an annotation twice": Bad(
        lambda world: world.annotations.append(dict(world.annotations[-1])),
        "a second annotation has the id 52 and the same content",
        "duplicate_id",
        samples=9,
    ),
    "image missing": Bad(
        file(Path.unlink), "image 5: image '.*000005.png' does not exist", "image_missing", 3, samples=6
    ),
    "image cut off": Bad(file(cut), "image 5: image .*000005.png does not decode", "image_broken", 3, samples=6),
    "not an image": Bad(
        file(lambda path: path.write_text("<html>")), "000005.png is not an image", "image_broken", 3, samples=6
    ),
    "decompression bomb": Bad(file(bomb), "has more than the 89,478,485 pixels", "image_bomb", 3, samples=6),
    "size differs": Bad(
        file(swap_size), "5.png is 90x120, said to be 120x90: swap the width and", "image_size", 3, samples=6
    ),
    "scaled image": Bad(
        file(scale), "is 80x60, .*: it is scaled by 0.6667; .* multiply boxes", "image_size", 3, samples=6
    ),
    "stretched image": Bad(
        file(lambda path: Image.new("RGB", (60, 60)).save(path)),
        "stretched by 0.5 in width and 0.6667 in height",
        "image_size",
        3,
        samples=6,
    ),
    "path with ..": Bad(
        image(file_name="../instances.json"), "image path '../instances.json' leaves", "image_path", 3, samples=6
    ),
    "absolute path": Bad(image(file_name="/etc/passwd"), "image path '/etc/passwd' leaves", "image_path", 3, samples=6),
    "link to nowhere": Bad(
        file(link_nowhere),
        r"000005.png' does not exist \(it is a link to '.*gone.png'\)",
        "image_missing",
        3,
        samples=6,
    ),
    "image that may be two files": Bad(
        file(into_two_folders),
        "image 5: '000005.png' may be 'first/000005.png' or 'second/000005.png'; write the folder",
        "image_unclear",
        3,
        2,
        6,
    ),
    "image of two other endings": Bad(
        file(double), r"'000005\.png' may be '000005\.gif' or '000005\.jpg'", "image_unclear", 3, 2, 6
    ),
    "two images with one id": Bad(
        lambda world: world.add_image(5),
        r"images\[3\]: '.*' has the id 5 of another image, '000005.png'",
        "duplicate_image",
        0,
        1,
        9,
    ),
    "image without size and file": Bad(
        unsized(Path.unlink), "image 5: .*5.png' does not exist", "image_missing", 3, 2, 6
    ),
    "broken image without size": Bad(unsized(cut_short), "5.png is no image .* no size is", "image_broken", 3, 2, 6),
    "image of too many pixels": Bad(image(width=10**6), "said to be 1000000x90", "image_size", 3, 2, 6),
    "image without a name": Bad(
        image(file_name=None), r"images\[2\]: Object missing required field `file_name`", "malformed", 3, 2, 6
    ),
    "empty category name": Bad(
        lambda world: world.categories[2].update(name=" "), "category 3 has an empty name", "empty_category", 3, 1, 6
    ),
    "category name without a word": Bad(
        lambda world: world.categories[2].update(name="_ , cat"),
        "category 3 has the name '_ , cat', which begins with no word",
        "empty_category",
        3,
        1,
        6,
    ),
    "two categories with one id": Bad(
        lambda world: world.categories.append({"id": 3, "name": "cow"}),
        "a second category",
        "duplicate_category",
        0,
        1,
        9,
    ),
    "caption of another image": Bad(
        lambda world: world.captions[0].update(image_id=6),
        r"captions.json, annotations\[0\]: its image 6 is not among those of instances.json",
        "caption_no_image",
        0,
        1,
        9,
    ),
    "caption that is no text": Bad(
        lambda world: world.captions[0].update(caption=["a", "b"]),
        r"captions.json, annotations\[0\]",
        "malformed",
        0,
        1,
        9,
    ),
    "relation to a stranger": Bad(
        lambda world: world.extras.update(relations=[{"image_id": 5, "subject": 50, "predicate": "on", "object": 70}]),
        "relation 'on' of image 5: annotation 70 is not among those of the image",
        "relation_no_region",
        0,
        1,
        9,
    ),
    "relation in a strange image": Bad(
        lambda world: world.extras.update(relations=[{"image_id": 6, "subject": 50, "predicate": "on", "object": 51}]),
        r"relations\[0\]: its image 6 is not",
        "relation_no_image",
        0,
        1,
        9,
    ),
    "relation without a predicate": Bad(
        lambda world: world.extras.update(relations=[{"image_id": 5, "subject": 50, "predicate": "", "object": 51}]),
        r"relations\[0\]: its predicate is empty",
        "empty_relation",
        0,
        1,
        9,
    ),
    "relation of another shape": Bad(
        lambda world: world.extras.update(relations=[{"image_id": 5}]),
        r"relations\[0\]: .*missing",
        "malformed",
        0,
        1,
        9,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, world: World, run: Callable[..., Any], tmp_path: Path) -> None:
    bad = BAD[name]
    bad.change(world)
    world.write()

    refused = run()
    assert refused.exit_code == 2, refused.output
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert re.search(bad.message, refused.stderr), refused.stderr
    assert f"`--skip-bad` drops it and counts it as '{bad.reason}'" in refused.stderr
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []

    skipped = run("--skip-bad", "--json")
    assert skipped.exit_code == 0, skipped.output
    entry = json.loads(skipped.stdout)["Toy/eval"]
    assert entry["samples"] == bad.samples
    assert sum(entry["rejected"].values()) == bad.rejected
    assert sum(entry["ignored"].values()) == bad.ignored
    assert bad.reason in entry["rejected"] | entry["ignored"]
    assert entry["records"] == entry["samples"] + bad.rejected

    checked = CliRunner().invoke(app, ["check", str(tmp_path / "out")])
    assert checked.exit_code == 0, checked.output


def test_images_that_are_all_missing_are_looked_for_where_the_message_says(
    world: World, run: Callable[..., Any], tmp_path: Path
) -> None:
    world.write()
    for path in world.image_folder.iterdir():
        path.unlink()
    refused = run("--skip-bad")
    assert refused.exit_code == 2
    assert f'{{"image_missing": 9}}. Its images are looked for in {world.image_folder}.' in refused.stderr


def test_all_records_bad_is_an_error(world: World, run: Callable[..., Any], tmp_path: Path) -> None:
    for entry in world.annotations:
        entry["bbox"] = [4, 5, 0, 40]
    world.write()
    refused = run("--skip-bad")
    assert refused.exit_code == 2
    assert (
        'none of its 9 records became a sample: {"empty_box": 9}. Without --skip-bad the first bad one is named.'
        in refused.stderr
    )
    assert not (tmp_path / "out" / "SCaR-eval").exists()
