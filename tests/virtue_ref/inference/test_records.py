"""Records become items; a key or value that would be lost is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.item import Item, Lasso, Phrase, Points, Polygon, Prompt, Scribble
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


def test_drawn_prompts_and_phrases() -> None:
    corners = [[1, 2], (30, 2), np.array([20.0, 40.0])]
    xy = ((1, 2), (30, 2), (20, 40))
    read: list[tuple[dict[str, Any], Prompt]] = [
        ({"polygon": corners}, Polygon(xy)),
        ({"polygon": [*corners, [1, 2]]}, Polygon(xy)),
        ({"lasso": np.array(xy)}, Lasso(xy)),
        ({"scribble": [corners, [[3, 4]]]}, Scribble((xy, ((3, 4),)))),
        ({"scribble": corners, "beside": [[[5, 6], [7, 8]]]}, Scribble((xy,), (((5, 6), (7, 8)),))),
        ({"phrase": " the striped cup "}, Phrase("the striped cup")),
    ]
    for record, prompt in read:
        assert read_record({"image": "a.png", **record}, Path).prompt == prompt


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"bbox": [1, 2, 3, 4]}, "unknown key 'bbox': did you mean box. an item has .*; box is x0, y0, x1, y1"),
        ({"bboxes": [1, 2, 3, 4]}, "unknown key 'bboxes': did you mean box"),
        ({"txt": "a"}, "unknown key 'txt': did you mean text"),
        ({"images": "a.png"}, "unknown key 'images': did you mean image"),
        (
            {"segmentation": []},
            "unknown key 'segmentation': an item has beside, box, image, labels, lasso, mask, phrase, points",
        ),
        ({3: "a"}, "unknown key '3'"),
        ({"text": 5}, "text 5 is no string: put it in quotes"),
        ({"text": ["a", "b"]}, "is no string"),
        ({"text": float("nan")}, "text nan is no string"),
        ({"text": "a", "box": [1, 2, 3, 4]}, "a prompt without an image"),
        ({"text": "a", "mask": "mask.png"}, "a prompt without an image"),
        ({"image": "a.png", "labels": [1]}, r"labels \[1\] without points"),
        ({"image": "a.png", "box": [1, 2, 3, 4], "labels": [1]}, r"labels \[1\] without points"),
        (
            {"image": "a.png", "box": [1, 2, 3, 4], "mask": "m.png"},
            "an item has one prompt, not box and mask; a box may come with points alone",
        ),
        ({"image": "a.png", "points": [[1, 2]], "labels": []}, "1 points need as many labels"),
        ({"image": "a.png", "beside": [[[1, 2]]]}, r"beside \[\[\[1, 2\]\]\] without scribble"),
        ({"image": "a.png", "lasso": [[1, 2]], "polygon": [[1, 2]]}, "one prompt, not polygon and lasso"),
        ({"image": "a.png", "phrase": "a", "box": [1, 2, 3, 4]}, "one prompt, not box and phrase"),
        ({"image": "a.png", "polygon": [1, 2, 3, 4, 5, 6]}, r"polygon \[1, 2, .*\] is not a list of \[x, y\] pairs"),
        ({"image": "a.png", "lasso": "1,2 3,4"}, "lasso '1,2 3,4' is not a list of"),
        ({"image": "a.png", "scribble": [[[1, 2], [3]]]}, r"scribble \[\[1, 2\], \[3\]\] is not a list of"),
        ({"image": "a.png", "scribble": 5}, "scribble 5 is not a list of strokes"),
        ({"image": "a.png", "scribble": [["a", "b"]]}, "scribble .* is not a list of"),
        ({"image": "a.png", "phrase": " "}, "phrase ' ' is no text: name the thing"),
        ({"image": "a.png", "phrase": 5}, "phrase 5 is no text"),
        ({"phrase": "a cup"}, "a prompt without an image"),
        ({"image": "a.png", "mask": [[1, 2, 3, 4, 5, 6]]}, r"a\.png: no such image"),
    ],
)
def test_what_is_no_item(record: dict[Any, Any], message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        read_record(record, Path)
    assert "\n" not in str(caught.value)
