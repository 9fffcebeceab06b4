"""Records become items; a key or value that would be lost is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.item import Item, Points
from scar.errors import ItemError
from scar.sample import Box, Mask
from virtue_ref.inference.records import read_record


def test_none_is_as_good_as_absent(picture: Callable[..., Path]) -> None:
    image = picture(90, 70)
    nothing = dict.fromkeys(("text", "image", "box", "points", "labels", "mask"))
    assert read_record({**nothing, "text": "a"}, Path) == Item("a")
    assert read_record({**nothing, "image": image}, Path) == Item("", image)
    assert read_record({**nothing, "image": image, "points": [[1, 2]]}, Path) == Item(
        "", image, Points(((1, 2),), (1,))
    )
    assert read_record({**nothing, "text": "a", "image": image, "box": (1, 2, 3, 4)}, Path).prompt == Box(1, 2, 3, 4)
    polygon = read_record({"image": image, "mask": [[20, 10, 60, 10, 60, 40, 20, 40]]}, Path).prompt
    assert isinstance(polygon, Mask)
    assert polygon.to_array().sum() == 40 * 30
    assert read_record({"id": 3, "text": "a"}, Path, also=("id",)) == Item("a")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"bbox": [1, 2, 3, 4]}, "unknown key 'bbox': did you mean box. an item has .*; box is x0, y0, x1, y1"),
        ({"bboxes": [1, 2, 3, 4]}, "unknown key 'bboxes': did you mean box"),
        ({"txt": "a"}, "unknown key 'txt': did you mean text"),
        ({"images": "a.png"}, "unknown key 'images': did you mean image"),
        ({"segmentation": []}, "unknown key 'segmentation': an item has box, image, labels, mask, points, text"),
        ({3: "a"}, "unknown key '3'"),
        ({"text": 5}, "text 5 is no string: put it in quotes"),
        ({"text": ["a", "b"]}, "is no string"),
        ({"text": float("nan")}, "text nan is no string"),
        ({"text": "a", "box": [1, 2, 3, 4]}, "a prompt without an image"),
        ({"text": "a", "mask": "mask.png"}, "a prompt without an image"),
        ({"image": "a.png", "labels": [1]}, r"labels \[1\] without points"),
        ({"image": "a.png", "box": [1, 2, 3, 4], "labels": [1]}, r"labels \[1\] without points"),
        ({"image": "a.png", "box": [1, 2, 3, 4], "mask": "m.png"}, "a mask comes without box or points"),
        ({"image": "a.png", "points": [[1, 2]], "labels": []}, "1 points need as many labels"),
        ({"image": "a.png", "mask": [[1, 2, 3, 4, 5, 6]]}, r"a\.png: no such image"),
    ],
)
def test_what_is_no_item(record: dict[Any, Any], message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        read_record(record, Path)
    assert "\n" not in str(caught.value)
