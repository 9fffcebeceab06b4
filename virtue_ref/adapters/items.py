"""Make items from what other libraries pass: texts, images in memory, and dictionaries with text, image and prompt."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Exif, Image

from mmeb_eval.item import Item, describe_item
from scar.common.files import replace_file
from scar.common.image_header import ORIENTATION_TAG, read_open_header
from scar.common.images import BROKEN, refuse_truncated
from scar.common.orientation import UPRIGHT, turn_image
from scar.common.pixels import UnclearPixels, to_eight_bits, to_rgb
from scar.errors import ItemError
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.inference.records import read_record

PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's modes whose pixels a PNG keeps as they are."""


class ImageFiles:
    """Writes Pillow images to PNG files in a temporary folder of its own; equal images share a file.

    The folder is deleted when this object is, or when the process ends. A pickled copy gets a new, empty folder.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="virtue-"))
        weakref.finalize(self, _remove_folder, self._folder, os.getpid())

    def __reduce__(self) -> tuple[type[ImageFiles], tuple[()]]:
        return ImageFiles, ()

    def write_image(self, picture: Any) -> Path:
        """Write a Pillow image to a file and return the file's path; a path is returned as it is, unchecked.

        The file has 8 bits a channel and keeps the EXIF orientation: prompts are in pixels of the image as it is
        displayed, turned by EXIF.

        Raises:
            ItemError: `picture` is neither an image of Pillow nor a path, or its pixels cannot be displayed.
        """
        if isinstance(picture, str | os.PathLike):
            return Path(picture)
        if not isinstance(picture, Image):
            raise ItemError(f"a {type(picture).__name__} is no image: give an image of Pillow or the path of a file.")
        try:
            with refuse_truncated():
                picture.load()
            orientation = read_open_header(picture).orientation
            image = turn_image(to_eight_bits(picture), UPRIGHT)  # a copy, without metadata
        except (UnclearPixels, *BROKEN) as error:
            raise ItemError(f"the image cannot be used: {' '.join(str(error).split())}.") from error
        image = image if image.mode in PNG_MODES else to_rgb(image)
        about = f"{image.mode} {image.size} {orientation} {image.getpalette()} {image.info.get('transparency')}"
        path = self._folder / f"{hashlib.sha256(about.encode() + image.tobytes()).hexdigest()}.png"
        if not path.exists():
            exif = Exif()
            exif[ORIENTATION_TAG] = orientation
            with replace_file(path) as unfinished:
                image.save(unfinished, "PNG", exif=exif)
        return path


def _remove_folder(folder: Path, process: int) -> None:
    """Remove a folder, but not from a forked process: the folder belongs to its parent."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def make_item(value: Any, image_files: ImageFiles) -> Item:
    """Make an item of any value that a library may pass.

    Args:
        value: a `str`, which is a text and never a path; an image, as a Pillow image or a `Path`; a dictionary with
            keys of `virtue_ref.inference.records`; or an `Item`, which is returned unchanged.
        image_files: gets the images in memory.

    Raises:
        ItemError: the value is none of these, or a key or value of the dictionary cannot be used.
    """
    match value:
        case Item():
            return value
        case str():
            return Item(value)
        case Image() | Path():
            return Item("", image_files.write_image(value))
        case Mapping():
            return read_record(value, image_files.write_image)
    raise ItemError(f"a {type(value).__name__} is no item: give a text, a picture or a dictionary of them.")


def make_items(values: Iterable[Any], image_files: ImageFiles) -> list[Item]:
    """Make an item of each value, in order; see `make_item`.

    Raises:
        ItemError: as `make_item`. The message begins with the value and names no index: the library may have sorted or
            cut the user's list.
    """
    items = []
    for value in values:
        try:
            items.append(make_item(value, image_files))
        except ItemError as error:
            text = " ".join(repr(value).split())
            raise ItemError(f"{text if len(text) <= 80 else text[:77] + '...'}: {error.reason}") from error
    return items


def embed_items(embedder: VirtueEmbedder, items: Sequence[Item]) -> NDArray[np.float32]:
    """Embed items as (len(items), D) float32 rows of L2 norm 1, in the same order.

    Raises:
        ItemError: an item cannot be embedded. The message describes the item and names no index, as in `make_items`.
        VirtueError: see `VirtueEmbedder.embed`.
    """
    try:
        return embedder.embed(items)
    except ItemError as error:
        if error.index is None:
            raise
        raise ItemError(f"{describe_item(items[error.index])}: {error.reason}") from error
