"""Find image files that annotation files name in other ways: another machine's path, another folder, other letters.

A name that leads to a file is never changed. Every other name is looked up in an index of the image folder. The rules,
by the names under which a build counts images:

- ``file_by_url``: the path of a URL, also of Label Studio's ``?d=``;
- ``file_by_slash``: backslashes are slashes;
- ``file_by_percent``: ``%20`` is a space;
- ``file_by_letters``: the same name in other Unicode forms (NFC, NFD) or cases;
- ``file_in_folder``: the file lies deeper or higher than the name says, or the name is the path on another machine;
- ``file_elsewhere``: no other file and no other image has this name, but the folders differ;
- ``file_by_coco_id``: another name of the same image of COCO, as in train2014 and train2017;
- ``file_by_ending``: the same name with another ending of images, as after pictures were converted, or without one.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from scar.annotations.image_names import IMAGE_ENDINGS
from scar.common.files import iter_paths
from scar.common.image_hash import parse_coco_identity


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Where images are that are not where their names lead.

    Attributes:
        files: path below the image folder, by id of the image.
        rules: number of these images by the rule that found them.
        problems: what is unclear about an image that several files may be, by its id.
    """

    files: dict[int, str] = field(default_factory=dict)
    rules: Counter[str] = field(default_factory=Counter)
    problems: dict[int, str] = field(default_factory=dict)


def find_files(root: Path, names: Mapping[int, str]) -> FoundFiles:
    """Find the files of images.

    Args:
        root: the image folder; no file is found if there is none.
        names: file names of the images by id, relative to the folder.

    Returns:
        What is found for the names that lead to no file. Names that no rule can lead to a file are left out.
    """
    missing = _list_missing(root, names)
    found = FoundFiles()
    if not missing:
        return found
    index = _FolderIndex(root)
    if not index.paths:
        return found
    users = {name: number for number, name in names.items() if number not in missing}
    shared = Counter(_fold(_base_name(name)) for name in set(names.values()))
    rules: dict[int, str] = {}
    for number, name in missing.items():
        rule, files = index.look_up(name, is_only=shared[_fold(_base_name(name))] == 1)
        if len(files) > 1:
            found.problems[number] = f"{name!r} may be {files[0]!r} or {files[1]!r}"
        elif files:
            found.files[number], rules[number] = files[0], rule
    _refuse_shared(found, names, users)
    found.rules.update(rules[number] for number in found.files)
    return found


def _refuse_shared(found: FoundFiles, names: Mapping[int, str], users: Mapping[str, int]) -> None:
    """Two names may not lead to one file: neither is taken."""
    finders: dict[str, list[int]] = defaultdict(list)
    for number, file in found.files.items():
        finders[file].append(number)
    for file, numbers in finders.items():
        others = {names[number] for number in numbers} | ({file} if file in users else set())
        if len(others) > 1:
            first, second, *_ = sorted(others)
            for number in numbers:
                del found.files[number]
                found.problems[number] = f"{first!r} and {second!r} would both be {file!r}"


def _list_missing(root: Path, names: Mapping[int, str]) -> dict[int, str]:
    """The names that lead to nothing below the folder. Each folder is listed once: a look at each file takes longer."""
    listed: dict[str, frozenset[str]] = {}
    missing = {}
    for number, name in names.items():
        parent, _, base = name.rpartition("/")
        if parent not in listed:
            listed[parent] = _list_folder(root, parent)
        if base not in listed[parent] or name.startswith("/"):
            missing[number] = name
    return missing


def _list_folder(root: Path, parent: str) -> frozenset[str]:
    """Names in a folder below ``root``; none if it leads out of it or cannot be read."""
    if parent.startswith("/") or ".." in parent.split("/"):
        return frozenset()
    try:
        return frozenset(os.listdir(root / parent))  # noqa: PTH208 - names of 100,000 files
    except (OSError, ValueError):
        return frozenset()


_MIN_SHARED_PARTS = 2
"""Name and folder: a path on another machine has its own folders before them."""


