"""Atomic writes, SHA-256 of files, checks that paths stay inside a folder, and sizes in bytes as people write them."""

from __future__ import annotations

import hashlib
import json
import operator
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import uuid4

from scar.errors import InputError, WriteError

PRIVATE = 0o600
"""Rights of a file that only its owner may read and write: those that `tempfile` gives."""


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, at which the ``with`` block writes a file.

    At the end of the block, the file is renamed to ``path``; after an exception, it is removed. It gets the rights that
    the umask asks for. The folder has to exist.

    Raises:
        OSError: the file cannot be renamed, such as when the block wrote none.
    """
    temporary = _name_temporary(path)
    try:
        yield temporary
        if _is_private(temporary):
            _set_rights([temporary], _find_rights(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def create_folder(path: Path) -> Iterator[Path]:
    """Make a temporary folder beside ``path``, which the ``with`` block fills.

    At the end of the block, the folder is renamed to ``path``; after an exception, it is removed. The folder and the
    files in it get the rights that the umask asks for. Missing parent folders are made.

    Raises:
        OSError: the folder cannot be made or renamed; also if ``path`` is a file, or a folder that is not empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _name_temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        if private := [file for file in temporary.rglob("*") if _is_private(file)]:
            _set_rights(private, _find_rights(path))
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _name_temporary(path: Path) -> Path:
    """A path beside ``path`` that nobody else uses."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp")


def _is_private(path: Path) -> bool:
    """Whether a path is a file that only its owner may read.

    Libraries that write a temporary file of their own and rename it, such as safetensors, leave files like this.
    """
    state = path.lstat()
    return stat.S_ISREG(state.st_mode) and stat.S_IMODE(state.st_mode) == PRIVATE and state.st_nlink == 1


def _find_rights(path: Path) -> int:
    """The rights of a new file beside ``path``; the umask can be read without changing it only so."""
    probe = _name_temporary(path)
    probe.touch()
    try:
        return stat.S_IMODE(probe.stat().st_mode)
    finally:
        probe.unlink()


def _set_rights(files: Iterable[Path], rights: int) -> None:
    for file in files:
        file.chmod(rights)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file atomically; missing parent folders are made.

    Raises:
        WriteError: the file cannot be written; its old content is kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written: {error.strerror}; what was stored before is kept, make room and run again."
        ) from error


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8, as `write_bytes` does."""
    write_bytes(text.encode(), path)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON with sorted keys, as `write_bytes` does: equal contents give equal bytes."""
    write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", path)


def write_table(table: Any, path: Path) -> None:
    """Write an arrow table as parquet, as `write_bytes` does."""
    import pyarrow as pa
    from pyarrow import parquet

    buffer = pa.BufferOutputStream()
    parquet.write_table(table, buffer, write_page_checksum=True)
    write_bytes(buffer.getvalue().to_pybytes(), path)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(paths: Iterable[Path]) -> str:
    """One SHA-256, in hexadecimal digits, for several files: that of their joined digests, in the order given.

    Raises:
        OSError: a file cannot be read.
    """
    return hashlib.sha256(b"".join(bytes.fromhex(hash_file(path)) for path in paths)).hexdigest()


class FileHash(NamedTuple):
    """SHA-256 of a file, and the fields of its ``stat``, such as the size, by which a change is noticed."""

    state: tuple[int, ...]
    sha256: str


class HashCache:
    """Computes the SHA-256 of files; a file is read again only when its size, times or other state has changed.

    Args:
        state_fields: names of the fields of ``os.stat_result`` by which a change is noticed.
        known: hashes of an earlier run, by path as text; None starts with no hashes.

    Attributes:
        known: hashes of the earlier run and of this one, by path as text.
        used: paths whose hash this run asked for.
        computed: those of them whose files this run read, since no hash was known or the file had changed.
    """

    def __init__(self, state_fields: tuple[str, ...], known: Mapping[str, FileHash] | None = None) -> None:
        self._state_fields = state_fields
        self.known: dict[str, FileHash] = dict(known or {})
        self.used: set[str] = set()
        self.computed: set[str] = set()

    def hash_file(self, path: Path) -> str:
        """SHA-256 of a file in hexadecimal digits.

        Raises:
            OSError: the file cannot be read.
        """
        key, stat = str(path), path.stat()
        state = tuple(getattr(stat, field) for field in self._state_fields)
        entry = self.known.get(key)
        if entry is None or entry.state != state:
            self.known[key] = entry = FileHash(state, hash_file(path))
            self.computed.add(key)
        self.used.add(key)
        return entry.sha256


_hashes_of_this_process = HashCache(("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino"))


def hash_file_once(path: Path) -> str:
    """SHA-256 of a large file such as weights; this process reads it again only if it has changed.

    Raises:
        OSError: the file cannot be read.
    """
    return _hashes_of_this_process.hash_file(path)


def make_path(path: str | os.PathLike[str], what: str) -> Path:
    """The absolute path that a caller means: ``~`` is the home folder, and a later change of folder changes nothing.

    Args:
        path: a path as text or as an object.
        what: what the path is, with which a message begins.

    Raises:
        InputError: it is no path, or empty.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise InputError(f"{what}: {path!r} is no path.")
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - links stay as they are


