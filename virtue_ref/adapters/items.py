"""Make items from inputs of other libraries: texts, images in memory, dictionaries with text, image and prompt."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL.Image import Image

from mmeb_eval.item import Item
from scar.errors import ItemError
from virtue_ref.inference.vector_files import parse_prompt


class ImageFiles:
    """Writes images in memory to temporary files; equal images share a file. The files are deleted with this object."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="virtue-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def write_image(self, picture: Image | Path | str) -> Path:
        """Write an image to a file and return its path; if a path is given, it is returned unchanged."""
        if not isinstance(picture, Image):
            return Path(picture)
        content = hashlib.sha256(f"{picture.mode}{picture.size}".encode() + picture.tobytes()).hexdigest()
        path = self._folder / f"{content}.png"
        if not path.exists():
            keeps = picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA")
            (picture if keeps else picture.convert("RGB")).save(path)
        return path


def make_item(value: Any, image_files: ImageFiles) -> Item:
    """Make an item from a text, an image, or a dictionary with text, image and prompt in the format of `virtue embed`.

    Raises:
        ItemError: the value is none of these, or its prompt is malformed.
    """
    match value:
        case Item():
            return value
        case str():
            return Item(value)
        case Image() | Path():
            return Item("", image_files.write_image(value))
        case Mapping():
            image = value.get("image")
            try:
                prompt = parse_prompt(value, Path())
            except (ValueError, TypeError, LookupError, OSError) as error:
                raise ItemError(f"the prompt is malformed ({error}).") from error
            return Item(value.get("text") or "", None if image is None else image_files.write_image(image), prompt)
    raise ItemError(f"a {type(value).__name__} is no item: give a text, a picture or a dictionary of them.")
