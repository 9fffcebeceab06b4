"""Read image files as the profile asks, and make the square that the segmenter sees."""

from __future__ import annotations

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
from virtue_ref.config import Profile

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


def read_size(path: Path, profile: Profile) -> tuple[int, int]:
    """(width, height) in pixels of an image, turned by its EXIF orientation if the profile does so.

    Only the header is read.

    Raises:
        ItemError: the file is missing, is not an image, is too large to decode safely, or has more than 8 bits a pixel
            and channel.
    """
    with _open_image(path) as image:
        turned = profile.applies_exif and _read_orientation(image) in SIDEWAYS
        return (image.height, image.width) if turned else image.size


def read_image(path: Path, profile: Profile) -> Image.Image:
    """Decode an image in its stored mode, turned by its EXIF orientation if the profile does so.

    Raises:
        ItemError: `read_size` would raise it, or the pixels are damaged.
    """
    with _open_image(path) as image:
        turned = profile.applies_exif and _read_orientation(image) != UPRIGHT
        try:
            image.load()
            return ImageOps.exif_transpose(image) if turned else image.copy()
        except BROKEN as error:
            raise ItemError(f"{path}: the image cannot be decoded ({error}).") from error


def make_segmenter_input(image: Image.Image, prepared: NDArray[np.float32], side: int, profile: Profile) -> Tensor:
    """Make the normalised square that the segmenter sees; the aspect ratio is not kept.

    Args:
        image: the image from `read_image`.
        prepared: (3, H, W) pixels that the backbone made from this image.
        side: side of the square in pixels.
        profile: its `segmenter_source` says whether the square is made from `image` or from `prepared`.

    Returns:
        (3, side, side) float32.
    """
    if profile.segmenter_source == "vision input":
        pixels = torch.from_numpy(prepared)
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
    """EXIF orientation; `UPRIGHT` if there is none.

    In a PNG, EXIF data behind the pixels are ignored: to find them, PIL would decode the whole image.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT
    try:
        return int(image.getexif().get(EXIF_ORIENTATION, UPRIGHT))
    except (*BROKEN, TypeError):
        return UPRIGHT
