"""Toy items for the check of an embedder, and pairs of them that differ in one part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmeb_eval.item import Item, Lasso, Phrase, Points, Polygon, Prompt, Scribble
from mmeb_eval.templates import apart
from mmeb_eval.templates.fused import DATA_IMAGE_TOKEN, Layout, make_query_text
from scar.sample import Box, Mask

IMAGE_SIDE = 64
"""Height and width of the toy images in pixels."""

LEFT, RIGHT = Box(4, 4, 24, 60), Box(40, 4, 60, 60)
"""Boxes around the two objects of a toy image."""

INSTRUCTIONS = ("Represent the given image with the following question:", "Find an everyday picture that fits:")

QUESTIONS = ("What is this?", "How many trees stand behind it?")

SCAR_QUERY = (
    f"{DATA_IMAGE_TOKEN}\nFind the caption that best describes the segmented object, "
    "considering both local details and global context in the given image."
)
"""The text of all queries of SCaR, as it stands in the data."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two items that differ in one part.

    Attributes:
        part: the part in which they differ: text, image, instruction, region (a box that the text names), or a kind of
            prompt.
        beside: what both items also have, as words that end a sentence, such as "beside an image"; "alone" if nothing.
        first: one item.
        second: the other item.
    """

    part: str
    beside: str
    first: Item
    second: Item


def draw_toy_items(folder: Path, image_token: str = "") -> list[Item]:
    """Make eight toy items and draw their two images into ``folder``.

    They are two texts, two images, an image with a question, and three images with a question and a box.

    Args:
        folder: an existing folder, which gets ``red.png`` and ``blue.png``.
        image_token: the model's own image token, which stands in the text of each item with an image; empty for none.
    """
    red, blue = draw_toy_image(folder / "red.png", "red"), draw_toy_image(folder / "blue.png", "blue")
    question = f"{image_token}\n{QUESTIONS[0]}".strip()
    return [
        Item(text="a red square"),
        Item(text="a blue disc on the grass, seen from far above on a rainy day"),
        Item(text=image_token, image=red),
        Item(text=image_token, image=blue),
        Item(text=question, image=red),
        Item(text=question, image=red, prompt=LEFT),
        Item(text=question, image=red, prompt=RIGHT),
        Item(text=question, image=blue, prompt=LEFT),
    ]


def make_contrasts(folder: Path, layout: Layout, kinds: Iterable[str]) -> list[Contrast]:
    """Make pairs of items that differ in one part, for each kind of prompt in ``kinds`` too.

    Pairs that the layout makes equal are left out: some layouts drop the instruction.

    Args:
        folder: the folder into which `draw_toy_items` drew the images.
        layout: layout of the embedder's texts.
        kinds: kinds of prompt that the embedder takes.
    """
    red, blue = folder / "red.png", folder / "blue.png"
    both, other = (_make_query(layout, "newline", INSTRUCTIONS[0], text, red) for text in QUESTIONS)
    told = [_make_query(layout, "newline", words, QUESTIONS[0], red) for words in INSTRUCTIONS]
    alone = [_make_query(layout, "text", words, "a red square") for words in INSTRUCTIONS]
    boxes = [_make_query(layout, "region", "", SCAR_QUERY, red, box) for box in (LEFT, RIGHT)]
    contrasts = [
        Contrast("text", "alone", Item("a red square"), Item("two dogs asleep on a green sofa")),
        Contrast("text", "beside an image", both, other),
        Contrast("image", "alone", Item(layout.image_token, red), Item(layout.image_token, blue)),
        Contrast("image", "beside a text", both, replace(both, image=blue)),
        Contrast("instruction", "beside a text", *alone),
        Contrast("instruction", "beside an image and a text", *told),
        Contrast("region", "beside an image", *boxes),
    ]
    for kind in sorted(kinds):
        first, second = make_prompts()[kind]
        drawn = replace(both, prompt=first)
        contrasts += [
            Contrast(kind, "beside an image and a text", drawn, replace(drawn, prompt=second)),
            Contrast("text", f"beside an image with a {kind}", drawn, replace(drawn, text=other.text)),
            Contrast("image", f"beside a text, with a {kind}", drawn, replace(drawn, image=blue)),
        ]
    return [contrast for contrast in contrasts if contrast.first != contrast.second]  # some layouts drop instructions


def _make_query(
    layout: Layout, join: str, instruction: str, text: str, image: Path | None = None, box: Box | None = None
) -> Item:
    """A query as the tasks have it, in the layout's way; ``box`` is the region that its text names."""
    if layout.apart:
        if image is not None and join == "region":
            return apart.make_region_query(text, image, None, box)
        return apart.make_query(instruction, text, image)
    token = "" if image is None or join == "region" else DATA_IMAGE_TOKEN
    return Item(make_query_text(layout, join, token + instruction, text, box=box), image)


def make_prompts() -> dict[str, tuple[Prompt, Prompt]]:
    """For each kind of prompt, one on the left object of a toy image and one on the right object."""
    half = np.arange(IMAGE_SIDE * IMAGE_SIDE).reshape(IMAGE_SIDE, IMAGE_SIDE) % IMAGE_SIDE < IMAGE_SIDE // 2
    return {
        "box": (LEFT, RIGHT),
        "points": (Points(((10, 32),), (1,)), Points(((50, 32),), (1,))),
        "mask": (Mask.from_array(half), Mask.from_array(~half)),
        "polygon": (Polygon(((6, 14), (26, 14), (16, 50))), Polygon(((38, 14), (62, 14), (50, 50)))),
        "lasso": (Lasso(((6, 14), (26, 14), (16, 50))), Lasso(((38, 14), (62, 14), (50, 50)))),
        "scribble": (Scribble((((10, 20), (22, 44)),)), Scribble((((44, 22), (56, 42)),))),
        "phrase": (Phrase("a rectangle"), Phrase("a green disc")),
    }


def draw_toy_image(path: Path, colour: str) -> Path:
    """Draw a toy image with an object on each side."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (IMAGE_SIDE, IMAGE_SIDE), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((8, 16, 24, 48), fill=colour)
    pen.ellipse((40, 16, 60, 48), fill="green")
    image.save(path)
    return path