class _FolderIndex:
    """All files below a folder, by name."""

    def __init__(self, root: Path) -> None:
        self.paths = frozenset(path.relative_to(root).as_posix() for path in iter_paths(root))
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_coco_id: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            self._by_name[_fold(_base_name(path))].append(path)
            if (stem := _find_stem(path)) != _fold(_base_name(path)):
                self._by_stem[stem].append(path)
            if identity := parse_coco_identity(path):
                self._by_coco_id[identity].append(path)

    def look_up(self, name: str, is_only: bool) -> tuple[str, Sequence[str]]:
        """The rule that leads from a name to files, and these files: none, one, or the first two of several.

        ``is_only`` says whether no other image has this name in another folder.
        """
        spelling = ""
        for rule, change in _SPELLINGS:
            changed = change(name)
            spelling = spelling or (rule if changed != name else "")
            name = changed
            if spelling and name in self.paths:
                return spelling, [name]
        candidates = self._by_name.get(_fold(_base_name(name)), [])
        if candidates:
            rule, files = _choose_nearest(name, candidates, is_only)
            return spelling or rule, files
        identity = parse_coco_identity(_base_name(name))
        if identity and (files := self._by_coco_id.get(identity, [])[:2]):
            return "file_by_coco_id", files
        wanted = _split_path(name)
        files = [path for path in self._by_stem.get(wanted[-1], []) if _fits_end(_split_path(path), wanted)]
        return "file_by_ending", files[:2]


_URL_START = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""The beginning of a URL, also after its slashes were joined; a drive has one letter."""


def read_url(name: str) -> str:
    """The path that a URL names: Label Studio's ``?d=``, else the path behind the host."""
    if not _URL_START.match(name) and "?d=" not in name:
        return name
    try:
        url = urlsplit(name)
    except ValueError:
        return name
    return parse_qs(url.query).get("d", [url.path])[0].lstrip("/")


_SPELLINGS: Sequence[tuple[str, Callable[[str], str]]] = (
    ("file_by_url", read_url),
    ("file_by_slash", lambda name: name.replace("\\", "/")),
    ("file_by_percent", unquote),
)


def _choose_nearest(name: str, candidates: Sequence[str], is_only: bool) -> tuple[str, Sequence[str]]:
    """The rule and the files among some of the same name that share most folders with a path, counted from its end."""
    wanted = [_fold(part) for part in name.split("/") if part not in ("", ".")]
    shared = {path: _count_shared(wanted, [_fold(part) for part in path.split("/")]) for path in candidates}
    most = max(shared.values())
    nearest = [path for path in candidates if shared[path] == most]
    spelled = [path for path in nearest if _base_name(path) == _base_name(name)]
    nearest = spelled if len(spelled) == 1 else nearest
    if len(nearest) > 1:
        return "file_in_folder", nearest[:2]
    parts = nearest[0].count("/") + 1
    if most == parts == len(wanted) and not name.startswith("/"):
        return "file_by_letters", nearest
    if most in (parts, len(wanted)) or most >= _MIN_SHARED_PARTS:
        return "file_in_folder", nearest
    return "file_elsewhere", nearest if is_only and len(candidates) == 1 else []


def _count_shared(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts two paths share, counted from their ends."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _fits_end(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a path is the end of a wanted one. In any deeper folder, another ending may be that of masks."""
    shared = _count_shared(parts, wanted)
    return shared == len(parts) or shared >= _MIN_SHARED_PARTS


def _split_path(path: str) -> list[str]:
    """Folders and name without ending, in one form and case."""
    *folders, base = [part for part in path.split("/") if part not in ("", ".")] or [""]
    return [*map(_fold, folders), _find_stem(base)]


def _base_name(name: str) -> str:
    return name.rpartition("/")[2]


def _find_stem(name: str) -> str:
    """The name without folders and without an ending of images, in one form and case."""
    base = _fold(_base_name(name))
    stem, dot, ending = base.rpartition(".")
    return stem if stem and dot + ending in IMAGE_ENDINGS else base


def _fold(text: str) -> str:
    """The text in one Unicode form and case."""
    return unicodedata.normalize("NFC", text).casefold()
