"""The record of what `mmeb-eval fetch` put into a data folder: the revision of each part, a checksum of each file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mmeb_eval.data.files import TaskFiles
from scar.common.files import hash_file, write_bytes
from scar.errors import DataError

MANIFEST_NAME = "mmeb-data.json"

MANIFEST_FORMAT = 1
"""Version of the manifest's format; files of other versions are refused."""


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A downloaded file: its size in bytes and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FetchedPart:
    """Files that were fetched together.

    Attributes:
        repo: id of the data set on the hub.
        revision: commit of the data set.
        files: path of each file below the data folder -> its size and checksum.
        images: 0 if the files are kept as they came. Otherwise they were archives: this many images were unpacked into
            their folders, and they were deleted.
    """

    repo: str
    revision: str
    files: Mapping[str, FetchedFile]
    images: int = 0

    def is_in(self, data: Path) -> bool:
        """Whether a data folder has all the files, with their sizes. For archives: the folders that they were put into.

        Checksums are not computed, and unpacked images are not counted.
        """
        if self.images:
            return all((data / path).parent.is_dir() for path in self.files)
        return all(
            (data / path).is_file() and (data / path).stat().st_size == file.size for path, file in self.files.items()
        )


def read_manifest(data: Path) -> dict[str, FetchedPart]:
    """Read the manifest of a data folder: name of a part -> the part; empty if the folder has no manifest.

    Raises:
        DataError: the manifest is damaged, or its format has another version.
    """
    path = data / MANIFEST_NAME
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != MANIFEST_FORMAT:
            raise DataError(
                f"{path}: format {stored['format']!r}, this version reads {MANIFEST_FORMAT}; fetch into a new folder."
            )
        return {name: _parse_part(part) for name, part in stored["parts"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not a readable manifest ({error}); delete it and run `mmeb-eval fetch`.") from error


def write_manifest(parts: Mapping[str, FetchedPart], data: Path) -> None:
    """Write the manifest of a data folder; it replaces the one that is there.

    Args:
        parts: name of a part -> the part.
        data: the data folder, which must exist.

    Raises:
        EvalError: the file cannot be written.
    """
    stored = {"format": MANIFEST_FORMAT, "parts": {name: asdict(parts[name]) for name in sorted(parts)}}
    write_bytes((json.dumps(stored, indent=1) + "\n").encode(), data / MANIFEST_NAME)


def verify_files(tasks: Iterable[TaskFiles], data: Path) -> None:
    """Refuse files of rows that have changed since they were fetched; files that the manifest does not name pass.

    Args:
        tasks: the tasks whose files are hashed and compared.
        data: the data folder that holds the manifest.

    Raises:
        DataError: a file has changed; the message names the file, both digests and the way out. Or the manifest is
            damaged.
    """
    known = {data / path: (part, file) for part in read_manifest(data).values() for path, file in part.files.items()}
    for path in (path for files in tasks for path in files.paths if path in known):
        part, file = known[path]
        found = hash_file(path)
        if found != file.sha256:
            raise DataError(
                f"{path}: its SHA-256 is {found}, but {part.repo} at {part.revision} has {file.sha256}; "
                f"delete it and run `mmeb-eval fetch`, or use another folder for other data."
            )


def _parse_part(stored: Mapping[str, object]) -> FetchedPart:
    """Make a part from its JSON values; `read_manifest` turns the errors raised here into `DataError`."""
    files = stored["files"]
    if not isinstance(files, dict):
        raise TypeError("files is no table")
    return FetchedPart(
        str(stored["repo"]),
        str(stored["revision"]),
        {path: FetchedFile(int(file["size"]), str(file["sha256"])) for path, file in files.items()},
        int(str(stored["images"])),
    )
