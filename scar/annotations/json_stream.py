"""JSON files of gigabytes: a window slides over the file, and each record of its lists comes with its place.

Lines mean nothing: a file may be one line. Within a window msgspec finds the records, at some hundred MB a second.
Where it cannot, at the end of a list or because of Python's NaN, a regular expression finds the brackets that match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeVar

import msgspec

from scar.errors import BadRecord, InputError

T = TypeVar("T")

WINDOW = 1 << 16
"""Bytes that are read at once."""

MAX_RECORD = 1 << 26
"""Bytes that one record may have; what does not end by then is no list of records."""

_DEPTH = 24
"""How deep the brackets of a record may stand in each other."""

_OTHERS = {
    b"PK\x03\x04": "a zip archive: unzip it first",
    b"\x1f\x8b": "compressed by gzip: gunzip it first",
    b"BZh": "compressed by bzip2: bunzip2 it first",
    b"\xfd7zXZ": "compressed by xz: unxz it first",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard: unzstd it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"\xff\xfe": "UTF-16 or UTF-32: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"version https://git-lfs": "a pointer of Git LFS: `git lfs pull` gets the file",
    b"<": "a web page or XML, not JSON: download the file again",
}
"""What files begin with that are none of JSON, and what to do."""


def _value() -> re.Pattern[bytes]:
    """A JSON value: a text, brackets that match, or whatever stands between separators."""
    text = rb'"(?:[^"\\]++|\\.)*+"'
    inside = rb'(?:[^"{}\[\]]++|' + text + rb")*+"
    for _ in range(_DEPTH):
        inside = rb'(?:[^"{}\[\]]++|' + text + rb"|[{\[]" + inside + rb"[}\]])*+"
    return re.compile(text + rb"|[{\[]" + inside + rb'[}\]]|[^\s,:"{}\[\]]++', re.DOTALL)


_VALUE = _value()
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SEPARATORS = re.compile(rb"[ \t\r\n,]*+")
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*+"[^"\\]*+"')


class Record(NamedTuple):
    """One element of a list.

    Attributes:
        list: the key of the list, or "" when the whole file is one list.
        number: in its list, from 0.
        offset: of its first byte in the file.
        text: its JSON.
    """

    list: str
    number: int
    offset: int
    text: bytes | msgspec.Raw

    def place(self, path: Path) -> str:
        """File, list and number, for messages."""
        return f"{path.name}, {self.list}[{self.number}]"


def records(path: Path, lists: Collection[str] = (), optional: Collection[str] = ()) -> Iterator[Record]:
    """Each element of a file's lists, in the file's order.

    Args:
        path: a JSON file: an object with lists, or a list.
        lists: keys of the lists that must be there; none if the file is one list.
        optional: keys of lists that may be there.

    Raises:
        InputError: the file cannot be read, is no JSON, is cut off or has another shape.
    """
    try:
        with path.open("rb") as file:
            text = _Text(file, path)
            if lists:
                yield from _object(text, lists, optional)
            else:
                if text.next() != b"[":
                    text.refuse("array")
                yield from _list(text, "")
            if text.next():
                text.broken("there is more after its end")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a JSON file.") from None


def parsed(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw, place: str) -> T:
    """One record; NaN and Infinity, which Python writes and JSON does not know, are read as null.

    Raises:
        BadRecord: it has another shape (``malformed``).
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BadRecord(place, str(error), "malformed") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return decoder.decode(msgspec.json.encode(json.loads(bytes(text))))
        except (ValueError, OverflowError, RecursionError, msgspec.DecodeError):
            raise BadRecord(place, str(error), "malformed") from None


