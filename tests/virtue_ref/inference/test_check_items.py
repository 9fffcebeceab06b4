"""What `embed` is given is made one form, or refused by its index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.item import Item, Points
from scar.errors import ItemError
from scar.sample import Box, Mask
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.inference.check_items import check_items

Draw = Callable[..., Path]


def test_loose_items_have_the_vectors_of_strict_ones(tiny: VirtueEmbedder, picture: Draw) -> None:
    image = picture(90, 70)
    inside = np.zeros((70, 90), bool)
    inside[10:40, 20:60] = True
    mask = Mask.from_array(inside)
    strict = [
        Item("x", image, Box(10, 10, 60, 50)),
        Item("x", image, Points(((30, 30), (80, 60)), (1, 0))),
        Item("x", image, mask),
        Item("x", image),
    ]
    loose: list[Any] = [
        Item("x", str(image), np.array([10, 10, 60, 50])),  # type: ignore[arg-type]
        Item("x", image, Points(np.array([[30, 30], [80, 60]]), [1, 0])),  # type: ignore[arg-type]
        Item("x", image, {"size": [70, 90], "counts": mask.counts}),  # type: ignore[arg-type]
        Item("x", str(image)),
    ]
    assert check_items(loose) == strict
    np.testing.assert_array_equal(tiny.embed(loose), tiny.embed(strict))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("a cat", r"embed takes a list of items, not a single str: write embed\(\[...\]\)"),
        (b"a cat", "not a single bytes"),
        (Item("a cat"), "not a single Item"),
        ({"text": "a cat"}, "not a single dict"),
        (None, "not a single NoneType"),
        (["a cat"], r"item 0: a str is no item: give mmeb_eval\.Item"),
        ([Item("a"), None], "item 1: a NoneType is no item"),
        ([Item("a"), Item(None)], "item 1: its text is None, not a string"),  # type: ignore[arg-type]
        ([Item(5)], "item 0: its text is 5, not a string"),  # type: ignore[arg-type]
        ([Item("x", 5)], "item 0: its image is a int, not a path"),
        ([Item("x", b"photo")], "item 0: image in memory [0-9a-f]+: not an image"),
        ([Item("x", None, Box(1, 2, 3, 4))], "item 0: a prompt without an image"),
        ([Item("x", None, [1, 2, 3, 4])], "item 0: a prompt without an image"),  # type: ignore[arg-type]
        ([Item("\ud800")], "item 0: its text holds half a character"),
    ],
)
def test_what_cannot_be_embedded(tiny: VirtueEmbedder, items: Any, message: str) -> None:
    for method in (tiny.embed, tiny.embed_roi, tiny.embed_bare):
        with pytest.raises(ItemError, match=message):
            method(items)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([10, 20, 30], r"box \[10, 20, 30\] is not four numbers"),
        ((0.1, 0.1, 0.5, 0.5), "fractions of the image: multiply x by 90 and y by 70"),
        ((50, 40, 20, 10), "is it x, y, width, height"),
        ((100, 10, 120, 20), "outside the image, which has 90 x 70"),
        ((float("nan"), 10, 120, 20), "not a finite number"),
    ],
)
@pytest.mark.parametrize("method", ["embed", "embed_roi"])
def test_prompts_that_cannot_be_meant(
    tiny: VirtueEmbedder, picture: Draw, prompt: Any, message: str, method: str
) -> None:
    with pytest.raises(ItemError, match=f"item 1: .*{message}"):
        getattr(tiny, method)([Item("a cat"), Item("x", picture(90, 70), prompt)])