def make_count(value: Any, what: str, least: int = 1) -> int:
    """A whole number that a caller gave, such as numpy's, as Python's int.

    Args:
        value: what the caller gave.
        what: what the number is, with which a message begins.
        least: the smallest number that is allowed.

    Raises:
        InputError: it is no whole number (booleans and floats are none), or less than ``least``.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool) or count < least:
        raise InputError(f"{what}: {value!r} is not a whole number from {least} up.")
    return count


def is_inside(path: Path, folder: Path, *, resolve_links: bool) -> bool:
    """Whether a path is the folder or lies below it.

    Args:
        path: the path; it need not exist.
        folder: the folder.
        resolve_links: True for what strangers made, such as archives and pulled repositories, and for what is
            published: all links are followed first. False for folders whose links the user made: the names alone
            count, so that a link may lead to another folder or disk, but ``..`` may not.

    >>> is_inside(Path("images/../x.png"), Path("images"), resolve_links=False)
    False
    """
    if resolve_links:  # Path.resolve raises at a loop of links
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    return path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts


def join_inside(folder: Path, name: str) -> Path:
    """Join a folder and a relative path that a stranger made, such as one in an archive or in a list of downloads.

    Raises:
        ValueError: the path is empty or absolute, contains ``..``, a backslash, a zero byte or a drive, or its folder
            lies outside ``folder`` once links are followed. Where the file itself is a link is not checked.

    >>> join_inside(Path("images"), "../secret")
    Traceback (most recent call last):
    ValueError: '../secret' would leave images; refused.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
        raise ValueError(f"{name!r} would leave {folder}; refused.")
    path = folder / name
    if not is_inside(path.parent, folder, resolve_links=True):
        raise ValueError(f"{name!r} would leave {folder} through a link; refused.")
    return path


def iter_paths(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, at any depth: first its own, sorted by name, then those of each subfolder.

    Links to folders are followed, except links to a folder that contains them. Links that lead nowhere count as files.
    Nothing is yielded if there is no such folder.
    """
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not _leads_to_ancestor(Path(parent), name))
        yield from (Path(parent, name) for name in sorted(names))


def _leads_to_ancestor(folder: Path, name: str) -> bool:
    """Whether ``name`` in a folder is a link to the folder itself or to one above it."""
    path = folder / name
    return path.is_symlink() and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path))


def describe_no_folder(path: Path) -> str:
    """Why a path is no folder, for messages such as ``{path}: {why}; give the folder that ...``.

    >>> describe_no_folder(Path("absent"))
    'no such folder'
    """
    return "is a file, not a folder" if path.exists() else f"no such folder{_describe_link(path)}"


def describe_missing(path: Path) -> str:
    """Why a path is no file, as the end of a sentence; a link that leads nowhere is named with its target.

    >>> describe_missing(Path("absent.png"))
    'does not exist'
    """
    try:
        if path.is_dir():
            return "is a folder"
        return "is no regular file" if path.exists() else f"does not exist{_describe_link(path)}"
    except (OSError, ValueError, RuntimeError):  # a loop of links, a zero byte, a name that is too long
        return f"does not exist{_describe_link(path)}"


def _describe_link(path: Path) -> str:
    """Where a link that leads nowhere points, for a message; empty if the path is no link."""
    try:
        target = str(path.readlink())
    except (OSError, ValueError):
        return ""
    return f" (it is a link to {target!r})"


def format_bytes(count: float) -> str:
    """A number of bytes as people write it, in units of 1000.

    >>> format_bytes(999), format_bytes(45_200), format_bytes(20e9)
    ('999 B', '45.2 kB', '20.0 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
