"""A noun phrase of a caption, with what other stages must know about it."""

from __future__ import annotations

import msgspec


class NounPhrase(msgspec.Struct, frozen=True):
    """A noun phrase of a caption.

    Attributes:
        text: the phrase as a caption says it, with its article: "a black cat", "two men", "wild grass".
        noun: the head noun as the lexicon knows it, in the singular and in lower case: "cat", "man", "grass".
        attributes: the words before the noun that describe it, in their order: ("black",).
        plural: whether the phrase means several things.
    """

    text: str
    noun: str
    attributes: tuple[str, ...] = ()
    plural: bool = False
