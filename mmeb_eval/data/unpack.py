"""Unpacking archives of strangers: plain files alone, inside the folder, no more of them than is likely."""

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
"""Most bytes an archive may become, as a multiple of its own size: pictures hardly shrink when they are packed."""

MIN_LIMIT_BYTES = 2**26
"""What a small archive may become whatever its size."""

MAX_MEMBERS = 5_000_000

Member: TypeAlias = tuple[str, int, Callable[[], IO[bytes]]]


def unpack_archive(
    archive: Path, out: Path, *, strip: str = "", advance: Callable[[int], None] = lambda _: None
) -> int:
    """Unpack a tar or zip archive; files that are there in the right size are kept, so that it goes on where it was.

    Args:
        archive: tar, compressed or not, or zip.
        out: where its files go.
        strip: a first folder that is taken off the members' names.
        advance: told the bytes of each member when it is done.

    Returns:
        How many files the archive holds.

    Raises:
        DataError: not an archive, damaged, or a member that is no plain file inside `out`, or too many bytes.
    """
    left = MAX_GROWTH * archive.stat().st_size + MIN_LIMIT_BYTES
    count = 0
    try:
        for name, size, open_ in _iter_members(archive):
            path = _resolve_member_path(archive, name, out, strip)
            left -= size
            count += 1
            if left < 0 or count > MAX_MEMBERS:
                raise DataError(f"{archive}: {name!r}: it unpacks to far more than an archive of images does; refused.")
            if not (path.is_file() and path.stat().st_size == size):
                _write_member(open_, size, path, f"{archive}: {name!r}")
            advance(size)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: a damaged archive ({error}); delete it and run `mmeb-eval fetch`.") from error
    return count


def _iter_members(archive: Path) -> Iterator[Member]:
    """Name, size and content of each file; folders are made as they are needed."""
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
    """Where a member goes."""
    parts = PurePosixPath(name).parts
    try:
        return join_inside(out, "/".join(parts[1:]) if len(parts) > 1 and parts[0] == strip else name)
    except ValueError as error:
        raise DataError(f"{archive}: member {error}") from None


def _write_member(open_member: Callable[[], IO[bytes]], size: int, path: Path, member: str) -> None:
    """A member's bytes under a temporary name, then under its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as temporary:
        with open_member() as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target)
        if temporary.stat().st_size != size:
            raise DataError(f"{member} has another size than the archive says; the archive is damaged.")
