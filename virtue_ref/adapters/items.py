"""Make items from what other libraries pass: texts, images in memory, and dictionaries with text, image and prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from mmeb_eval.item import Item, describe_item
from scar.common.image_bytes import ImageBytes, ImageFile
from scar.common.image_values import make_image_file
from scar.errors import ItemError
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.inference.records import read_record


def find_image(value: Any) -> ImageFile:
    """The image file of a value: a path, bytes, an image of Pillow, an array, or (frames, index).

    Raises:
        ItemError: the value is no image, or its pixels cannot be displayed.
    """
    image = make_image_file(value)
    if not isinstance(image, ImageFile):
        raise ItemError(f"a {type(value).__name__} is no image: give a path, bytes, an image of Pillow or an array.")
    return image


def make_item(value: Any) -> Item:
    """Make an item of any value that a library may pass.

    Args:
        value: a `str`, which is a text and never a path; an image, as a `Path`, bytes, a Pillow image or an array;
            a dictionary with keys of `virtue_ref.inference.records`; or an `Item`, which is returned unchanged.

    Raises:
        ItemError: the value is none of these, or a key or value of the dictionary cannot be used.
    """
    match value:
        case Item():
            return value
        case str():
            return Item(value)
        case Image() | Path() | ImageBytes() | bytes() | np.ndarray():
            return Item("", find_image(value))
        case Mapping():
            return read_record(value, find_image)
    raise ItemError(f"a {type(value).__name__} is no item: give a text, a picture or a dictionary of them.")


def make_items(values: Iterable[Any]) -> list[Item]:
    """Make an item of each value, in order; see `make_item`.

    Raises:
        ItemError: as `make_item`. The message begins with the value and names no index: the library may have sorted or
            cut the user's list.
    """
    items = []
    for value in values:
        try:
            items.append(make_item(value))
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
