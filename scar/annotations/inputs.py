"""Whether a source's files are there, and which ones they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from scar.common.files import HashCache
from scar.errors import InputError
from scar.recipe import Source

_FOLDERS = frozenset({"release"})
"""Inputs that are folders."""

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".gz")

_HASHES = HashCache(("st_size", "st_mtime_ns", "st_ino"))
"""Of inputs that several sources share."""


def check_inputs(source: Source) -> None:
    """See that the inputs are there before hours are spent on another source.

    Raises:
        InputError: one is missing, packed, or a folder where a file is expected; the message says where to get it.
    """
    for role, path in source.inputs.items():
        _check_path(path, role in _FOLDERS, f"{source.key} needs its {role} there", source.get)
    _check_path(source.images, True, f"{source.key} needs its images there", source.get)


def digest_input(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder, of the names and sizes of all files in it.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if not path.is_dir():
            return _HASHES.hash_file(path)
        whole = hashlib.sha256()
        for folder, folders, files in os.walk(path):
            folders.sort()
            for name in sorted(files):
                found = Path(folder) / name
                whole.update(f"{found.relative_to(path).as_posix()}\0{found.stat().st_size}\n".encode())
        return whole.hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}.") from None


def _check_path(path: Path, is_folder: bool, need: str, get: str | None) -> None:
    """See that a file or folder is there and can be read."""
    hint = f"; get it from {get}" if get else ""
    closed = InputError(f"{path}: no permission to read it; {need}.")
    try:
        if path.is_file() and path.name.endswith(_ARCHIVES):
            raise InputError(f"{path}: is an archive; {need}, unpacked.")
        if not path.exists():
            packed = _find_archive(path)
            way = f": unpack {packed}" if packed else hint
            raise InputError(f"{path}: no such {'folder' if is_folder else 'file'}; {need}{way}.")
        if path.is_dir() != is_folder:
            raise InputError(f"{path}: is {'no' if is_folder else 'a'} folder; {need}{hint}.")
        if not os.access(path, os.R_OK | (os.X_OK if is_folder else 0)):
            raise closed
    except PermissionError:
        raise closed from None


def _find_archive(path: Path) -> str | None:
    """The archive that a missing file or folder may be in: one of its name, else those that lie where it should."""
    near = [p for p in sorted(path.parent.glob("*")) if p.name.endswith(_ARCHIVES)]
    own = [p for p in near if p.name.startswith((f"{path.name}.", f"{path.stem}."))]
    return " or ".join(p.name for p in (own or near)[:3]) or None
