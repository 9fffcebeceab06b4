"""Items whose instruction stands apart from the text, as the models of 2026 want it; candidates have no instruction.

Source: the parsers of QwenLM/Qwen3-VL-Embedding 8ce3aab (2026-01-19), which evaluate it on MMEB.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmeb_eval.item import Item, Prompt
from mmeb_eval.templates.fused import DATA_IMAGE_TOKEN, format_region
from scar.sample import Box


def clean_instruction(instruction: str) -> str:
    r"""An instruction of the data without its image token and outer white space.

    >>> clean_instruction("<|image_1|>\nIdentify the scene: ")
    'Identify the scene:'
    """
    return instruction.replace(DATA_IMAGE_TOKEN, "").strip()


def make_query(instruction: str, text: str, image: Path | None) -> Item:
    """The query of an MMEB row; its text stays as the data have it."""
    return Item(text, image, instruction=clean_instruction(instruction), side="query")


def make_region_query(text: str, image: Path, prompt: Prompt | None, named: Box | None) -> Item:
    """The query of a SCaR row, whose text is the instruction.

    Args:
        text: the text in the data.
        image: the image.
        prompt: the prompt of the item.
        named: the box that the text shall name; None if it shall name none.
    """
    words = "" if named is None else format_region([named.x0, named.y0, named.x1, named.y1])
    return Item(words, image, prompt, clean_instruction(text), "query")


def make_candidate(text: str, image: Path | None = None) -> Item:
    """A candidate: text, image or both."""
    return Item(text, image, side="document")


def select_text(texts: Sequence[str], index: int, key: str) -> str:
    """The text of a row's image candidate; empty if it has none.

    A text of white space alone is none. Where the image alone tells candidates apart, each has its own text, without
    outer white space. Else all have theirs, unchanged, if the first of the row has one.

    Args:
        texts: the row's candidate texts; a list that is too short has none for the last candidates.
        index: position of the candidate in the row.
        key: the task's ``key``, see `mmeb_eval.data.tasks.Task`.

    >>> [select_text(["", " a boat "], index, "image") for index in range(3)]
    ['', 'a boat', '']
    >>> [select_text(["a", " b "], index, "image+text") for index in range(2)]
    ['a', ' b ']
    """
    if key != "image":
        return texts[index] if texts[0].strip() else ""
    return texts[index].strip() if index < len(texts) else ""
