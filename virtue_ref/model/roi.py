"""Region features without a segmenter: image tokens pooled inside a box replace the segment tokens.

There are as many pooled tokens as segment tokens, at the same positions, so a comparison of the two measures what the
segmenter is worth.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmeb_eval.regions.strategies import compute_cell_shares
from scar.sample import Box


def make_roi_weights(box: Box | None, size: tuple[int, int], grid: tuple[int, int], side: int) -> Tensor:
    """Make weights that pool image tokens: a box is cut into side x side cells; each cell averages tokens by area.

    Args:
        box: the region in pixels of the image that the model sees. It counts in whole pixels: all that it touches, at
            least one; what is outside the image does not count. None is the whole image.
        size: (width, height) of that image in pixels.
        grid: (rows, columns) of the image's tokens, which cover the whole image.
        side: number of cells along each side of the box; side * side is the number of segment tokens.

    Returns:
        (side * side, rows * columns) float32. Cells and tokens are both counted row by row. The weights of a cell sum
        to 1.
    """
    down, across = compute_cell_shares(box or Box(0, 0, *size), size, grid, side)
    return torch.from_numpy(np.kron(down, across).astype(np.float32))
