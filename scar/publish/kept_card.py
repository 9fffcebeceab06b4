"""A card that a person edited on the Hub: the words stay, and the header describes the files that are pushed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from scar.errors import InputError

_HEADER = re.compile(r"\A---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def renew_header(edited: str, ours: str, keys: Sequence[str], about: str) -> str:
    """Copy some keys of our card's YAML header into the card that a person edited.

    Args:
        edited: text of the person's card.
        ours: text of the card as it was rendered.
        keys: the keys to copy, such as ``configs``; where ours lacks a key, it is removed.
        about: what the card is, for messages.

    Returns:
        The person's card; byte for byte the same if the keys already say the same. A card without a header gets one.

    Raises:
        InputError: the header of the person's card is no YAML, or no table of keys.
    """
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined] # not re-exported

    theirs, wanted = _read_header(edited, about), _read_header(ours, about)
    if all(theirs.get(key) == wanted.get(key) for key in keys):
        return edited
    renewed = {key: value for key, value in theirs.items() if key not in keys}
    renewed |= {key: wanted[key] for key in keys if key in wanted}
    return f"---\n{yaml_dump(renewed, sort_keys=False)}---\n{_HEADER.sub('', edited)}"


def _read_header(card: str, about: str) -> dict[str, Any]:
    """The YAML header of a card as a dictionary; empty without a header."""
    from yaml import YAMLError, safe_load  # type: ignore[import-untyped]

    match = _HEADER.match(card)
    try:
        header = safe_load(match["yaml"]) if match else {}
    except YAMLError as error:
        first = str(error).partition("\n")[0]
        raise InputError(
            f"{about}: its header on the Hub is no YAML ({first}); mend it there, or --prune replaces it."
        ) from None
    if not isinstance(header or {}, dict):
        raise InputError(f"{about}: its header on the Hub is no table; mend it there, or --prune replaces it.")
    return dict(header or {})
