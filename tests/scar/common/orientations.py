"""Photographs in all eight orientations, made by Pillow alone: the stored file and its upright twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
