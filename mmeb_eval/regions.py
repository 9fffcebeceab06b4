"""Ways to say a region to a model that takes no box; a strategy turns an item with a box into one without."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mmeb_eval.embedder import Embedder, Item, counts_of, describe, layout_of, settings_of
from mmeb_eval.errors import DataError, UnknownName
from mmeb_eval.images import open_rgb
from scar.sample import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


def crop(image: Image, box: Box) -> Image:
    """What is inside the box and nothing else."""
    return image.crop(_pixels(image, box))


def red_circle(image: Image, box: Box) -> Image:
    """A red ellipse around the box. Source: arXiv 2304.06712."""
    from PIL import ImageDraw

    width = max(2, round(min(image.size) / 100))
    x0, y0, x1, y1 = _pixels(image, box)
    drawn = image.copy()
    ImageDraw.Draw(drawn).ellipse((x0 - width, y0 - width, x1 - 1 + width, y1 - 1 + width), outline="red", width=width)
    return drawn


def blur(image: Image, box: Box) -> Image:
    """The box as it is and everything else out of focus. Source: arXiv 2306.04356."""
    from PIL import ImageFilter

    inside = _pixels(image, box)
    blurred = image.filter(ImageFilter.GaussianBlur(min(image.size) / 20))
    blurred.paste(image.crop(inside), inside[:2])
    return blurred


PICTURES: Mapping[str, Callable[[Image, Box], Image]] = {"crop": crop, "red-circle": red_circle, "blur": blur}
"""Strategies that change the picture; the text then says nothing of the region."""

STRATEGIES = ("text", *PICTURES)
"""Values of ``--region``; ``text`` writes the box into the text, as the official baselines have it."""


def tell(embedder: Embedder, strategy: str) -> Embedder:
    """The embedder, told regions in another way than its own; its name says so.

    Raises:
        UnknownName: there is no such strategy.
    """
    if strategy not in STRATEGIES:
        raise UnknownName("way to tell a region", strategy, STRATEGIES, f"it is one of {', '.join(STRATEGIES)}.")
    return Told(embedder, strategy)


class Told:
    """An embedder that never sees a box: a changed picture or the text says which thing is meant.

    Attributes:
        inner: what embeds.
        region: the strategy's name, as results show it.
        prompts: a box if the picture is to be changed, else nothing.
    """

    def __init__(self, inner: Embedder, region: str) -> None:
        self.inner = inner
        self.region = region
        self.name = f"{inner.name}+{region}"
        self.layout = layout_of(inner)
        self.prompts = ("box",) if region in PICTURES else ()
        self.stored: bool = getattr(inner, "stored", True)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the embedder."""
        return settings_of(self.inner)

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """Those of the embedder."""
        return counts_of(self.inner, items)

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) rows; changed pictures lie in a temporary folder for as long as it takes."""
        with TemporaryDirectory(prefix="mmeb-eval-region-") as folder:
            return self.inner.embed([self._without_box(item, Path(folder)) for item in items])

    def _without_box(self, item: Item, folder: Path) -> Item:
        """The item with the box in its picture."""
        if item.prompt is None:
            return item
        if not isinstance(item.prompt, Box) or item.image is None:
            raise DataError(f"{describe(item)}: {self.region} tells a box on an image and nothing else.")
        key = hashlib.blake2b(repr((str(item.image), item.prompt)).encode("utf-8", "surrogatepass"), digest_size=16)
        path = folder / "region" / f"{key.hexdigest()}.png"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            PICTURES[self.region](open_rgb(item.image), item.prompt).save(path, "PNG", compress_level=1)
        return replace(item, image=path, prompt=None)


def _pixels(image: Image, box: Box) -> tuple[int, int, int, int]:
    """The pixels that a box touches, at least one, inside the image."""
    x0 = min(max(math.floor(box.x0), 0), image.width - 1)
    y0 = min(max(math.floor(box.y0), 0), image.height - 1)
    return x0, y0, max(min(math.ceil(box.x1), image.width), x0 + 1), max(min(math.ceil(box.y1), image.height), y0 + 1)
