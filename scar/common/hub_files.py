"""Files of a repository on the Hugging Face Hub: list them, download one and check it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from scar.common.files import hash_file, join_inside
from scar.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

RepoType: TypeAlias = Literal["dataset", "model"]

STAGING = ".pull"
"""Folder of a pull below the folder it fills; it has a folder for each commit that is not whole yet."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository on the Hub.

    Attributes:
        path: path in the repository, with forward slashes.
        size: size in bytes.
        sha256: SHA-256 of the bytes in hexadecimal digits; None for a small file, which the Hub stores in git itself.
        blob: id of the file in git, by which a small file is compared.
    """

    path: str
    size: int
    sha256: str | None
    blob: str

    def is_at(self, file: Path, sha256: Callable[[Path], str] = hash_file) -> bool:
        """Whether a local file exists and has the same bytes; ``sha256`` returns the hash of a path."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        return sha256(file) == self.sha256 if self.sha256 is not None else compute_git_id(file) == self.blob


def compute_git_id(file: Path) -> str:
    """Id that git gives to a file with these bytes; the whole file is read into memory."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def list_files(hub: HfApi, repo: str, repo_type: RepoType, commit: str) -> dict[str, RemoteFile]:
    """Files of a commit, by their paths in the repository. Errors of the Hub's client pass through."""
    from huggingface_hub.hf_api import RepoFile

    entries = hub.list_repo_tree(repo, recursive=True, revision=commit, repo_type=repo_type)
    return {
        entry.path: RemoteFile(entry.path, entry.size, None if entry.lfs is None else entry.lfs.sha256, entry.blob_id)
        for entry in entries
        if isinstance(entry, RepoFile)
    }


def download_file(hub: HfApi, repo: str, repo_type: RepoType, commit: str, file: RemoteFile, staging: Path) -> Path:
    """Download one file of a commit; an interrupted download continues.

    Args:
        hub: client of the Hub.
        repo: ``organisation/name`` of the repository.
        repo_type: dataset or model.
        commit: id of the commit.
        file: the file to download, as `list_files` returns it.
        staging: folder that gets the file, at its path in the repository.

    Returns:
        Path of the checked file below ``staging``.

    Raises:
        InputError: the path leads out of ``staging``, or the bytes differ from what the Hub lists; a download that
            differs is removed.
        Exception: errors of the Hub's client pass through; see `scar.common.retry.retry_action`.
    """
    from huggingface_hub import hf_hub_download

    resolve_path(staging, file.path, repo)
    downloaded = Path(
        hf_hub_download(repo, file.path, repo_type=repo_type, revision=commit, local_dir=staging, endpoint=hub.endpoint)
    )
    if not file.is_at(downloaded):
        name, wanted = ("SHA-256", file.sha256) if file.sha256 else ("git id", file.blob)
        found = hash_file(downloaded) if file.sha256 else compute_git_id(downloaded)
        downloaded.unlink()
        raise InputError(f"{repo}: {file.path} came with {name} {found}, the Hub has {wanted}; run it again.")
    return downloaded


def is_half_pulled(folder: Path) -> bool:
    """Whether a pull into a folder began and has not ended: the folder lacks files, or has some of another revision."""
    return any(path.is_dir() for path in (folder / STAGING).glob("*"))


def resolve_path(folder: Path, path: str, about: str) -> Path:
    """Join a local folder and a path in a repository; see `join_inside`.

    Raises:
        InputError: the path leads out of the folder; the message begins with ``about``.
    """
    try:
        return join_inside(folder, path)
    except ValueError as error:
        raise InputError(f"{about}: {error}") from None
