"""What one vector stands for: `Item`, and the `Prompt` that a user draws on its image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scar.common.image_bytes import ImageFile
from scar.common.image_values import make_image_file
from scar.sample import Box, Mask


@dataclass(frozen=True, slots=True)
class Points:
    """Clicks on an image, and the box that is drawn with them, if any.

    Attributes:
        xy: (x, y) pairs in pixels of the displayed image.
        labels: a label for each pair; 1 for a click on the object, 0 for a click beside it.
        box: a box that belongs to the same prompt; None if there is none.
    """

    xy: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    box: Box | None = None


XY: TypeAlias = tuple[tuple[float, float], ...]
"""(x, y) pairs in pixels of the displayed image."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outline of straight sides around an object.

    Attributes:
        xy: the corners, in order; the last is joined to the first. Sides do not cross each other.
    """

    xy: XY


@dataclass(frozen=True, slots=True)
class Lasso:
    """A line drawn by hand around an object.

    Attributes:
        xy: points along the line, in order; the last is joined to the first. The line may cross itself: all that it
            runs around belongs to the object.
    """

    xy: XY


@dataclass(frozen=True, slots=True)
class Scribble:
    """Strokes of a pen on an object, and strokes beside it.

    Attributes:
        strokes: strokes on the object, each the points along it, in order.
        beside: strokes on what does not belong to the object.
    """

    strokes: tuple[XY, ...]
    beside: tuple[XY, ...] = ()


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words for an object, which a detector looks for in the image.

    Attributes:
        words: a noun phrase, such as "the striped cup".
    """

    words: str


Prompt: TypeAlias = Box | Points | Mask | Polygon | Lasso | Scribble | Phrase
"""What a user draws on an image, in pixels of the image as it is displayed (in its own size, turned by EXIF); or words
for what it shows."""

PROMPT_KINDS: Mapping[str, type] = {
    "box": Box,
    "points": Points,
    "mask": Mask,
    "polygon": Polygon,
    "lasso": Lasso,
    "scribble": Scribble,
    "phrase": Phrase,
}
"""Name of a kind of prompt, as in an embedder's ``prompts`` -> type of the prompt."""


Side: TypeAlias = Literal["query", "document"]
"""The side of an item: what is searched for, or what is searched."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one vector stands for: text, an image, an object in an image, or a mix.

    Equal items have equal vectors, so the evaluator embeds each distinct item once.

    Attributes:
        text: the text; may be empty. With an image, it holds the model's image token if the model's layout has one.
        image: the image file, which the embedder opens and turns by EXIF; None for text alone. It may be given as a
            path, bytes, an image of Pillow, an array, or (frames, index); see `scar.common.image_values`. What is not a
            path becomes an `ImageBytes`.
        prompt: what is drawn on the image, in pixels of the displayed image; None for nothing.
        instruction: the task's instruction, if the model's layout wants it apart; else it is part of ``text`` and this
            is empty. Candidates have none.
        side: ``query`` or ``document``, if the model's layout wants instructions apart; else None, so that a text has
            one vector on either side.
    """

    text: str = ""
    image: ImageFile | None = None
    prompt: Prompt | None = None
    instruction: str = ""
    side: Side | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            text: str = "",
            image: Any = None,
            prompt: Prompt | None = None,
            instruction: str = "",
            side: Side | None = None,
        ) -> None:
            """Type checkers take an image in any of its forms."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", make_image_file(self.image))


def describe_item(item: Item) -> str:
    """An item in a few words, for error messages: name of the image file, prompt, and the start of its text."""
    parts = [] if item.image is None else [f"image {item.image.name}"]
    if item.prompt is not None:
        parts.append(_describe_prompt(item.prompt))
    if item.text or not parts:
        parts.append(f"text {_shorten(item.text)!r}")
    if item.instruction:
        parts.append(f"instruction {_shorten(item.instruction)!r}")
    return f"the item ({', '.join(parts)})"


def _describe_prompt(prompt: Prompt) -> str:
    match prompt:
        case Box() | Points() | Phrase():
            return str(prompt)
        case Polygon(xy) | Lasso(xy):
            return f"a {type(prompt).__name__.lower()} of {len(xy)} points"
        case Scribble(strokes, beside):
            return f"a scribble of {len(strokes) + len(beside)} strokes"
    return "a mask"


def _shorten(text: str) -> str:
    """The start of a text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}..."
