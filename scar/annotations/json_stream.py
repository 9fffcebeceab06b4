"""Stream the records of JSON files of gigabytes, each with its offset in the file.

A window slides over the file; a file may be a single line. msgspec splits the window into records, at some hundred MB a
second. A regular expression that matches brackets splits what msgspec cannot: the end of a list, and records with
Python's NaN.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple, NoReturn, TypeVar

import msgspec

from scar.errors import BadRecord, InputError

T = TypeVar("T")

Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An id that fits into a column of the corpus, which has 64 bits."""

WINDOW_BYTES = 1 << 16
"""Number of bytes that are read at a time."""

MAX_RECORD_BYTES = 1 << 26
"""Largest size of a record in bytes; a file with a longer value is refused."""

_MAX_DEPTH = 24
"""How deep the brackets of a record may be nested."""

_FOREIGN_FORMATS = {
    b"PK\x03\x04": "a zip archive: unzip it first",
    b"\x1f\x8b": "compressed by gzip: gunzip it first",
    b"BZh": "compressed by bzip2: bunzip2 it first",
    b"\xfd7zXZ": "compressed by xz: unxz it first",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard: unzstd it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"\xff\xfe": "UTF-16 or UTF-32: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"version https://git-lfs": "a pointer of Git LFS: `git lfs pull` gets the file",
    b"\xff\xd8\xff": "a JPEG image: give the file of its annotations",
    b"\x89PNG": "a PNG image: give the file of its annotations",
    b"GIF8": "a GIF image: give the file of its annotations",
    b"BM": "a BMP image: give the file of its annotations",
    b"RIFF": "a WebP image or a film: give the file of its annotations",
    b"II*\x00": "a TIFF image: give the file of its annotations",
    b"MM\x00*": "a TIFF image: give the file of its annotations",
    b"%PDF": "a PDF: give the file of the annotations",
    b"PAR1": "a Parquet file: write its rows as JSON",
    b"SQLite format 3": "an SQLite database: write its rows as JSON",
    b"\x89HDF": "an HDF5 file: write its data as JSON",
    b"\x80\x02": "a pickle: only --reader refcoco reads one, as refs",
    b"\x80\x03": "a pickle: only --reader refcoco reads one, as refs",
    b"\x80\x04": "a pickle: only --reader refcoco reads one, as refs",
    b"\x80\x05": "a pickle: only --reader refcoco reads one, as refs",
    b"<": "a web page or XML, not JSON: download the file again",
}
"""First bytes of files that are not JSON, each with what the file is and what to do."""


def _compile_value_pattern() -> re.Pattern[bytes]:
    """Compile the pattern of a JSON value: a text, matching brackets, or the characters between separators."""
    text = rb'"(?:[^"\\]++|\\.)*+"'
    inside = rb'(?:[^"{}\[\]]++|' + text + rb")*+"
    for _ in range(_MAX_DEPTH):
        inside = rb'(?:[^"{}\[\]]++|' + text + rb"|[{\[]" + inside + rb"[}\]])*+"
    return re.compile(text + rb"|[{\[]" + inside + rb'[}\]]|[^\s,:"{}\[\]]++', re.DOTALL)


_VALUE = _compile_value_pattern()
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SEPARATORS = re.compile(rb"[ \t\r\n,]*+")
_JSON_START = re.compile(rb'[ \t\r\n]*+[{\["ntf0-9-]')
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*+"[^"\\]*+"')


class Record(NamedTuple):
    """One element of a list in a JSON file.

    Attributes:
        list: the key of the list, or "" when the whole file is one list.
        number: index of the record in the list, from 0.
        offset: offset of the record's first byte in the file.
        text: the record's JSON text; it may contain Python's NaN, see `parse_record`.
    """

    list: str
    number: int
    offset: int
    text: bytes | msgspec.Raw

    def describe_location(self, path: Path) -> str:
        """File name, list and number of the record, for error messages."""
        return f"{path.name}, {self.list}[{self.number}]"


