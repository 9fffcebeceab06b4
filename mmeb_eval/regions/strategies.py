"""Region strategies: ways to tell a model which object is meant if it takes no boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mmeb_eval.data.images import open_rgb, read_image_header
from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item, describe_item
from mmeb_eval.regions.box_problems import find_box_problem
from mmeb_eval.wrapped_embedder import WrappedEmbedder
from scar.common.image_bytes import ImageBytes
from scar.common.image_values import encode_picture
from scar.errors import DataError, EvalError, UnknownName
from scar.sample import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


def crop_to_box(image: Image, box: Box) -> Image:
    """The part of the image inside the box (in the image's pixels): all pixels that it touches, at least one."""
    return image.crop(_find_pixels(image.size, box))


def draw_red_circle(image: Image, box: Box) -> Image:
    """A copy of the image with a red ellipse, whose inner edge touches the sides of the box (in the image's pixels).

    The line is as wide as 1% of the image's shorter side, at least 2 pixels. Source: arXiv 2304.06712.
    """
    from PIL import ImageDraw

    width = max(2, round(min(image.size) / 100))
    x0, y0, x1, y1 = _find_pixels(image.size, box)
    drawn = image.copy()
    ImageDraw.Draw(drawn).ellipse((x0 - width, y0 - width, x1 - 1 + width, y1 - 1 + width), outline="red", width=width)
    return drawn


def blur_outside(image: Image, box: Box) -> Image:
    """A copy of the image, blurred except inside the box (in the image's pixels): all pixels that it touches are kept.

    The standard deviation of the blur is 5% of the image's shorter side. Source: arXiv 2306.04356.
    """
    from PIL import ImageFilter

    inside = _find_pixels(image.size, box)
    blurred = image.filter(ImageFilter.GaussianBlur(min(image.size) / 20))
    blurred.paste(image.crop(inside), inside[:2])
    return blurred


IMAGE_STRATEGIES: Mapping[str, Callable[[Image, Box], Image]] = {
    "crop": crop_to_box,
    "red-circle": draw_red_circle,
    "blur": blur_outside,
}
"""Strategies that change the image; the text does not name the region."""

METHOD_STRATEGIES: Mapping[str, str] = {"roi": "embed_roi", "text-bare": "embed_bare"}
"""Strategy -> the method of the embedder that it calls, see `mmeb_eval.embedder.Embedder`."""

TEXT_STRATEGIES = ("text", "text-bare")
"""Strategies that write the box into the text, as the official baselines do."""

WHOLE_IMAGE = "whole-image"
"""Strategy that hides the region; its score shows how well a model guesses without knowing the object."""

STRATEGIES = (*TEXT_STRATEGIES, *IMAGE_STRATEGIES, "roi", WHOLE_IMAGE)
"""Values of ``--region``."""


def apply_strategy(embedder: Embedder, strategy: str) -> Embedder:
    """Wrap an embedder in a region strategy; the new embedder is named ``<name>+<strategy>``.

    Raises:
        UnknownName: the strategy is none of `STRATEGIES`.
        EvalError: the embedder lacks the method that the strategy needs.
    """
    if strategy not in STRATEGIES:
        raise UnknownName("region strategy", strategy, STRATEGIES, f"it is one of {', '.join(STRATEGIES)}.")
    method = METHOD_STRATEGIES.get(strategy)
    if method is not None and not callable(getattr(embedder, method, None)):
        others = ", ".join(other for other in STRATEGIES if other not in METHOD_STRATEGIES)
        raise EvalError(f"{embedder.name} has no {method}, which {strategy} needs; any model takes {others}.")
    return RegionAdapter(embedder, strategy)


class RegionAdapter(WrappedEmbedder):
    """An embedder with a region strategy: it tells another embedder in the strategy's way which region is meant.

    Attributes:
        region: name of the strategy, as in results.
        prompts: ``("box",)``; empty for a strategy whose items have no boxes, as the evaluator writes them into the
            texts or leaves them out.
    """

    def __init__(self, inner: Embedder, region: str) -> None:
        super().__init__(inner, f"+{region}")
        self.region = region
        self.prompts = () if region in (*TEXT_STRATEGIES, WHOLE_IMAGE) else ("box",)

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Apply the strategy and return the inner embedder's (len(items), D) rows.

        A strategy of `IMAGE_STRATEGIES` gives the inner embedder items with changed images and no boxes; the images
        are in memory (`scar.common.image_bytes.ImageBytes`). An item without a box stays as it is. A strategy of
        `METHOD_STRATEGIES` gives all items unchanged to another method of the inner embedder.

        Raises:
            DataError: an item has a prompt of another kind than `prompts`, a box without an image, or a box that cannot
                be meant; see `mmeb_eval.regions.box_problems.find_box_problem`.
        """
        items = list(items)
        for item in items:
            if item.prompt is not None and (not self.prompts or not isinstance(item.prompt, Box)):
                kinds = "boxes only" if self.prompts else "no prompt"
                raise DataError(f"{describe_item(item)}: {self.name} takes {kinds}.")
            if item.prompt is not None and item.image is None:
                raise DataError(f"{describe_item(item)}: a box without an image.")
            if item.image is not None and isinstance(item.prompt, Box):
                problem = find_box_problem(item.prompt, read_image_header(item.image).size)
                if problem is not None:
                    raise DataError(f"{describe_item(item)}: {problem}")
        if self.region in METHOD_STRATEGIES:
            vectors: NDArray[np.float32] = getattr(self.inner, METHOD_STRATEGIES[self.region])(items)
            return vectors
        drawn: dict[tuple[object, Box], ImageBytes] = {}
        return self.inner.embed([self._draw_box(item, drawn) for item in items])

    def _draw_box(self, item: Item, drawn: dict[tuple[object, Box], ImageBytes]) -> Item:
        """Replace the item's image by one that shows its box, and drop the box; an item without one stays as it is."""
        if item.image is None or not isinstance(item.prompt, Box):
            return item
        key = (item.image, item.prompt)
        if key not in drawn:
            drawn[key] = encode_picture(IMAGE_STRATEGIES[self.region](open_rgb(item.image), item.prompt))
        return replace(item, image=drawn[key], prompt=None)


def pool_box(grid: NDArray[np.float32], box: Box, size: tuple[int, int], side: int = 1) -> NDArray[np.float32]:
    """Cut a box into equal parts and take the mean of an image's features over each.

    In a mean, a cell of the grid weighs as much as the area of the part that it covers. The box counts in whole
    pixels of the image: all that it touches, or the nearest one if it touches none.

    Args:
        grid: (rows, columns, D) features; the cells divide the whole image equally.
        box: the box in pixels of the image.
        size: (width, height) of the image in pixels.
        side: number of parts along each side of the box.

    Returns:
        (side * side, D) means, one for each part, row by row; (D,) if ``side`` is 1.

    >>> import numpy as np
    >>> pool_box(np.float32([[[1], [3]]]), Box(0, 0, 15, 10), (20, 10))  # two thirds of it are in the first cell
    array([1.6666666], dtype=float32)
    """
    import numpy as np

    down, across = compute_cell_shares(box, size, (grid.shape[0], grid.shape[1]), side)
    pooled: NDArray[np.float32] = np.einsum("yr,xc,rcd->yxd", down, across, grid.astype(np.float64)).astype(np.float32)
    return pooled[0, 0] if side == 1 else pooled.reshape(side * side, -1)


def compute_cell_shares(
    box: Box, size: tuple[int, int], cells: tuple[int, int], side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut a box into equal parts and compute how much of each lies in each row, and in each column, of a grid.

    Args:
        box: the box in pixels of the image; all pixels of the image that it touches count, or else the nearest one.
        size: (width, height) of the image in pixels.
        cells: (rows, columns) of the grid, whose cells divide the whole image equally.
        side: number of parts along each side of the box.

    Returns:
        (side, rows) shares of the parts from top to bottom, and (side, columns) shares of the parts from left to right;
        the shares of each part sum to 1.
    """
    x0, y0, x1, y1 = _find_pixels(size, box)
    down = _compute_overlaps(y0 / size[1], y1 / size[1], cells[0], side)
    across = _compute_overlaps(x0 / size[0], x1 / size[0], cells[1], side)
    return down, across


def _compute_overlaps(low: float, high: float, cells: int, parts: int) -> NDArray[np.float64]:
    """(parts, cells) share of each part that lies in each cell: equal parts of low..high, equal cells of 0..1."""
    import numpy as np

    edges = np.linspace(low * cells, high * cells, parts + 1)
    starts = np.arange(cells)
    inside = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    weights = np.clip(inside, 0, None)
    normal: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normal


def _find_pixels(size: tuple[int, int], box: Box) -> tuple[int, int, int, int]:
    """The pixels that a box touches, at least one, inside an image of that width and height."""
    width, height = size
    x0 = min(max(math.floor(box.x0), 0), width - 1)
    y0 = min(max(math.floor(box.y0), 0), height - 1)
    return x0, y0, max(min(math.ceil(box.x1), width), x0 + 1), max(min(math.ceil(box.y1), height), y0 + 1)
