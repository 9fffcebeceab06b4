"""Region features without a segmenter: image tokens pooled inside a box, instead of segment tokens.

The comparison measures what the segmenter is worth: as many tokens at the same positions, from another source.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmeb_eval.regions.strategies import compute_cell_shares
from scar.sample import Box


def make_roi_weights(box: Box | None, size: tuple[int, int], grid: tuple[int, int], side: int) -> Tensor:
    """Weights that pool image tokens: a box is cut into equal parts, and each part averages tokens by area.

    Args:
        box: in pixels of the image; None is the whole image.
        size: width and height of the image in pixels.
        grid: rows and columns of the vision tokens, which cover all of the image.
        side: parts a side.

    Returns:
        (side * side, rows * columns) float32, both row by row; each row has the sum 1.
    """
    down, across = compute_cell_shares(box or Box(0, 0, *size), size, grid, side)
    return torch.from_numpy(np.kron(down, across).astype(np.float32))
