"""Unpacks archives from untrusted sources: plain files only, inside the folder, up to a limit of bytes and files."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from scar.common.files import join_inside, replace_file
from scar.errors import DataError

MAX_GROWTH = 20
"""An archive may unpack to this many times its size (`MIN_LIMIT_BYTES` are added): images hardly compress."""

MIN_LIMIT_BYTES = 2**26
"""Bytes that even the smallest archive may unpack to."""

MAX_MEMBERS = 5_000_000
"""Largest number of files in an archive."""

Member: TypeAlias = tuple[str, int, Callable[[], IO[bytes]]]
"""A file in an archive: its name, its size in bytes, and a function that opens it."""


def unpack_archive(
    archive: Path, out: Path, *, strip: str = "", advance: Callable[[int], None] = lambda _: None
) -> int:
    """Unpack a tar or zip archive; existing files of the right size are kept, so that a stopped run resumes.

    Args:
        archive: a tar file, compressed or not, or a zip file.
        out: folder to unpack into.
        strip: a folder at the top of the archive whose files go directly into ``out``; empty means none.
        advance: called with the number of bytes of each file, unpacked or kept, to show progress.

    Returns:
        Number of files in the archive, kept ones included.

    Raises:
        DataError: the file is no archive or is damaged, it holds a link, a device or a path that leaves ``out``, or it
            unpacks to too many bytes or files.
    """
    left = MAX_GROWTH * archive.stat().st_size + MIN_LIMIT_BYTES
    count = 0
    try:
        for name, size, open_member in _iter_members(archive):
            path = _resolve_member_path(archive, name, out, strip)
            left -= size
            count += 1
            if left < 0 or count > MAX_MEMBERS:
                raise DataError(f"{archive}: {name!r}: it unpacks to far more than an archive of images does; refused.")
            if not (path.is_file() and path.stat().st_size == size):
                _write_member(open_member, size, path, f"{archive}: {name!r}")
            advance(size)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: a damaged archive ({error}); delete it and run `mmeb-eval fetch`.") from error
    return count


def _iter_members(archive: Path) -> Iterator[Member]:
    """Yield the archive's files; raises `DataError` at a link or device."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise DataError(f"{archive}: {entry.filename!r} is a link or device; refused.")
                if not entry.is_dir():
                    yield entry.filename, entry.file_size, lambda entry=entry: packed.open(entry)  # type: ignore[misc]
        return
    with tarfile.open(archive) as tape:
        for member in tape:
            if not (member.isfile() or member.isdir()):
                raise DataError(f"{archive}: {member.name!r} is a link or device; refused.")
            if member.isfile():
                yield member.name, member.size, lambda member=member: tape.extractfile(member)  # type: ignore[misc]


def _resolve_member_path(archive: Path, name: str, out: Path, strip: str) -> Path:
    """The path to which a file of an archive is unpacked."""
    parts = PurePosixPath(name).parts
    try:
        return join_inside(out, "/".join(parts[1:]) if len(parts) > 1 and parts[0] == strip else name)
    except ValueError as error:
        raise DataError(f"{archive}: member {error}") from None


def _write_member(open_member: Callable[[], IO[bytes]], size: int, path: Path, member: str) -> None:
    """Write the bytes of a file of an archive; the file appears under its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as temporary:
        with open_member() as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target)
        if temporary.stat().st_size != size:
            raise DataError(f"{member} has a size other than the archive's index; the archive is damaged.")
