"""Which media a model takes: text, image, or both at once; found by asking it or by trying."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from mmeb_eval.item import Item

Media: TypeAlias = Literal["text", "image", "image+text"]

ALL_MEDIA: tuple[Media, ...] = ("text", "image", "image+text")

_WORDS: Mapping[frozenset[str], str] = {
    frozenset({"text"}): "text only",
    frozenset({"image"}): "images only",
    frozenset({"image+text"}): "an image with a text only",
    frozenset({"text", "image"}): "a text or an image, not both at once",
    frozenset({"text", "image+text"}): "no image without a text",
    frozenset({"image", "image+text"}): "no text without an image",
}


def find_media(item: Item, image_token: str = "") -> Media:
    """The media of an item; an instruction counts as text, the model's own image token does not.

    >>> find_media(Item("a cat")), find_media(Item("<|image_pad|>", "cat.png"), "<|image_pad|>")
    ('text', 'image')
    """
    if item.image is None:
        return "text"
    return "image+text" if item.text not in ("", image_token) or item.instruction else "image"


def describe_media(media: Collection[Media]) -> str:
    """The media that a model takes, in words; some of `ALL_MEDIA`, not all.

    >>> describe_media(["text"])
    'text only'
    """
    return _WORDS[frozenset(media)]
