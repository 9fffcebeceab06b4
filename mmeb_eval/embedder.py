"""What is embedded, and what embeds it: `Item`, `Prompt`, the one-method `Embedder`, and how a name becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from scar.sample import Box, Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Points:
    """Clicks on an image, and the box drawn together with them if any.

    Attributes:
        xy: (x, y) pairs in pixels of the original image.
        labels: 1 for a click on the thing, 0 for a click beside it; one a pair.
        box: a rectangle that belongs to the same prompt.
    """

    xy: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    box: Box | None = None


Prompt: TypeAlias = Box | Points | Mask
"""What a user draws on an image, in pixels of the original image."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one vector stands for: text, an image, a thing in an image, or a mix.

    Equal items have equal vectors, so the evaluator embeds each distinct one once.

    Attributes:
        text: the words, with the model's own image token in it if its layout wants one; may be empty.
        image: the image file; it is opened as late as possible.
        prompt: what is drawn on the image.
    """

    text: str = ""
    image: Path | None = None
    prompt: Prompt | None = None


class Embedder(Protocol):
    """Anything with a name and one method. No base class and no import of ours is needed.

    Two attributes are read where they exist:

    - ``layout``: how instruction and text are joined, a name from `mmeb_eval.layouts.LAYOUTS` (default ``"plain"``).
    - ``prompts``: kinds of prompt it takes, of ``"box"``, ``"points"``, ``"mask"`` (default none); for the others the
      evaluator says the region in another way and the result names it.
    """

    @property
    def name(self) -> str:
        """Model and revision, as results and the cache key show it."""
        ...

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Return (len(items), D) float32 rows of L2 norm 1, in the order given."""
        ...