def iter_records(path: Path, lists: Collection[str] = (), optional: Collection[str] = ()) -> Iterator[Record]:
    """Iterate over the records of the lists of a file, in the file's order, whatever the order of ``lists``.

    Args:
        path: a JSON file: an object with lists, or a list.
        lists: keys of the lists that the file must have; empty if the whole file is one list. An object, such as
            annotations by id, counts as the list of its values.
        optional: keys of the lists that the file may have, or have as null. Other keys are passed over.

    Raises:
        InputError: the file cannot be read, is no JSON, is not UTF-8, is cut off or has the wrong shape. That a list is
            missing, or what follows is broken, shows only after the records before it.
    """
    try:
        with path.open("rb") as file:
            window = _Window(file, path)
            if lists:
                yield from _iter_object(window, lists, optional)
            else:
                if window.peek_byte() != b"[":
                    window.raise_wrong_shape("array")
                yield from _iter_list(window, "")
            if window.peek_byte():
                window.raise_broken("there is more after its end")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a JSON file.") from None


def parse_record(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw, where: str) -> T:
    """Decode a record. NaN and Infinity, which Python writes and JSON does not have, are read as null.

    Raises:
        BadRecord: the record does not have the type of the decoder (reason ``malformed``); ``where`` begins the
            message.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BadRecord(where, str(error), "malformed") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return decoder.decode(msgspec.json.encode(json.loads(bytes(text))))
        except (ValueError, OverflowError, RecursionError, msgspec.DecodeError):
            raise BadRecord(where, str(error), "malformed") from None


def decode_record(decoder: msgspec.json.Decoder[T], record: Record, path: Path) -> T:
    """Decode a record, as `parse_record` does; ``path`` is the path of its file, for the error message.

    Its location is formatted only for an error, since there are millions of records.
    """
    try:
        return decoder.decode(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return parse_record(decoder, record.text, record.describe_location(path))


class _Window:
    """The part of a file in memory, and the current position in it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.checker = codecs.getincrementaldecoder("utf-8")()
        self.data = file.read(WINDOW_BYTES)
        self.offset = 0  # where `data` begins in the file
        self.position = 0  # index of the next byte in `data`
        self.ended = len(self.data) < WINDOW_BYTES
        for magic, what in _FOREIGN_FORMATS.items():
            if self.data.startswith(magic):
                raise InputError(f"{path}: {what}.")
        if self.data.startswith(b"\xef\xbb\xbf"):  # a byte order mark
            self.position = 3
        if _JSON_START.match(self.data, self.position):  # else the file is refused for what it is
            self.check_encoding(self.data)

    def read_more(self) -> None:
        """Drop the data before the position and read at least as much as is left."""
        left = self.data[self.position :]
        if len(left) > MAX_RECORD_BYTES:
            self.raise_broken(f"a record goes on for more than {MAX_RECORD_BYTES:,} bytes")
        size = max(WINDOW_BYTES, len(left))
        new = self.file.read(size)
        self.offset += self.position
        self.data, self.position, self.ended = left + new, 0, len(new) < size
        self.check_encoding(new)

    def check_encoding(self, new: bytes) -> None:
        """Refuse the file if what was read last is not UTF-8: dropping records would lose each with an accent."""
        begun = len(self.checker.getstate()[0])  # bytes of a character that the window before has begun
        try:
            self.checker.decode(new, final=self.ended)
        except UnicodeDecodeError as error:
            at = self.offset + len(self.data) - len(new) - begun + error.start
            raise InputError(
                f"{self.path}: not UTF-8: byte {at} is 0x{error.object[error.start]:02x}; save the file as UTF-8 "
                "(Latin-1 and Windows-1252 are common on Windows)."
            ) from None

    def peek_byte(self) -> bytes:
        """The next byte that is no space, without taking it; empty at the end of the file."""
        while True:
            self.position = _SPACE.match(self.data, self.position).end()  # type: ignore[union-attr]  # it matches nothing too
            if self.position < len(self.data) or self.ended:
                return self.data[self.position : self.position + 1]
            self.read_more()

    def take_byte(self, byte: bytes) -> None:
        """Take the next byte that is no space; it must be the given one."""
        if self.peek_byte() != byte:
            self.raise_broken(f"expected {byte.decode()!r}")
        self.position += 1

    def take_value(self) -> bytes:
        """Take the next JSON value and return its text."""
        self.peek_byte()
        while True:
            match = _VALUE.match(self.data, self.position)
            if match and (match.end() < len(self.data) or self.ended):
                self.position = match.end()
                return match.group()
            if self.ended:
                self.raise_broken("a value does not end, or is nested too deep")
            self.read_more()

    def raise_broken(self, problem: str) -> NoReturn:
        raise InputError(
            f"{self.path}: not JSON, or cut off: {problem} (byte {self.offset + self.position}); get a fresh copy."
        )

    def raise_wrong_shape(self, wanted: str, where: str = "") -> NoReturn:
        first = self.peek_byte()
        if not first:
            self.raise_broken("it ends here")
        if not _JSON_START.match(first):
            self.raise_broken(f"no value begins with {self.data[self.position : self.position + 8]!r}")
        raise InputError(f"{self.path}: of another shape: Expected `{wanted}`, got `{_name_kind(first)}`{where}.")


