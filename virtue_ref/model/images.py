"""Read image files as the profile asks, and make the square that the segmenter sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from scar.common.image_bytes import ImageFile
from scar.common.image_header import read_header
from scar.common.images import BROKEN, open_image
from scar.common.orientation import UPRIGHT, invert_orientation, turn_image
from scar.common.pixels import UnclearPixels, decode_upright, to_eight_bits, to_rgb
from scar.errors import ItemError
from virtue_ref.config import Profile
from virtue_ref.model.segmenters.segmenter import IMAGENET, Normalisation

STRIP_PIXELS = 2**18
"""Pixels of an image that are floats at the same time."""


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """How the image that the model sees lies in the displayed image, whose frame is that of users' prompts.

    Attributes:
        size: (width, height) in pixels of the image that the model sees, before it is resized.
        displayed_size: (width, height) in pixels of the image as it is displayed.
        turn: the EXIF orientation, 1 to 8, that turns the displayed image into the one that the model sees; 1 if they
            are the same. See `scar.common.orientation`.
    """

    size: tuple[int, int]
    displayed_size: tuple[int, int]
    turn: int = UPRIGHT


def read_frame(path: ImageFile, profile: Profile) -> ImageFrame:
    """Read the size of an image, as displayed and as a model with this profile sees it, and its turn.

    Only the file's header is read. The profile says whether the model sees the image turned by EXIF.

    Raises:
        ItemError: the file is missing, is not an image, or is too large to decode safely.
    """
    with _name_errors(path):
        header = read_header(path)
        if profile.applies_exif or header.orientation == UPRIGHT or _is_turned_by_pillow(path):
            return ImageFrame(header.size, header.size)
        return ImageFrame(header.stored_size, header.size, invert_orientation(header.orientation))


def read_displayed_size(path: ImageFile) -> tuple[int, int]:
    """Return (width, height) in pixels of an image as it is displayed; only the header is read.

    Raises:
        ItemError: see `read_frame`.
    """
    with _name_errors(path):
        return read_header(path).size


def read_image(path: ImageFile, profile: Profile) -> Image.Image:
    """Decode an image with 8 bits a channel, in the frame of `read_frame`; its mode need not be RGB.

    Raises:
        ItemError: see `read_frame`; or the pixels are damaged, or their brightness is unclear (see
            `scar.common.pixels`).
    """
    with _name_errors(path):
        if profile.applies_exif:
            return decode_upright(path)
        with open_image(path) as image:
            image.load()
            return turn_image(to_eight_bits(image), UPRIGHT)


def make_segmenter_input(
    image: Image.Image,
    prepared: NDArray[np.float32] | None,
    side: int,
    profile: Profile,
    normalisation: Normalisation = IMAGENET,
) -> Tensor:
    """Make the square that the segmenter sees, normalised; the aspect ratio is not kept.

    Args:
        image: the image from `read_image`.
        prepared: (3, H, W) float32 pixels that the backbone made from this image, resized and normalised; None where
            the profile does not use them.
        side: side of the square in pixels.
        profile: its `segmenter_source` says whether the square is made from `image` or from `prepared`.
        normalisation: how the segmenter's pixels are normalised.

    Returns:
        (3, side, side) float32.
    """
    narrow = (
        _narrow(torch.from_numpy(prepared), side)
        if profile.segmenter_source == "vision input" and prepared is not None
        else _narrow_image(to_eight_bits(image), side)
    )  # (3, H, side)
    square = _stretch(narrow, (side, side))
    mean, std = torch.tensor(normalisation.mean), torch.tensor(normalisation.std)
    return (square - mean[:, None, None]) / std[:, None, None]


def _narrow_image(image: Image.Image, side: int) -> Tensor:
    """Stretch the rows of an image of any mode to `side` pixels; returns (3, H, side) float32 from 0 to 1.

    Strip by strip, because the whole image as floats would take four times its memory.
    """
    rows = max(1, STRIP_PIXELS // image.width)
    narrow = torch.empty(3, image.height, side)
    for top in range(0, image.height, rows):
        strip = to_rgb(image.crop((0, top, image.width, min(top + rows, image.height))))
        pixels = torch.from_numpy(np.asarray(strip).transpose(2, 0, 1).astype(np.float32) / 255)  # (3, rows, W)
        narrow[:, top : top + rows] = _narrow(pixels, side)
    return narrow


def _narrow(pixels: Tensor, side: int) -> Tensor:
    """Stretch the rows of (3, H, W) pixels; to stretch both ways at once gives the same numbers."""
    return _stretch(pixels, (pixels.shape[1], side))


def _stretch(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(pixels[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]


@contextmanager
def _name_errors(path: ImageFile) -> Iterator[None]:
    """Turn what goes wrong with an image into an `ItemError` that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise ItemError(f"{path}: no such image.") from error
    except UnclearPixels as error:
        raise ItemError(f"{path}: {error}.") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise ItemError(f"{path}: not an image that can be decoded ({reason}).") from error


def _is_turned_by_pillow(path: ImageFile) -> bool:
    """Whether Pillow itself turns the image, so that the official program sees it as it is displayed: a TIFF."""
    with open_image(path) as image:
        return image.format == "TIFF"
