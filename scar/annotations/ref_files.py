"""Load the list of referring expressions, from a pickle as RefCOCO's or from JSON as gRefCOCO's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scar.annotations.caption_forms import list_texts
from scar.annotations.json_stream import ANY_JSON, iter_records, parse_record
from scar.annotations.plain_pickle import load_plain_pickle
from scar.errors import InputError

_TEXT_KEYS = ("sentences", "expressions", "sentence", "expression", "phrase", "caption", "sent")
"""Keys of the expressions of an entry of a JSON, the first one counts."""

_ANNOTATION_KEYS = ("ann_id", "annotation_id", "anno_id")


def load_expressions(path: Path) -> list[Any]:
    """Load a list of expressions; entries of a JSON get the keys that RefCOCO's pickle has.

    Raises:
        InputError: the file cannot be read, is damaged, holds no list, or asks for anything but plain values.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a refs(...).p.") from None
    if head.startswith(b"["):
        records = ((record.number, parse_record(ANY_JSON, record.text, path.name)) for record in iter_records(path))
        return [_complete_entry(number, entry) if isinstance(entry, Mapping) else entry for number, entry in records]
    values = load_plain_pickle(path)
    if not isinstance(values, list):
        raise InputError(f"{path}: a pickled {type(values).__name__}, not a list of expressions.")
    return values


def _complete_entry(number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a JSON under RefCOCO's keys; one without an id gets its index."""
    texts: Any = next((entry[key] for key in _TEXT_KEYS if entry.get(key)), [])
    several = texts if isinstance(texts, list) else [texts]
    thing = next((entry[key] for key in _ANNOTATION_KEYS if key in entry), None)
    named: dict[str, Any] = {"ref_id": number, "ann_id": thing, **entry}
    return named | {"sentences": [sentence for each in several for sentence in _list_sentences(each)]}


def _list_sentences(value: Any) -> list[Any]:
    """An expression under RefCOCO's keys."""
    is_sentence = isinstance(value, Mapping) and ("sent" in value or "raw" in value)
    return [value] if is_sentence else [{"sent": text} for text in list_texts(value)]
