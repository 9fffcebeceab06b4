"""DOTA's label files: rotated boxes by their corners, in pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scar.accounting import Tally
from scar.annotations.file_kind import find_reader
from scar.errors import BadRecord, InputError
from scar.sample import Box
from tests.scar.annotations.reading import read_labels

HEAD = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
DIAMOND = "40 10 60.0 30 40 50 20 30 large-vehicle 0"


def test_rotated_boxes_are_masks_with_a_box_around_them(folder: Path) -> None:
    (folder / "labels" / "a.txt").write_text(f"{HEAD}{DIAMOND}\n10 10 20 10 20 20 10 20 ship 1\n\n")
    (folder / "labels" / "README.txt").write_text("0.1 of all\n")
    assert find_reader(folder / "labels") == "dota"
    (picture,) = read_labels(folder, "dota")
    assert [(region.category, region.box) for region in picture.regions] == [
        ("large-vehicle", Box(20, 10, 60, 50)),
        ("ship", Box(10, 10, 20, 20)),
    ]
    mask = picture.regions[0].with_mask().mask
    assert mask is not None
    rows, columns = np.indices((60, 80)) + 0.5
    inside = abs(columns - 40) + abs(rows - 30) < 20
    assert (mask.to_array() != inside).mean() < 0.02


@pytest.mark.parametrize(
    ("line", "problem", "reason"),
    [
        ("1 2 3 4 5 6 7 8", "is not the x and y of four corners and a category", "malformed"),
        ("1 2 3 4 ship 0", "is not the x and y of four corners", "malformed"),
        ("1 2 3 4 5 6 7 nan ship 0", "is not the x and y of four corners", "malformed"),
        ("500 2 510 2 510 9 500 9 ship 0", "outside the 80x60 image", "outside"),
    ],
)
def test_a_broken_line_is_named_and_counted(line: str, problem: str, reason: str, folder: Path) -> None:
    (folder / "labels" / "a.txt").write_text(f"{HEAD}{DIAMOND}\n{line}\n")
    with pytest.raises(BadRecord, match=f"a.txt, line 4.*{problem}"):
        read_labels(folder, "dota")
    tally = Tally(skip_bad=True)
    assert len(read_labels(folder, "dota", tally)[0].regions) == 1
    assert (tally.records, tally.rejected) == (2, {reason: 1})


def test_files_of_yolo_are_no_files_of_dota_and_the_reverse(folder: Path) -> None:
    path = folder / "labels" / "a.txt"
    for line, reader in (
        ("0 0.5 0.5 0.2 0.2", "yolo"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5 0.9", "yolo"),
        ("-1.0 2 3e2 4 5 6 7 8 plane 0", "dota"),
        ("1 2 3 4 5 6 7 8 kleinbus", "dota"),
    ):
        path.write_text(line + "\n")
        assert find_reader(folder / "labels") == reader
    path.write_text(HEAD)
    with pytest.raises(InputError, match="no image has an annotated thing"):
        read_labels(folder, "dota")


def test_an_image_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "labels" / "z.txt").write_text(DIAMOND)
    with pytest.raises(BadRecord, match=r"z.txt: no image in .*'z'"):
        read_labels(folder, "dota")
