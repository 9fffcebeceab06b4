"""Check what `embed` is given: several items, whose text, image and prompt are of the right kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError
from virtue_ref.inference.prompt_values import read_prompt
from virtue_ref.model.images import read_displayed_size


def check_items(items: Iterable[Item]) -> list[Item]:
    """Return the items as a list in which prompts are a `Box`, `Points` or a `Mask`.

    The forms of a prompt that are accepted are those of `read_prompt`. Whether the image can be read and the prompt
    lies on it is not checked here.

    Raises:
        ItemError: `items` is a single item or text; or one of them is no item, has a text, image or prompt of another
            kind, or has a prompt without an image: the message names its index.
    """
    if isinstance(items, Item | str | bytes | Mapping) or not isinstance(items, Iterable):
        raise ItemError(f"embed takes a list of items, not a single {type(items).__name__}: write embed([...]).")
    return [_check_item(item, index) for index, item in enumerate(items)]


def _check_item(item: Any, index: int) -> Item:
    try:
        if not isinstance(item, Item):
            raise ItemError(f"a {type(item).__name__} is no item: give mmeb_eval.Item(text, image, prompt).")
        if not isinstance(item.text, str):
            raise ItemError(f"its text is {item.text!r}, not a string; an item without text has ''.")
        image: Any = item.image
        if not isinstance(image, ImageFile | None):
            raise ItemError(f"its image is a {type(image).__name__}, not a path, bytes, picture or array.")
        if item.prompt is None:
            return item
        if image is None:
            raise ItemError("a prompt without an image to draw it on.")
        prompt = read_prompt(item.prompt, lambda: read_displayed_size(image))
        return dataclasses.replace(item, prompt=prompt)
    except ItemError as error:
        raise ItemError(error.reason, index) from error