def _iter_object(window: _Window, lists: Collection[str], optional: Collection[str]) -> Iterator[Record]:
    """Iterate over the records of the lists of an object; skip its other values."""
    if window.peek_byte() != b"{":
        window.raise_wrong_shape("object")
    window.position += 1
    missing = dict.fromkeys(lists)
    while window.peek_byte() != b"}":
        key = _take_key(window)
        window.take_byte(b":")
        wanted = key in lists or key in optional
        if window.peek_byte() == b"[":
            records = _iter_list(window, key)
            if wanted:
                yield from records
            else:
                for _ in records:
                    pass
        elif wanted and window.peek_byte() == b"{":
            yield from _iter_values(window, key)
        elif wanted and not (key in optional and window.peek_byte() == b"n"):  # null: the file does not have the list
            window.raise_wrong_shape("array", f" - at `$.{key}`")
        else:
            window.take_value()
        missing.pop(key, None)
        if window.peek_byte() != b"}":
            window.take_byte(b",")
    window.position += 1
    if missing:
        raise InputError(f"{window.path}: of another shape: missing required field `{next(iter(missing))}`.")


def _iter_values(window: _Window, key: str) -> Iterator[Record]:
    """Iterate over the values of an object that stands where a list is expected, such as annotations by id."""
    window.take_byte(b"{")
    number = 0
    while window.peek_byte() != b"}":
        _take_key(window)
        window.take_byte(b":")
        value = window.take_value()
        yield Record(key, number, window.offset + window.position - len(value), value)
        number += 1
        if window.peek_byte() != b"}":
            window.take_byte(b",")
    window.position += 1


def _take_key(window: _Window) -> str:
    if window.peek_byte() != b'"':
        window.raise_broken("expected a key")
    try:
        return str(json.loads(window.take_value()))
    except ValueError:
        window.raise_broken("a key is no text")


def _iter_list(window: _Window, key: str) -> Iterator[Record]:
    """Iterate over the elements of a list: a window at a time if msgspec can split it, else one by one."""
    window.take_byte(b"[")
    number = 0
    slow_until = -1  # offset in the file before which values are taken one by one
    while window.peek_byte() != b"]":
        raws, end = ([], 0) if window.offset + window.position < slow_until else _decode_bulk(window)
        if raws:
            at = window.position
            for raw in raws:
                at = _SEPARATORS.match(window.data, at).end()  # type: ignore[union-attr]  # it matches nothing too
                yield Record(key, number, window.offset + at, raw)
                at += len(raw)
                number += 1
            window.position = end
            continue
        slow_until = max(slow_until, window.offset + end)
        value = window.take_value()
        yield Record(key, number, window.offset + window.position - len(value), value)
        number += 1
        if window.peek_byte() != b"]":
            window.take_byte(b",")
            if window.peek_byte() == b"]":
                window.raise_broken("a list ends with a comma")
    window.position += 1


def _decode_bulk(window: _Window) -> tuple[list[msgspec.Raw], int]:
    """Split the window into elements from the position on.

    The window is cut before the last text that looks like the beginning of an element: it has the first key of the
    current element. If the cut is wrong, the part before it is no list of values, and msgspec refuses it.

    Returns:
        The elements and the position after them; or no elements and the position before which a new try would fail.
    """
    if not window.ended and len(window.data) - window.position < WINDOW_BYTES // 2:
        window.read_more()
    first = _FIRST_KEY.match(window.data, window.position)
    cut = window.data.rfind(first.group(), first.end()) if first else -1
    if cut < 0:
        return [], 0
    body = window.data[window.position : cut].rstrip()
    if not body.endswith(b","):
        return [], cut
    try:
        return msgspec.json.decode(b"[" + body[:-1] + b"]", type=list[msgspec.Raw]), cut
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [], cut


def _name_kind(first: bytes) -> str:
    """Name of the kind of value that begins with a byte."""
    return {b"{": "object", b"[": "array", b'"': "str", b"n": "null", b"t": "bool", b"f": "bool"}.get(first, "number")


ANY_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
