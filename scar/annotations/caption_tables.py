"""Captions in tables: columns with names, as pandas writes, or Flickr8k's and Flickr30k's lines of name and caption.

A caption in quotes may have line breaks, as RFC 4180 says; one without quotes may have the separator of the columns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from scar.annotations.image_names import IMAGE_ENDINGS
from scar.errors import InputError

_SEPARATORS = ",;|\t"

_CAPTION_COLUMNS = ("comment", "comments", "sent", "description", "alt_text")
"""More names of a column of captions, which Flickr30k's and other tables have."""

_LINE = re.compile(
    r"(?P<name>[^,|\t]+\.\w+)(?:#\d+)?\s*(?P<separator>[,|\t])\s*(?:\d+\s*\|\s*)?(?P<caption>.*)", re.DOTALL
)
"""A line of Flickr8k's or Flickr30k's table: name, name#0 or name| 0, and the caption."""

_QUOTE = re.compile(rf'(?:^|[{_SEPARATORS}])[ ]*"')
"""The quote before a value; others, as in 12" or "so-called", may stand alone."""

_MAX_LINES = 50
"""Most lines of a value in quotes; what does not end by then has no closing quote."""


class _Columns(NamedTuple):
    """The columns of a table: separator, number, keys of those that tell the image by place, place of the captions."""

    separator: str
    width: int
    images: Mapping[int, str]
    caption: int


def is_table(path: Path) -> bool:
    """Whether the ending of a file is one of tables."""
    return path.suffix.lower() in (".csv", ".tsv", ".txt", ".token")


def iter_table(path: Path, image_keys: Sequence[str], caption_keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the location and the values of each row of a table; None for a row that tells no image and caption.

    Args:
        path: path of the table.
        image_keys: names of columns that tell the image.
        caption_keys: names of columns of captions.

    Raises:
        InputError: the file is no text in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8: {error}.") from None
    rows = _join_lines(text.split("\n"))
    first = next(rows, None)
    columns = _find_columns(first[1], image_keys, caption_keys) if first else None
    if first and columns is None:
        number, row = first
        if entry := _parse_line(row):
            yield f"{path.name}, line {number}", entry
    for number, row in rows:
        yield f"{path.name}, line {number}", _parse_row(row, columns) if columns else _parse_line(row)


def _join_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of each row that is not empty; a value in quotes may go over several lines."""
    start = 0
    while start < len(lines):
        end = start + 1
        if _is_open(lines[start]):
            last = min(len(lines), start + _MAX_LINES)
            ends = range(start + 1, last + 1)
            closed = (place for place in ends if not _is_open("\n".join(lines[start:place])))
            found = next(closed, None)
            if found is not None and not any(map(_parse_line, lines[start + 1 : found])):
                end = found
        row = "\n".join(lines[start:end])
        if row.strip():
            yield start + 1, row
        start = end


def _is_open(row: str) -> bool:
    """Whether a value in quotes does not end in a row."""
    return row.count('"') % 2 == 1 and _QUOTE.search(row) is not None


def _find_columns(row: str, image_keys: Sequence[str], caption_keys: Sequence[str]) -> _Columns | None:
    """The columns that a head line names; None if a row is none."""
    for separator in _SEPARATORS:
        names = [name.strip().strip('"').lower().replace(" ", "_") for name in row.split(separator)]
        images = {place: name for place, name in enumerate(names) if name in image_keys}
        caption = next((names.index(name) for name in (*caption_keys, *_CAPTION_COLUMNS) if name in names), None)
        if images and caption is not None:
            return _Columns(separator, len(names), images, caption)
    return None


def _parse_row(row: str, columns: _Columns) -> dict[str, str] | None:
    """Image and caption of a row of a table with column names; None if it has not as many values."""
    width, place = columns.width, columns.caption
    try:
        values = next(csv.reader([row], delimiter=columns.separator, skipinitialspace=True))
    except csv.Error:
        return None
    if len(values) > width == place + 1 and _QUOTE.search(row) is None:  # the last column, with the separator in it
        values = row.split(columns.separator, place)
    if len(values) != width:
        return None
    named = {key: values[number].strip() for number, key in columns.images.items()}
    return {key: value for key, value in named.items() if value} | {"caption": values[place].strip()}


def _parse_line(row: str) -> dict[str, str] | None:
    """File name and caption of a line without column names; None if it does not begin with the name of an image."""
    match = _LINE.fullmatch(row.strip())
    if match is None or PurePosixPath(match["name"]).suffix.lower() not in IMAGE_ENDINGS:
        return None
    caption = match["caption"].strip()
    is_quoted = len(caption) > 1 and caption[0] == caption[-1] == '"'
    return {"file_name": match["name"], "caption": caption[1:-1].replace('""', '"') if is_quoted else caption}
