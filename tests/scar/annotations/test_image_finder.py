"""Images are found under other names by one rule each; what may be several files is told."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from scar.accounting import Tally
from scar.annotations.image_finder import FoundFiles, find_files
from scar.errors import BadRecord
from tests.conftest import World
from tests.scar.annotations.reading import read_pictures


def find(folder: Path, files: list[str], *names: str) -> FoundFiles:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")
    return find_files(folder, dict(enumerate(names)))


NFC, NFD = (unicodedata.normalize(form, "für Åse/Café.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("rule", "name", "file"),
    [
        ("file_by_url", "http://images.cocodataset.org/val2017/000000000139.jpg", "000000000139.jpg"),
        ("file_by_url", "https://host/train2017/000000000009.jpg?size=big#x", "train2017/000000000009.jpg"),
        ("file_by_url", "/data/local-files/?d=photos/a%20b.png", "photos/a b.png"),
        ("file_by_url", "s3://bucket/some/where/x.jpg", "x.jpg"),
        ("file_by_url", "https:/host/x.jpg?w=1", "x.jpg"),
        ("file_by_slash", "images\\cb06-x.png", "cb06-x.png"),
        ("file_by_slash", "C:\\Users\\me\\set\\x.png", "set/x.png"),
        ("file_by_slash", "val\\x.png", "val/x.png"),
        ("file_by_percent", "my%20photo.jpg", "my photo.jpg"),
        ("file_by_percent", "a/caf%C3%A9.jpg", "a/café.jpg"),
        ("file_by_letters", NFC, NFD),
        ("file_by_letters", NFD, NFC),
        ("file_by_letters", "IMG_1.JPG", "img_1.jpg"),
        ("file_in_folder", "x.jpg", "one/two/x.jpg"),
        ("file_in_folder", "objects365_v2_1.jpg", "v2/patch1/objects365_v2_1.jpg"),
        ("file_in_folder", "images/v1/patch8/objects365_v1_7.jpg", "patch8/objects365_v1_7.jpg"),
        ("file_in_folder", "one/two/x.jpg", "x.jpg"),
        ("file_in_folder", "/home/someone/data/x.jpg", "x.jpg"),
        ("file_in_folder", "/x.jpg", "x.jpg"),
        ("file_elsewhere", "VG_100K_2/1.jpg", "VG_100K/1.jpg"),
        ("file_elsewhere", "/home/someone/data/x.jpg", "train/x.jpg"),
        ("file_by_coco_id", "COCO_train2014_000000000009.jpg", "000000000009.jpg"),
        ("file_by_coco_id", "train2017/000000000009.jpg", "COCO_val2014_000000000009.jpg"),
        ("file_by_ending", "x.png", "x.jpg"),
        ("file_by_ending", "one/Photo.1.JPEG", "one/photo.1.webp"),
        ("file_by_ending", "/home/someone/one/x.bmp", "x.jpg"),
        ("file_by_ending", "x", "x.tif"),
    ],
)
def test_a_rule_finds_the_file(rule: str, name: str, file: str, tmp_path: Path) -> None:
    found = find(tmp_path, [file, "other/thing.jpg", "000000000001.jpg"], name, "000000000001.jpg")
    assert (found.files, found.rules, found.problems) == ({0: file}, {rule: 1}, {})


@pytest.mark.parametrize("name", ["a%20b.jpg", "a\\b.jpg", "Ä.jpg", "one/x.jpg", "http:/x.jpg"])
def test_a_name_that_leads_to_a_file_is_never_changed(name: str, tmp_path: Path) -> None:
    decoys = ["a b.jpg", "a/b.jpg", "ä.jpg", "x.jpg", "two/one/x.jpg"]
    assert find(tmp_path, [*decoys, name], name) == FoundFiles()


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["x.jpg"], ["y.jpg", "masks/x.png", "x.json", "x.jpg.png"]),
        (["x.2020"], ["x.jpg", "x.2020.txt"]),
        (["batch_2/0.jpg", "batch_1/0.jpg"], ["batch_1/0.jpg"]),
        (["../x.jpg", "../../etc/passwd"], ["y.jpg"]),
        (["000000000007.jpg"], ["7.jpg"]),
    ],
)
def test_what_no_rule_finds_stays(names: list[str], files: list[str], tmp_path: Path) -> None:
    found = find(tmp_path, files, *names)
    assert (found.files, found.problems) == ({}, {})


@pytest.mark.parametrize(
    ("names", "files", "told"),
    [
        (["x.jpg"], ["a/x.jpg", "b/x.jpg"], ["'x.jpg' may be 'a/x.jpg' or 'b/x.jpg'"]),
        (["c/x.jpg"], ["a/c/x.jpg", "b/c/x.jpg", "x.jpg"], ["'c/x.jpg' may be 'a/c/x.jpg' or 'b/c/x.jpg'"]),
        (["/p/0.jpg", "/q/0.jpg"], ["0.jpg"], ["'/p/0.jpg' and '/q/0.jpg' would both be '0.jpg'"] * 2),
        (["x.png"], ["x.jpg", "x.webp"], ["'x.png' may be 'x.jpg' or 'x.webp'"]),
        (["x.png", "x.jpg"], ["x.jpg"], ["'x.jpg' and 'x.png' would both be 'x.jpg'"]),
        (["x.JPG", "x.jpg"], ["x.jpg"], ["'x.JPG' and 'x.jpg' would both be 'x.jpg'"]),
        (
            ["COCO_train2014_000000000009.jpg"],
            ["a/000000000009.jpg", "b/000000000009.jpg"],
            ["'COCO_train2014_000000000009.jpg' may be 'a/000000000009.jpg' or 'b/000000000009.jpg'"],
        ),
    ],
)
def test_what_may_be_several_files_is_told(names: list[str], files: list[str], told: list[str], tmp_path: Path) -> None:
    found = find(tmp_path, files, *names)
    assert (found.files, list(found.problems.values())) == ({}, told)


def test_the_longest_common_path_decides(tmp_path: Path) -> None:
    found = find(tmp_path, ["a/c/x.jpg", "b/x.jpg", "x.jpg"], "data/c/x.jpg")
    assert found.files == {0: "a/c/x.jpg"}


def test_pictures_have_the_path_of_the_file_and_captions_the_name_of_the_list(world: World) -> None:
    for image in world.images:
        image["file_name"] = f"C:\\set\\{image['file_name']}"
    world.extras["captions"] = world.captions
    world.write()
    tally = Tally()
    pictures = read_pictures(world.source(), tally)
    assert [picture.file for picture in pictures] == ["000005.png", "000007.png", "000011.png"]
    assert all(picture.captions for picture in pictures)
    assert tally.repaired == {"file_by_slash": 3}


def test_an_unclear_image_is_refused_and_can_be_skipped(world: World) -> None:
    world.write()
    path = world.image_folder / "000005.png"
    for folder in ("first", "second"):
        (world.image_folder / folder).mkdir()
        (world.image_folder / folder / path.name).write_bytes(path.read_bytes())
    path.unlink()
    with pytest.raises(BadRecord, match=r"image 5: '000005.png' may be 'first/000005.png' or 'second/000005.png'"):
        read_pictures(world.source(), Tally())
    tally = Tally(skip_bad=True)
    assert len(read_pictures(world.source(), tally)) == 2
    assert tally.ignored["image_unclear"] == 1
    assert tally.rejected == {"no_image": 3}
