"""What one vector stands for: `Item`, and the `Prompt` that a user draws on its image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scar.sample import Box, Mask


@dataclass(frozen=True, slots=True)
class Points:
    """Clicks on an image, and the box that is drawn with them, if any.

    Attributes:
        xy: (x, y) pairs in pixels of the original image.
        labels: one for each pair; 1 for a click on the object, 0 for a click beside it.
        box: a rectangle of the same prompt.
    """

    xy: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    box: Box | None = None


Prompt: TypeAlias = Box | Points | Mask
"""What a user draws on an image, in pixels of the original image."""

PROMPT_KINDS: Mapping[str, type] = {"box": Box, "points": Points, "mask": Mask}
"""Values of an embedder's ``prompts`` -> type of the prompt."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one vector stands for: text, an image, an object in an image, or a mix.

    Equal items have equal vectors, so the evaluator embeds each distinct item once.

    Attributes:
        text: may be empty; holds the model's image token if its layout has one.
        image: the image file; opened as late as possible.
        prompt: drawn on the image.
    """

    text: str = ""
    image: Path | None = None
    prompt: Prompt | None = None


def describe_item(item: Item) -> str:
    """An item in a few words, for messages."""
    parts = [] if item.image is None else [f"image {item.image.name}"]
    if item.prompt is not None:
        parts.append(str(item.prompt) if isinstance(item.prompt, Box | Points) else "a mask")
    if item.text or not parts:
        words = " ".join(item.text.split())
        parts.append(f"text {words if len(words) <= 60 else words[:57] + '...'!r}")
    return f"the item ({', '.join(parts)})"
