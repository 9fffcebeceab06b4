"""Tell what an annotation file or folder is, whatever it was given as: the table file_kinds.toml has the kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from scar.common.files import iter_paths
from scar.common.tables import make_record, read_toml
from scar.errors import InputError

INSTANCES = "an instances JSON"
"""The kind of COCO's file of boxes."""

_HEAD_BYTES = 1 << 20
"""Number of bytes of a file that are looked at."""

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|[{}\[\]]')

_DOTA_LINE = re.compile(rb"^(?:-?[\d.]+(?:e[+-]?\d+)?[ \t]+){8}[^\W\d_]", re.MULTILINE | re.IGNORECASE)

_LABEL_BYTES = 1 << 12
"""Number of bytes of a label file that are looked at."""

_OTHER_ENDINGS = {
    ".csv": "a table, as of Open Images and VoTT: convert it into COCO's JSON, for example with FiftyOne or Datumaro",
    ".tsv": "a table: convert it into COCO's JSON",
    ".parquet": "a Parquet file: write its rows as COCO's JSON",
    ".txt": "one label file, as of YOLO or DOTA: give its folder, and say --reader yolo or --reader dota",
    ".xml": "an XML: of VOC, give its folder, and say --reader voc; of CVAT, export again as COCO 1.0",
}
"""What files that are no JSON are, by their ending, and what to do."""

_FOLDER_FILES = 1000
"""Files of a folder that are looked at."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The keys at the beginning of a JSON file.

    Attributes:
        top: whether it is an object, a list, or lines with an object each.
        keys: keys of the object.
        records: by the key of each list or object in it, the keys of its first record; "" is the file itself.
        is_whole: whether these are all keys of the file.
    """

    top: Literal["object", "list", "lines"]
    keys: frozenset[str]
    records: Mapping[str, frozenset[str]]
    is_whole: bool


class FileKind(msgspec.Struct, frozen=True):
    """A row of file_kinds.toml, which explains its keys."""

    name: str
    top: Literal["object", "list", "lines"]
    way_out: str
    source: str
    keys: tuple[str, ...] = ()
    lacks_keys: tuple[str, ...] = ()
    list: str | None = None
    record: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    reader: str | None = None

    def fits(self, outline: Outline) -> bool:
        """Whether a file with this outline is of the kind."""
        if self.top != outline.top or not outline.keys.issuperset(self.keys):
            return False
        if self.lacks_keys and (outline.keys & set(self.lacks_keys) or not outline.is_whole):
            return False
        if self.list is None:
            return True
        key = next(iter(outline.records), None) if self.list == "*" else self.list
        found = outline.records.get(key or "")
        return found is not None and found.issuperset(self.record) and not found & set(self.lacks)


def find_kind(path: Path) -> FileKind | None:
    """The kind of a JSON file; None if it is of no kind of the table, or no file that can be read."""
    outline = read_outline(path)
    return next((kind for kind in _read_kinds() if outline and kind.fits(outline)), None)


def find_reader(path: Path) -> str | None:
    """Name of the reader, in `scar.recipe.READERS`, of a file or folder; None if nothing tells it."""
    if not path.is_dir():
        kind = find_kind(path) if path.is_file() else None
        return kind.reader if kind else None
    files = [file for _, file in zip(range(_FOLDER_FILES), iter_paths(path), strict=False)]
    of_ending = {
        ending: [file for file in files if file.suffix.lower() == ending] for ending in (".xml", ".json", ".txt")
    }
    if of_ending[".xml"]:
        return "voc"
    if any(map(_is_labelme, of_ending[".json"])):
        return "labelme"
    labels = [file for file in of_ending[".txt"] if not is_readme_or_licence(file)]
    return ("dota" if any(map(_is_dota, labels)) else "yolo") if labels else None


def is_readme_or_licence(path: Path) -> bool:
    """Whether a text file is about a data set, as the README.dataset.txt of Roboflow."""
    return path.name.lower().startswith(("readme", "licen"))


def explain_kind(path: Path, wanted: str, error: InputError) -> InputError:
    """An error that names the kind of the file, if this is not the ``wanted`` kind; else ``error`` itself."""
    kind = find_kind(path)
    if kind is None:
        other = _OTHER_ENDINGS.get(path.suffix.lower()) if path.is_file() and read_outline(path) is None else None
        return InputError(f"{path}: is {other}.") if other else error
    return error if kind.name == wanted else InputError(f"{path}: is {kind.name}; {kind.way_out}.")


def read_outline(path: Path) -> Outline | None:
    """The keys at the beginning of a JSON file; None if it begins with neither an object nor a list."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return None
    if not head.startswith((b"{", b"[")):
        return None
    depth, key = 0, ""
    keys: list[str] = []
    records: dict[str, set[str]] = {}
    finished: set[str] = set()
    is_list = head.startswith(b"[")
    record_depths = (2,) if is_list else (2, 3)
    opened = -1  # depth of the first record of the list or object that is read now
    for match in _TOKEN.finditer(head):
        token = match.group()
        if token in (b"{", b"["):
            depth += 1
            name = "" if is_list else key
            if token == b"{" and depth in record_depths and name not in finished and opened < 0:
                opened = depth
                records.setdefault(name, set())
        elif token in (b"}", b"]"):
            if depth == opened:
                finished.add("" if is_list else key)
                opened = -1
            depth -= 1
            if not depth:
                lines = not is_list and head[match.end() :].lstrip().startswith(b"{")
                if lines:
                    return Outline("lines", frozenset(keys), {"": frozenset(keys)}, is_whole=False)
                break
        elif match.group(2) is not None:
            text = match.group(1).decode("utf-8", "replace")
            if depth == opened:
                records["" if is_list else key].add(text)
            elif depth == 1 and not is_list:
                key = text
                keys.append(text)
    frozen = {name: frozenset(found) for name, found in records.items()}
    return Outline("list" if is_list else "object", frozenset(keys), frozen, is_whole=not depth)


def _is_labelme(path: Path) -> bool:
    outline = read_outline(path)
    return outline is not None and "shapes" in outline.keys


def _is_dota(path: Path) -> bool:
    """Whether a text file has a line of DOTA's: eight numbers and a word."""
    try:
        with path.open("rb") as file:
            head = file.read(_LABEL_BYTES)
    except OSError:
        return False
    return _DOTA_LINE.search(head) is not None


@cache
def _read_kinds() -> tuple[FileKind, ...]:
    path = Path(__file__).with_name("file_kinds.toml")
    rows = read_toml(path, InputError)["kind"]
    return tuple(
        make_record(row, FileKind, f"{path.name}, kind {number}", InputError) for number, row in enumerate(rows)
    )
