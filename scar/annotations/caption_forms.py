"""Captions of images in other forms than COCO's captions JSON, read into memory.

Read are: a list or JSON lines of ``{image, caption}`` (BLIP, LAVIS, Hugging Face's metadata.jsonl), an object of file
names with their captions, ``images`` with ``sentences`` (Karpathy) or with captions of their own, COCO's annotations
whose image ids are texts or file names, and the tables of `caption_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scar.accounting import Tally
from scar.annotations.caption_tables import is_table, iter_table
from scar.annotations.file_kind import find_kind
from scar.annotations.ids import number_id
from scar.annotations.json_stream import ANY_JSON, iter_records, parse_record
from scar.errors import BadRecord, InputError

NAME_KEYS = ("file_name", "filename", "image", "image_path", "img", "img_path", "image_name", "path", "coco_url")
"""Keys of the file name of an image, the first one counts."""

ID_KEYS = ("image_id", "id", "cocoid", "imgid")
"""Keys of the id of an image, which counts if it has no file name."""

CAPTION_KEYS = ("caption", "captions", "sentences", "text", "raw", "sentence", "description")
"""Keys of a caption, or of a list of them."""


class FoundCaption(NamedTuple):
    """A caption and what its file says of its image: a file name, or an id as a number or text."""

    image: str | int
    text: str


def is_coco_form(path: Path) -> bool:
    """Whether a file is COCO's captions JSON, with numbers as image ids, as far as its first record tells.

    A file that cannot be read is taken for one, so that its reader says what is wrong.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"["):
            return False
        if not head.startswith(b"{"):
            return not is_table(path)
        if _is_json_lines(path, head):
            return False
        first = next(iter_records(path, ["annotations"]), None)
    except InputError as error:
        return "missing required field" not in str(error) and "of another shape" not in str(error)
    except OSError:
        return True
    if first is None:
        return _has_no_captions_in_images(path)
    record = parse_record(ANY_JSON, first.text, path.name)
    if not isinstance(record, dict):
        return True
    has_other_key = "caption" not in record and not record.keys().isdisjoint(CAPTION_KEYS)
    return type(record.get("image_id")) is int and not has_other_key


def iter_captions(path: Path, tally: Tally) -> Iterator[FoundCaption]:
    """Yield the captions of a file that is not in COCO's form; ``tally`` counts as ignored what is none.

    Raises:
        InputError: the file is of no form that is read.
        BadRecord: a record has no caption and ``tally`` does not skip such records.
    """
    count, unusable = 0, []
    for where, entry in _iter_entries(path):
        found = list(_iter_of_entry(entry))
        if not found:
            unusable.append(BadRecord(where, "it has no file name or id of an image, or no caption", "malformed"))
        for each in found:
            if each.text.strip():
                count += 1
                yield FoundCaption(each.image, " ".join(each.text.split()))
            else:
                tally.ignored["empty_caption"] += 1
    if unusable and not count:
        raise InputError(f"{path}: no captions that are read: {unusable[0].where} {unusable[0].problem}; {WANTED}.")
    for bad in unusable:
        tally.ignore_records(bad)


WANTED = (
    'give COCO\'s captions JSON, a list of {"image": "a.jpg", "caption": "..."}, or an object of file names '
    "with their captions"
)
"""The forms that are read, for messages."""


def list_texts(value: Any) -> list[str]:
    """The captions in a value: a text, a list of texts, or of objects that have one; a null is an empty caption.

    >>> list_texts(["A dog.", {"raw": "A cat."}, None])
    ['A dog.', 'A cat.', '']
    """
    if value is None:
        return [""]
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return next((list_texts(value[key]) for key in ("raw", "sent", *CAPTION_KEYS) if key in value), [])
    if isinstance(value, Sequence):
        return [text for each in value for text in list_texts(each)]
    return []


def _iter_of_entry(entry: Any) -> Iterator[FoundCaption]:
    """The captions of one entry; none if it has no image or no caption."""
    if not isinstance(entry, Mapping):
        return
    names = _iter_names(entry)
    ids = (entry[key] for key in ID_KEYS if isinstance(entry.get(key), str | int | float))
    image = next(names, None) or next(ids, None)
    texts: Any = next((entry[key] for key in CAPTION_KEYS if key in entry), [])
    if image is not None:
        folder = entry.get("filepath")  # Karpathy's folder of the image
        name = f"{folder}/{image}" if isinstance(folder, str) and isinstance(image, str) else image
        for text in list_texts(texts):
            yield FoundCaption(int(name) if isinstance(name, float) and name.is_integer() else name, text)


def _iter_names(entry: Mapping[str, Any]) -> Iterator[str]:
    """The file names that an entry gives, the best first."""
    return (entry[key] for key in NAME_KEYS if isinstance(entry.get(key), str) and entry[key])


def _iter_entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the location and the value of each entry of a file."""
    with path.open("rb") as file:
        head = file.read(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
    if is_table(path) and not head.startswith((b"[", b"{")):
        yield from iter_table(path, (*NAME_KEYS, *ID_KEYS), CAPTION_KEYS)
    elif head.startswith(b"["):
        for record in iter_records(path):
            where = f"{path.name}, [{record.number}]"
            yield where, parse_record(ANY_JSON, record.text, where)
    elif _is_json_lines(path, head):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if line.strip():
                yield f"{path.name}, line {number}", parse_record(ANY_JSON, line, f"{path.name}, line {number}")
    else:
        yield from _iter_object(path)


def _iter_object(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the entries of an object: of its lists, or its file names with their captions."""
    try:
        content = ANY_JSON.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON: {error}; {WANTED}.") from None
    images = content["images"] if isinstance(content.get("images"), list) else ()
    names = {
        number_id(image.get("id")): name
        for image in images
        if isinstance(image, dict) and "id" in image and (name := next(_iter_names(image), None))
    }
    lists = [key for key in ("annotations", "images", "data") if isinstance(content.get(key), list)]
    with_captions = [
        key
        for key in lists
        if any(isinstance(each, dict) and any(name in each for name in CAPTION_KEYS) for each in content[key][:100])
    ]
    for key in with_captions[:1]:
        for number, entry in enumerate(content[key]):
            name = names.get(number_id(entry["image_id"])) if isinstance(entry, dict) and "image_id" in entry else None
            yield f"{path.name}, {key}[{number}]", {"file_name": name} | entry if name else entry
    if not lists:
        for name, value in content.items():
            yield f"{path.name}, {name!r}", {"file_name": name, "caption": value}
    elif not with_captions:
        if (kind := find_kind(path)) and "aptions" not in kind.name:
            raise InputError(f"{path}: is {kind.name}, without captions; {kind.way_out}.")
        raise InputError(f"{path}: its {' and '.join(lists)} have no captions; {WANTED}.")


def _has_no_captions_in_images(path: Path) -> bool:
    """Whether no image of a JSON without captions as annotations has captions of its own."""
    first = next(iter_records(path, ["annotations"], ["images"]), None)
    if first is None or first.list != "images":
        return True
    record = parse_record(ANY_JSON, first.text, path.name)
    return not (isinstance(record, dict) and any(key in record for key in CAPTION_KEYS))


def _is_json_lines(path: Path, head: bytes) -> bool:
    """Whether a file that begins with ``head`` has a JSON object on each line."""
    line, _, rest = head.partition(b"\n")
    if not rest.lstrip().startswith(b"{"):
        return path.suffix in (".jsonl", ".ndjson")
    try:
        return isinstance(ANY_JSON.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
