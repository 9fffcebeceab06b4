"""The record of a push: which files it wrote, and with which contents; it lies in the repository beside them.

The next push compares the repository with it. A file that the record names with the same contents is an earlier push's
own, and goes when the new push lacks it. Any other file is somebody else's, or was edited on the Hub, and stays.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scar.common.files import write_text
from scar.common.hub_files import RemoteFile, RepoType, compute_git_id, download_file
from scar.errors import InputError
from scar.publish.upload import Upload, make_upload

if TYPE_CHECKING:
    from huggingface_hub import HfApi

RECORD = ".pushed.json"
"""Path of the record, in the repository and below the pushed folder. Readers skip hidden files."""

FORMAT = 1

MAX_GIT_BYTES = 10_000_000
"""Files above this size are never stored in git itself. Source: the Hub's preupload."""

_CROISSANT = "croissant.json"
"""Names the parquet files of a corpus with their SHA-256: stands in for the record of a push by scar 0.2 or before."""


class PushedFile(msgspec.Struct, frozen=True):
    """Contents that a push wrote.

    Attributes:
        sha256: SHA-256 in hexadecimal digits.
        git: id in git, by which a small file is compared; None for a file that the Hub does not store in git.
    """

    sha256: str
    git: str | None = None

    def is_same(self, remote: RemoteFile) -> bool:
        """Whether a file of the Hub has these contents."""
        return remote.blob == self.git if remote.sha256 is None else remote.sha256 == self.sha256


class _Record(msgspec.Struct):
    format: int
    files: dict[str, PushedFile]


def write_push_record(folder: Path, files: Sequence[Upload]) -> Upload:
    """Write the record of a push into the folder that is pushed.

    Args:
        folder: the folder of the corpus or model.
        files: all files of the push but the record.

    Returns:
        The record, as one more file to push.

    Raises:
        OSError: a file cannot be read.
        WriteError: the record cannot be written.
    """
    pushed = {
        file.path: PushedFile(file.sha256, compute_git_id(file.file) if file.size <= MAX_GIT_BYTES else None)
        for file in files
    }
    write_text(encode_record(pushed), folder / RECORD)
    return make_upload(folder, RECORD)


def encode_record(files: Mapping[str, PushedFile]) -> str:
    """The text of a record, with sorted paths."""
    content = {"format": FORMAT, "files": {path: msgspec.to_builtins(files[path]) for path in sorted(files)}}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_push_record(
    hub: HfApi, repo: str, repo_type: RepoType, commit: str, remote: Mapping[str, RemoteFile]
) -> dict[str, PushedFile] | None:
    """Read what earlier pushes wrote into a repository.

    Args:
        hub: client of the Hub.
        repo: ``organisation/name`` of the repository.
        repo_type: dataset or model.
        commit: id of the commit.
        remote: files of the commit, by path.

    Returns:
        The contents that pushes wrote, by path. Without a record, those that the Croissant file of an earlier version
        names; None without either.

    Raises:
        InputError: the record is damaged, or another version wrote it.
    """
    if RECORD in remote:
        text = read_small_file(hub, repo, repo_type, commit, remote[RECORD])
        try:
            record = msgspec.json.decode(text, type=_Record)
        except msgspec.DecodeError as error:
            raise InputError(f"{repo}: {RECORD} is no record of a push ({error}); --prune makes a new one.") from None
        if record.format != FORMAT:
            raise InputError(f"{repo}: {RECORD} has format {record.format}, this version reads {FORMAT}; update scar.")
        return record.files
    if _CROISSANT in remote:
        try:
            rows = json.loads(read_small_file(hub, repo, repo_type, commit, remote[_CROISSANT]))["distribution"]
            return {row["contentUrl"]: PushedFile(row["sha256"]) for row in rows}
        except (ValueError, KeyError, TypeError):
            return None  # somebody else's Croissant file
    return None


def read_small_file(hub: HfApi, repo: str, repo_type: RepoType, commit: str, file: RemoteFile) -> bytes:
    """Bytes of one file of a commit.

    Raises:
        Exception: what the Hub's client raises.
    """
    with tempfile.TemporaryDirectory() as staging:
        return download_file(hub, repo, repo_type, commit, file, Path(staging)).read_bytes()