def record_as(decoder: msgspec.json.Decoder[T], record: Record, path: Path) -> T:
    """`parsed` of a record of a file; its place is only written when it is needed, for there are millions."""
    try:
        return decoder.decode(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return parsed(decoder, record.text, record.place(path))


class _Text:
    """The part of a file that is looked at, and how far."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.data = file.read(WINDOW)
        self.start = 0  # of the data in the file
        self.at = 0  # in the data
        self.ended = len(self.data) < WINDOW
        for magic, what in _OTHERS.items():
            if self.data.startswith(magic):
                raise InputError(f"{path}: {what}.")
        if self.data.startswith(b"\xef\xbb\xbf"):  # a byte order mark
            self.at = 3

    def more(self) -> None:
        """Drop what is read and read on; at least as much as is being looked at."""
        left = self.data[self.at :]
        if len(left) > MAX_RECORD:
            self.broken(f"a record goes on for more than {MAX_RECORD:,} bytes")
        wanted = max(WINDOW, len(left))
        new = self.file.read(wanted)
        self.start += self.at
        self.data, self.at, self.ended = left + new, 0, len(new) < wanted

    def next(self) -> bytes:
        """The next byte that is no space, not taken yet; empty at the end of the file."""
        while True:
            self.at = _SPACE.match(self.data, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self.at < len(self.data) or self.ended:
                return self.data[self.at : self.at + 1]
            self.more()

    def take(self, byte: bytes) -> None:
        if self.next() != byte:
            self.broken(f"expected {byte.decode()!r}")
        self.at += 1

    def value(self) -> bytes:
        """The next value, whole."""
        self.next()
        while True:
            match = _VALUE.match(self.data, self.at)
            if match and (match.end() < len(self.data) or self.ended):
                self.at = match.end()
                return match.group()
            if self.ended:
                self.broken("a value does not end, or stands too deep")
            self.more()

    def broken(self, problem: str) -> NoReturn:
        raise InputError(
            f"{self.path}: not JSON, or cut off: {problem} (byte {self.start + self.at}); get a fresh copy."
        )

    def refuse(self, wanted: str, where: str = "") -> NoReturn:
        first = self.next()
        if not first:
            self.broken("it ends here")
        if not re.match(rb'[{\["ntf0-9-]', first):
            self.broken(f"no value begins with {self.data[self.at : self.at + 8]!r}")
        raise InputError(f"{self.path}: of another shape: Expected `{wanted}`, got `{_kind(first)}`{where}.")


def _object(text: _Text, lists: Collection[str], optional: Collection[str]) -> Iterator[Record]:
    """The lists of an object; its other values are passed over."""
    if text.next() != b"{":
        text.refuse("object")
    text.at += 1
    missing = dict.fromkeys(lists)
    while text.next() != b"}":
        key = _key(text)
        text.take(b":")
        wanted = key in lists or key in optional
        if text.next() == b"[":
            found = _list(text, key)
            if wanted:
                yield from found
            else:
                for _ in found:
                    pass
        elif wanted:
            text.refuse("array", f" - at `$.{key}`")
        else:
            text.value()
        missing.pop(key, None)
        if text.next() != b"}":
            text.take(b",")
    text.at += 1
    if missing:
        raise InputError(f"{text.path}: of another shape: missing required field `{next(iter(missing))}`.")


def _key(text: _Text) -> str:
    if text.next() != b'"':
        text.broken("expected a key")
    try:
        return str(json.loads(text.value()))
    except ValueError:
        text.broken("a key is no text")


def _list(text: _Text, key: str) -> Iterator[Record]:
    """The elements of a list, by the window where msgspec can tell them, else one by one."""
    text.take(b"[")
    number = 0
    slow_until = -1  # in the file
    while text.next() != b"]":
        raws, end = ([], 0) if text.start + text.at < slow_until else _bulk(text)
        if raws:
            at = text.at
            for raw in raws:
                at = _SEPARATORS.match(text.data, at).end()  # type: ignore[union-attr]  # it matches nothing too
                yield Record(key, number, text.start + at, raw)
                at += len(raw)
                number += 1
            text.at = end
            continue
        slow_until = max(slow_until, text.start + end)
        value = text.value()
        yield Record(key, number, text.start + text.at - len(value), value)
        number += 1
        if text.next() != b"]":
            text.take(b",")
            if text.next() == b"]":
                text.broken("a list ends with a comma")
    text.at += 1


def _bulk(text: _Text) -> tuple[list[msgspec.Raw], int]:
    """Elements from here on and where they end in the data; none, and up to where not to try again, if that fails.

    The window is cut where an element seems to begin that has the first key of this one. The guess may be wrong; but
    what reads as a list of values from an element's beginning is one.
    """
    if not text.ended and len(text.data) - text.at < WINDOW // 2:
        text.more()
    first = _FIRST_KEY.match(text.data, text.at)
    cut = text.data.rfind(first.group(), first.end()) if first else -1
    if cut < 0:
        return [], 0
    body = text.data[text.at : cut].rstrip()
    if not body.endswith(b","):
        return [], cut
    try:
        return msgspec.json.decode(b"[" + body[:-1] + b"]", type=list[msgspec.Raw]), cut
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [], cut


def _kind(first: bytes) -> str:
    """What a value is that begins so."""
    return {b"{": "object", b"[": "array", b'"': "str", b"n": "null", b"t": "bool", b"f": "bool"}.get(first, "number")


ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
