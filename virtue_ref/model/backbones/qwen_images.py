"""Images as the vision encoders of Qwen's models take them: resized, normalised and cut into patches.

Images are prepared with PIL and numpy: transformers' default image processor resizes with torchvision, whose pixels
differ by up to 0.13 from those that the published weights were trained with.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from scar.common.pixels import to_rgb
from virtue_ref.config import RESOLUTIONS, ImageRules

TINY_SIDE = 28
"""An image with a side below this many pixels is first resized to a square with twice this side."""

MAX_ASPECT_RATIO = 200
"""Above this ratio of longer to shorter side, an image is treated as a square of its longer side."""


def count_patches(size: tuple[int, int], rules: ImageRules) -> tuple[int, int]:
    """Count the (rows, columns) of patches of an image of (width, height) pixels, before it is resized."""
    if rules.resolution is not None:
        size = (RESOLUTIONS[rules.resolution],) * 2
    if min(size) < TINY_SIDE:
        size = (2 * TINY_SIDE,) * 2
    height, width = smart_resize(size[1], size[0], rules)
    return height // rules.patch, width // rules.patch


def smart_resize(height: int, width: int, rules: ImageRules) -> tuple[int, int]:
    """Return the (height, width) to which an image is resized, in pixels: multiples of a token's side.

    Each side goes to the nearest multiple. If the area is then too large or too small for the rules, both sides are
    scaled by one factor instead, and rounded down or up. An image becomes a square first if a side is shorter than a
    token's or the aspect ratio exceeds `MAX_ASPECT_RATIO`. A thin image that has to shrink keeps at least one token in
    its shorter side, where the release fails; then the longer side is cut to what the area allows.

    Source: Qwen2-VL's smart_resize in the variant of the VIRTUE release, which makes the squares.

    >>> smart_resize(98, 70, ImageRules())
    (112, 56)
    """
    factor = rules.factor
    if min(height, width) < factor or max(height, width) / min(height, width) > MAX_ASPECT_RATIO:
        height = width = max(factor, height, width)
    fitted = round(height / factor) * factor, round(width / factor) * factor  # halves go to the even multiple
    if fitted[0] * fitted[1] > rules.max_pixels:
        shrink = math.sqrt(height * width / rules.max_pixels)
        tokens = [max(1, math.floor(side / shrink / factor)) for side in (height, width)]
        longest = rules.max_pixels // factor**2 // min(tokens)
        return min(tokens[0], longest) * factor, min(tokens[1], longest) * factor
    if fitted[0] * fitted[1] < rules.min_pixels:
        grow = math.sqrt(rules.min_pixels / (height * width))
        return math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return fitted


def make_pixels(image: Image.Image, rules: ImageRules) -> NDArray[np.float32]:
    """Resize and normalise an image for the vision encoder; returns (3, H, W) float32.

    The order of the steps changes the pixels. An image that becomes a square is resized in its stored mode (a palette
    image by nearest neighbour, alpha premultiplied). Only then is alpha dropped; it is not blended with a background.
    """
    if rules.resolution is not None:
        image = image.resize((RESOLUTIONS[rules.resolution],) * 2)
    if min(image.size) < TINY_SIDE:
        image = image.resize((2 * TINY_SIDE,) * 2)
    height, width = smart_resize(image.height, image.width, rules)
    pixels = np.asarray(to_rgb(image).resize((width, height), Image.Resampling.BICUBIC))  # (H, W, 3) uint8
    scaled = (pixels.astype(np.float64) * (1 / 255)).astype(np.float32)
    normal = (scaled - np.array(rules.mean, np.float32)) / np.array(rules.std, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))  # (3, H, W)


def make_patches(pixels: NDArray[np.float32], rules: ImageRules) -> Tensor:
    """Cut (3, H, W) pixels into (rows * columns, 3 * frames * patch * patch) patches.

    The merge * merge patches of a token follow each other; tokens follow each other row by row.
    """
    _, height, width = pixels.shape
    patch, merge = rules.patch, rules.merge
    blocks = pixels.reshape(3, height // rules.factor, merge, patch, width // rules.factor, merge, patch).transpose(
        1, 4, 2, 5, 0, 3, 6
    )  # (block row, block column, row in it, column in it, 3, patch, patch)
    still = np.repeat(blocks[..., None, :, :], rules.frames, axis=-3)  # (..., 3, frames, patch, patch)
    return torch.from_numpy(still.reshape(-1, 3 * rules.frames * patch * patch))
