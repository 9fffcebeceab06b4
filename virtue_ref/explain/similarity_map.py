"""Where an image is like a text: the similarity of a window around each cell of a grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from scar.common.files import make_count
from scar.common.image_bytes import ImageFile
from scar.errors import InputError, ItemError
from scar.sample import Box

CELLS = 8
"""Number of cells along the longer side of an image, unless another is asked for."""

MOST_CELLS = 64
"""64 x 64 windows take as long as 4,096 items of `embed`."""

WINDOW = 3
"""Side of a window in cells: smaller ones show parts of things, which models know less well."""


def make_windows(size: tuple[int, int], cells: int = CELLS) -> list[list[Box]]:
    """Make the windows of an image, row by row, one around each cell.

    Args:
        size: (width, height) of the displayed image in pixels.
        cells: number of cells along the longer side; the shorter one has as many as make cells nearly square.

    Returns:
        Rows of boxes in pixels: squares of `WINDOW` cells a side, cut at the image's edges.

    Raises:
        InputError: `cells` is no whole number from 1 to `MOST_CELLS`.
    """
    if make_count(cells, "cells") > MOST_CELLS:
        raise InputError(f"cells = {cells}: the longer side of the image has at most {MOST_CELLS}.")
    longer = max(size)
    columns, rows = (max(1, round(cells * side / longer)) for side in size)
    width, height = size[0] / columns, size[1] / rows
    reach = (WINDOW - 1) / 2
    return [
        [
            Box(
                max(0.0, (column - reach) * width),
                max(0.0, (row - reach) * height),
                min(float(size[0]), (column + 1 + reach) * width),
                min(float(size[1]), (row + 1 + reach) * height),
            )
            for column in range(columns)
        ]
        for row in range(rows)
    ]


def map_similarity(
    embedder: Embedder, image: ImageFile, size: tuple[int, int], text: str, instruction: str, cells: int = CELLS
) -> NDArray[np.float32]:
    """Compare a text with the windows of an image, each embedded as a region with the whole image as its context.

    Args:
        embedder: a model that takes boxes.
        image: the image.
        size: (width, height) of the displayed image in pixels.
        text: the text.
        instruction: text of the windows' items.
        cells: see `make_windows`.

    Returns:
        (rows, columns) cosines.

    Raises:
        ItemError: the text is empty, or the image cannot be embedded.
        InputError: see `make_windows`.
    """
    if not text.strip():
        raise ItemError("an empty text is like nothing: say what to look for.")
    windows = make_windows(size, cells)
    items = [Item(instruction, image, box) for row in windows for box in row]
    vectors = embedder.embed([Item(text), *items])
    similarity: NDArray[np.float32] = vectors[1:] @ vectors[0]
    return similarity.reshape(len(windows), -1)


def find_peak(similarity: NDArray[np.float32], size: tuple[int, int]) -> tuple[float, float]:
    """The centre (x, y) in pixels of the cell that is most like the text; of equal ones, the first."""
    rows, columns = similarity.shape
    row, column = divmod(int(similarity.argmax()), columns)
    return (column + 0.5) * size[0] / columns, (row + 0.5) * size[1] / rows


def is_flat(similarity: NDArray[np.float32]) -> bool:
    """Whether all cells are equally like the text, so that a map would show rounding alone."""
    return math.isclose(float(similarity.min()), float(similarity.max()), abs_tol=1e-5)
