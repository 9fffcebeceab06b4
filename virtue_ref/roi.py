"""Region features without a segmenter: what the vision encoder sees inside a box, in the segment tokens' place.

The comparison that asks what the segmenter is worth: as many tokens at the same positions, only from elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmeb_eval.regions import shares
from scar.sample import Box
from virtue_ref.config import ImageRules
from virtue_ref.images import grid_of


def roi_tokens(tokens: Tensor, size: tuple[int, int], box: Box | None, rules: ImageRules, side: int) -> Tensor:
    """Pool an image's tokens over equal parts of a box, each token weighted with its area in the part.

    Args:
        tokens: (rows * columns, hidden) of the whole image, row by row.
        size: width and height of the image in pixels.
        box: in pixels of the image; None stands for all of it.
        rules: that made the tokens.
        side: parts a side.

    Returns:
        (side * side, hidden), row by row.
    """
    rows, columns = (patches // rules.merge for patches in grid_of(size, rules))
    parts = shares(box or Box(0, 0, *size), size, (rows, columns), side)
    down, across = (torch.from_numpy(share).to(tokens) for share in parts)
    grid = tokens.view(rows, columns, -1)  # (rows, columns, hidden)
    return torch.einsum("yr,xc,rch->yxh", down, across, grid).flatten(0, 1)  # (side * side, hidden)
