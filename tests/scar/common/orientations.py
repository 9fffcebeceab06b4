"""Photographs in all eight orientations, made by Pillow alone: the stored file and its upright twin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

ORIENTATIONS = range(1, 9)
TURNED = range(2, 9)


def make_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def draw_scene(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A scene without symmetry: no two orientations of it look alike."""
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    drawn = ImageDraw.Draw(image)
    drawn.rectangle((0, 0, size[0] // 3, size[1] // 4), "red")
    drawn.rectangle((0, size[1] // 2, 9, size[1]), "blue")
    return image


def make_stored(displayed: Image.Image, orientation: int) -> Image.Image:
    """The pixels that a camera would store, so that ``orientation`` turns them into ``displayed``."""
    undone = {6: 8, 8: 6}.get(orientation, orientation)
    marked = displayed.copy()
    marked.getexif()[0x0112] = undone
    return ImageOps.exif_transpose(marked)


def save_stored(displayed: Image.Image, orientation: int, path: Path, **options: Any) -> Path:
    """Save ``displayed`` as a camera would: turned back, with the orientation in EXIF."""
    stored = make_stored(displayed, orientation)
    stored.info.clear()
    stored.save(path, exif=make_exif(orientation), **options)
    return path


def turn_back(xywh: Sequence[float], size: tuple[int, int], orientation: int) -> tuple[float, float, float, float]:
    """A COCO box of the displayed image of that size, in the stored frame; each line worked out by hand."""
    x, y, w, h = xywh
    right, below = size[0] - x - w, size[1] - y - h
    return {
        1: (x, y, w, h),
        2: (right, y, w, h),
        3: (right, below, w, h),
        4: (x, below, w, h),
        5: (y, x, h, w),
        6: (y, right, h, w),
        7: (below, right, h, w),
        8: (below, x, h, w),
    }[orientation]


def turn_back_mask(pixels: NDArray[np.bool_], orientation: int) -> NDArray[np.bool_]:
    """The pixels of a displayed mask as they are stored; Pillow turns them."""
    return np.asarray(make_stored(Image.fromarray(pixels.astype(np.uint8)), orientation)).astype(bool)
