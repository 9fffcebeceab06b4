"""Images, a corpus and annotations become entries; what cannot be used is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import scar
from scar.errors import BadRecord, InputError, VirtueError
from scar.sample import Box
from virtue_ref.search.entries import Entries, Entry, check_ids, list_passed_over, read_entries


def test_a_folder_of_images(photos: Path) -> None:
    entries = read_entries(photos)
    assert [*entries.read()] == [Entry(name, name) for name in ("a.png", "b.png", "deep/c.jpg")]
    assert list_passed_over(entries.tally) == ["1 not used: no_image_ending"]
    assert [*read_entries(photos / "a.png").read()] == [Entry("a.png", "a.png")]


def test_boxes_of_coco(regions: Entries, photos: Path) -> None:
    found = [*regions.read()]
    assert regions.root == photos
    assert [entry.id for entry in found] == ["0", "1", "10", "11", "20", "21"]
    assert found[1] == Entry("1", "a.png", "dog", Box(40, 20, 90, 50))
    assert [*regions.read()] == found, "entries can be read twice"


def test_a_corpus(data: Path) -> None:
    found = [*read_entries(data).read()]
    assert [(entry.id, entry.image, entry.text, entry.box) for entry in found] == [
        (sample.id, sample.image, sample.gold.text, sample.region.box) for sample in scar.read(data)
    ]


def test_boxes_of_a_turned_image_are_in_the_displayed_frame(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: 40 x 20 is displayed as 20 x 40
    Image.new("RGB", (40, 20), "teal").save(tmp_path / "turned.jpg", exif=exif)
    content = {
        "images": [{"id": 1, "file_name": "turned.jpg", "width": 40, "height": 20}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 5], "iscrowd": 0}],
        "categories": [{"id": 1, "name": "cup"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    entries = read_entries(tmp_path / "boxes.json", tmp_path)
    assert [entry.box for entry in entries.read()] == [Box(15, 0, 20, 10)]
    assert list_passed_over(entries.tally) == ["1 repaired: turned_upright"]


def test_a_bad_record_stops_or_is_counted(instances: Path, photos: Path, tmp_path: Path) -> None:
    content = json.loads(instances.read_text())
    content["annotations"][2]["bbox"] = [5, 5, 0, 9]
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(content))
    with pytest.raises(BadRecord, match="annotation 10: box"):
        [*read_entries(bad, photos).read()]
    entries = read_entries(bad, photos, skip_bad=True)
    assert len([*entries.read()]) == 5
    assert sum(entries.tally.rejected.values()) == 1
    assert any(line.startswith("1 left out") for line in list_passed_over(entries.tally))


def test_what_holds_nothing_is_named(photos: Path, instances: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: does not exist; give images"):
        read_entries(tmp_path / "absent")
    with pytest.raises(InputError, match=r"instances.json: annotations need the folder of their images"):
        read_entries(instances)
    with pytest.raises(InputError, match=r"no image in it \(0 other files\)"):
        read_entries(tmp_path)
    with pytest.raises(InputError, match=r"nowhere: does not exist; --images"):
        read_entries(instances, tmp_path / "nowhere")


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(VirtueError, match="id 'a' stands twice"):
        [*check_ids(iter([Entry("a", "x"), Entry("b", "x"), Entry("a", "y")]))]
