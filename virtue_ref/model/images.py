"""From an image file to what the model looks at: patches for the vision encoder, a square for the segmenter.

Written out here with PIL and numpy because transformers' default Qwen2-VL image processor resizes with torchvision,
whose pixels differ by up to 0.13 from those the published weights were trained with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from scar.common.images import BROKEN, open_image
from scar.errors import ItemError
from virtue_ref.config import RESOLUTIONS, ImageRules, Profile

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
TINY_SIDE = 28
"""An image with a side below this many pixels becomes a square of twice the side first."""

MAX_ASPECT_RATIO = 200
"""A thinner image is treated as a square of its longer side."""

EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


def read_size(path: Path, profile: Profile) -> tuple[int, int]:
    """(width, height) in pixels of the image as the profile sees it; reads the header only.

    Raises:
        ItemError: the file is missing, no image, too large to decode safely, or has pixels of more than 8 bits.
    """
    with _open_image(path) as image:
        turned = profile.applies_exif and _read_orientation(image) in SIDEWAYS
        return (image.height, image.width) if turned else image.size


def read_image(path: Path, profile: Profile) -> Image.Image:
    """The decoded image in its stored mode.

    Raises:
        ItemError: as `read_size`, or the pixels are damaged.
    """
    with _open_image(path) as image:
        turned = profile.applies_exif and _read_orientation(image) != UPRIGHT
        try:
            image.load()
            return ImageOps.exif_transpose(image) if turned else image.copy()
        except BROKEN as error:
            raise ItemError(f"{path}: the image cannot be decoded ({error}).") from error


def count_patches(size: tuple[int, int], rules: ImageRules) -> tuple[int, int]:
    """(rows, columns) of patches that an image of (width, height) becomes; a token is `rules.merge` squared of them."""
    if rules.resolution is not None:
        size = (RESOLUTIONS[rules.resolution],) * 2
    if min(size) < TINY_SIDE:
        size = (2 * TINY_SIDE,) * 2
    height, width = smart_resize(size[1], size[0], rules)
    return height // rules.patch, width // rules.patch


def smart_resize(height: int, width: int, rules: ImageRules) -> tuple[int, int]:
    """(height, width), multiples of the token's side, near the given ones and of an area within the rules.

    Source: Qwen2-VL's smart_resize in the variant of the VIRTUE release, where extreme shapes become squares.

    >>> fit(98, 70, ImageRules())
    (112, 56)
    """
    factor = rules.factor
    if min(height, width) < factor or max(height, width) / min(height, width) > MAX_ASPECT_RATIO:
        height = width = max(factor, height, width)
    fitted = round(height / factor) * factor, round(width / factor) * factor  # halves go to the even multiple
    if fitted[0] * fitted[1] > rules.max_pixels:
        shrink = math.sqrt(height * width / rules.max_pixels)
        return math.floor(height / shrink / factor) * factor, math.floor(width / shrink / factor) * factor
    if fitted[0] * fitted[1] < rules.min_pixels:
        grow = math.sqrt(rules.min_pixels / (height * width))
        return math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return fitted


def make_vision_input(image: Image.Image, rules: ImageRules) -> NDArray[np.float32]:
    """(3, H, W) float32, resized and normalised for the vision encoder.

    The order of the steps is part of the behaviour: squares are resized in the stored mode (a palette image by nearest
    neighbour, alpha premultiplied), and alpha is dropped, not composited, afterwards.
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
    """(rows * columns, 3 * frames * patch * patch): the patches of a (3, H, W) picture, those of a token together."""
    _, height, width = pixels.shape
    patch, merge = rules.patch, rules.merge
    blocks = pixels.reshape(3, height // rules.factor, merge, patch, width // rules.factor, merge, patch).transpose(
        1, 4, 2, 5, 0, 3, 6
    )  # (block row, block column, row in it, column in it, 3, patch, patch)
    still = np.repeat(blocks[..., None, :, :], rules.frames, axis=-3)  # (..., 3, frames, patch, patch)
    return torch.from_numpy(still.reshape(-1, 3 * rules.frames * patch * patch))


def make_segmenter_input(image: Image.Image, vision: NDArray[np.float32], side: int, profile: Profile) -> Tensor:
    """(3, side, side) float32: what the segmenter sees; the aspect ratio is not kept.

    Args:
        image: as read.
        vision: what `make_vision_input` made of it.
        side: of the segmenter's square in pixels.
        profile: which of the two is looked at.
    """
    if profile.segmenter_source == "vision input":
        pixels = torch.from_numpy(vision)
    else:
        pixels = torch.from_numpy(np.array(to_rgb(image)).transpose(2, 0, 1).astype(np.float32) / 255)
    square = functional.interpolate(
        pixels[None], size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )[0]  # (3, side, side)
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return (square - mean[:, None, None]) / std[:, None, None]


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB; alpha is dropped."""
    if "transparency" in image.info:
        # PIL would advise RGBA; here alpha goes anyway. (Its warning cannot be caught in a thread.)
        image = image.copy()
        del image.info["transparency"]
    return image.convert("RGB")


@contextmanager
def _open_image(path: Path) -> Iterator[Image.Image]:
    try:
        with open_image(path) as image:
            if image.mode.startswith(("I", "F")):
                # PIL's conversion to RGB clips at 255: nearly every pixel of a 16-bit image would come out white.
                raise ItemError(f"{path}: pixels of more than 8 bits (mode {image.mode}); save it with 8 bits first.")
            yield image
    except ItemError:  # a ValueError too
        raise
    except FileNotFoundError as error:
        raise ItemError(f"{path}: no such image.") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise ItemError(f"{path}: not an image that can be opened ({error}).") from error


def _read_orientation(image: Image.Image) -> int:
    """EXIF's number, as far as it stands before the pixels: PIL would decode a whole PNG to look behind them."""
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT
    try:
        return int(image.getexif().get(EXIF_ORIENTATION, UPRIGHT))
    except (*BROKEN, TypeError):
        return UPRIGHT
