"""Check that the files of a source exist, and compute their digests."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from scar.annotations.file_kind import INSTANCES, find_kind, find_reader
from scar.common.files import hash_file, iter_paths
from scar.errors import InputError
from scar.recipe import READERS, Source

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".gz")


def check_inputs(source: Source) -> None:
    """Check that the files and folders of a source exist, before a build spends hours on another source.

    Raises:
        InputError: a file or folder is missing, is an archive, may not be read, or is a file where a folder is expected
            or the reverse. The message says where to get it.
    """
    instances = source.instances
    if instances is not None and instances.is_dir() and source.images.is_file():
        raise InputError(f"{instances}: is a folder, and {source.images} a file; exchange instances and images.")
    for role, path in source.inputs.items():
        is_folder = role in READERS[source.reader].folders
        if role == "instances" and path.exists() and path.is_dir() != is_folder:
            _refuse_other_form(path)
        _check_path(path, is_folder, f"{source.key} needs its {role} there", source.get)
    _check_path(source.images, True, f"{source.key} needs its images there", source.get)


def digest_input(path: Path) -> str:
    """SHA-256, in hexadecimal digits, of the bytes of a file, or of the names and sizes of all files below a folder.

    Raises:
        InputError: the file or folder cannot be read.
    """
    try:
        if not path.is_dir():
            state = path.stat()
            return _hash_file(path, (state.st_size, state.st_mtime_ns, state.st_ino))
        whole = hashlib.sha256()
        for file in iter_paths(path):
            whole.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\n".encode())
        return whole.hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}.") from None


@cache
def _hash_file(path: Path, state: tuple[int, ...]) -> str:
    """SHA-256 of a file in a state that its ``stat`` gives; a file that several sources share is hashed once."""
    return hash_file(path)


def _refuse_other_form(path: Path) -> None:
    """Raise `InputError` if a folder is given for a file, or the reverse, and another reader reads it."""
    if reader := find_reader(path) or (None if path.is_dir() else "coco"):
        what = "a folder" if path.is_dir() else "a file"
        raise InputError(f'{path}: is {what} for the reader {reader}; say reader = "{reader}" (--reader {reader}).')
    inside = [file for file in sorted(path.glob("*.json")) if (kind := find_kind(file)) and kind.name == INSTANCES]
    if inside:
        raise InputError(f"{path}: is a folder; give the file in it: {' or '.join(map(str, inside[:3]))}.")


def _check_path(path: Path, is_folder: bool, need: str, get: str | None) -> None:
    """Check that a file or folder exists and may be read; ``need`` and ``get`` say in the message what it is for."""
    hint = f"; get it from {get}" if get else ""
    no_permission = InputError(f"{path}: no permission to read it; {need}.")
    try:
        if path.is_file() and path.name.endswith(_ARCHIVES):
            raise InputError(f"{path}: is an archive; {need}, unpacked.")
        if not path.exists():
            archive = _find_archive(path)
            way_out = f": {archive}" if archive else hint
            raise InputError(f"{path}: no such {'folder' if is_folder else 'file'}; {need}{way_out}.")
        if path.is_dir() != is_folder:
            raise InputError(f"{path}: is {'no' if is_folder else 'a'} folder; {need}{hint}.")
        if not os.access(path, os.R_OK | (os.X_OK if is_folder else 0)):
            raise no_permission
    except PermissionError:
        raise no_permission from None


def _find_archive(path: Path) -> str | None:
    """What to do with archives that may hold a missing path: with its name, else any in its folder; or None."""
    archives = [p for p in sorted(path.parent.glob("*")) if p.name.endswith(_ARCHIVES)]
    same_name = [p for p in archives if p.name.startswith((f"{path.name}.", f"{path.stem}."))]
    names = " or ".join(p.name for p in (same_name or archives)[:3])
    if not names:
        return None
    return f"unpack {names}" if same_name else f"unpack {names}, if it is in there"
