"""CreateML's JSON: boxes by center and sides in pixels."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.file_kind import find_reader
from scar.errors import BadRecord, InputError
from scar.sample import Box, Picture
from tests.scar.annotations.reading import read_labels


def label(name: Any, *center: float, **changes: Any) -> dict[str, Any]:
    return {"label": name, "coordinates": dict(zip(("x", "y", "width", "height"), center, strict=True))} | changes


def read(folder: Path, *images: Any, tally: Tally | None = None, **changes: Any) -> list[Picture]:
    path = folder / "labels" / "boxes.json"
    path.write_text(json.dumps(images))
    return read_labels(folder, "createml", tally, instances=path, **changes)


def test_boxes_are_given_by_their_centers(folder: Path) -> None:
    first, last = read(
        folder,
        {"image": "b.png", "annotations": [label("cup", 40, 30, 80, 60)]},
        {"image": "a.png", "annotations": [label("dog", 20, 20, 10, 20), label("cat", 50.5, 30, 21, 10)], "size": 3},
    )
    assert [(region.category, region.box) for region in first.regions] == [
        ("dog", Box(15, 10, 25, 30)),
        ("cat", Box(40, 25, 61, 35)),
    ]
    assert (last.file, last.regions[0].box) == ("sub/b.png", Box(0, 0, 80, 60))


PLACES = [(60, 0, 20, 30), (55, 40, 25, 20), (0, 30, 30, 30), (70, 50, 10, 10), (10, 10, 40, 50)]
"""x, y, width and height of boxes at all edges of the 80x60 images."""


def test_boxes_that_are_no_centers_are_doubted_and_the_user_may_say_what_they_are(folder: Path) -> None:
    for layout, boxes in (("xywh", PLACES), ("corners", [(x, y, x + w, y + h) for x, y, w, h in PLACES])):
        image = {"image": "a.png", "annotations": [label("dog", *box) for box in boxes]}
        tally = Tally()
        with contextlib.suppress(BadRecord):  # a box may lie outside
            read(folder, image, tally=tally)
        assert tally.doubts == {"boxes_not_centers": 5}
        tally = Tally()
        (picture,) = read(folder, image, tally=tally, boxes=layout)
        assert [region.box.xywh for region in picture.regions] == PLACES
        assert not tally.doubts


def test_centers_at_the_edges_are_not_doubted(folder: Path) -> None:
    image = {"image": "a.png", "annotations": [label("dog", x + w / 2, y + h / 2, w, h) for x, y, w, h in PLACES]}
    tally = Tally()
    (picture,) = read(folder, image, tally=tally)
    assert [region.box.xywh for region in picture.regions] == PLACES
    assert not tally.doubts


@pytest.mark.parametrize("name", ["image", "imagefilename"])
@pytest.mark.parametrize("labels", ["annotations", "annotation"])
def test_both_spellings_of_apple_are_found_and_read(name: str, labels: str, folder: Path) -> None:
    (picture,) = read(folder, {name: "a.png", labels: [label("dog", 20, 20, 10, 20)]})
    assert [(region.category, region.box) for region in picture.regions] == [("dog", Box(15, 10, 25, 30))]
    if labels == "annotations" or name == "imagefilename":
        assert find_reader(folder / "labels" / "boxes.json") == "createml"


@pytest.mark.parametrize(
    ("bad", "problem", "reason"),
    [
        (label(3, 1, 2, 3, 4), r"boxes.json, \[0\], annotations\[1\]: Expected `str`, got `int`", "malformed"),
        (label("dog", 1, 2, -3, 4), "has no area", "empty_box"),
        ({"label": "dog"}, "missing required field `coordinates`", "malformed"),
        (label("dog", 500, 2, 3, 4), "lies outside the 80x60 image", "outside"),
    ],
)
def test_a_broken_label_is_named_and_counted(bad: Any, problem: str, reason: str, folder: Path) -> None:
    image = {"image": "a.png", "annotations": [label("dog", 20, 20, 10, 20), bad]}
    with pytest.raises(BadRecord, match=problem):
        read(folder, image)
    tally = Tally(skip_bad=True)
    assert len(read(folder, image, tally=tally)[0].regions) == 1
    assert (tally.records, tally.rejected) == (2, {reason: 1})


def test_an_image_that_is_not_there_is_named_and_a_file_without_things_refused(folder: Path) -> None:
    with pytest.raises(BadRecord, match=r"boxes.json, \[0\]: no image in .*'z.png'"):
        read(folder, {"image": "z.png", "annotations": [label("dog", 20, 20, 10, 20)]})
    with pytest.raises(BadRecord, match=r"boxes.json, \[0\]: it has no `image`, the name of its file"):
        read(folder, {"picture": "a.png", "annotations": []})
    with pytest.raises(InputError, match="no image has an annotated thing"):
        read(folder, {"image": "a.png", "annotations": []})
