"""Boxes that do not fit the sizes of their images are told by these sizes, before any record is refused."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from scar.annotations.coco_index import index_annotations
from scar.errors import InputError
from tests.scar.annotations.box_writing import draw_boxes

WIDTH, HEIGHT = 160, 100


def write_set(folder: Path, said: tuple[int, int], scale: float = 1, with_polygons: bool = True) -> Path:
    """Twelve images of 160x100 pixels with boxes at all edges, said to have another size; boxes are scaled."""
    rng = Random(3)
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "dog"}]}
    for number in range(1, 13):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / f"{number}.png")
        content["images"].append({"id": number, "file_name": f"{number}.png", "width": said[0], "height": said[1]})
        for box in [*draw_boxes(rng, 3, WIDTH, HEIGHT), (WIDTH - 40.0, 10.0, 40.0, 30.0)]:
            x, y, w, h = (scale * number for number in box)
            record = {"id": len(content["annotations"]) + 1, "image_id": number, "category_id": 1, "bbox": [x, y, w, h]}
            record |= {"area": box[2] * box[3]}
            if with_polygons:
                record["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            content["annotations"].append(record)
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("with_polygons", [False, True])
def test_width_and_height_that_are_exchanged_are_named(tmp_path: Path, skip_bad: bool, with_polygons: bool) -> None:
    path = write_set(tmp_path, (HEIGHT, WIDTH), with_polygons=with_polygons)
    with pytest.raises(
        InputError, match=r"sizes are others: 1\.png is 160x100, said to be 100x160: swap the width and"
    ):
        index_annotations(path, skip_bad, tmp_path)


@pytest.mark.parametrize(("said", "factor"), [((80, 50), "2"), ((40, 25), "4")])
def test_sizes_and_boxes_of_a_smaller_copy_are_named_with_the_factor(
    tmp_path: Path, said: tuple[int, int], factor: str
) -> None:
    path = write_set(tmp_path, said, scale=said[1] / HEIGHT, with_polygons=False)
    with pytest.raises(InputError, match=rf"1\.png is 160x100, said to be .*x.*: it is scaled by {factor};"):
        index_annotations(path, False, tmp_path)


def test_sizes_of_a_smaller_copy_with_boxes_of_the_images_are_named(tmp_path: Path) -> None:
    path = write_set(tmp_path, (80, 50))
    with pytest.raises(InputError, match=r"1\.png is 160x100, said to be 80x50: it is scaled by 2; give the images"):
        index_annotations(path, False, tmp_path)


def test_right_sizes_and_images_that_are_not_there_are_no_matter(tmp_path: Path) -> None:
    path = write_set(tmp_path, (WIDTH, HEIGHT))
    assert len(index_annotations(path, False, tmp_path).image_ids) == 48
    assert len(index_annotations(path, False, tmp_path / "elsewhere").image_ids) == 48
