"""Files of a repository as the Hub lists them, and getting one of them: whole, checked, or not at all."""

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


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        path: in the repository, with forward slashes.
        size: in bytes.
        sha256: of its bytes; None of a small one, which git keeps.
        blob: git's id of it.
    """

    path: str
    size: int
    sha256: str | None
    blob: str

    def is_at(self, file: Path, sha256: Callable[[Path], str] = hash_file) -> bool:
        """Whether a file has these bytes; ``sha256`` may know checksums that need no reading."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        return sha256(file) == self.sha256 if self.sha256 is not None else compute_git_id(file) == self.blob


def compute_git_id(file: Path) -> str:
    """Git's id of a file, which is small."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def list_files(hub: HfApi, repo: str, repo_type: RepoType, commit: str) -> dict[str, RemoteFile]:
    """The files of a commit by path."""
    from huggingface_hub.hf_api import RepoFile

    entries = hub.list_repo_tree(repo, recursive=True, revision=commit, repo_type=repo_type)
    return {
        entry.path: RemoteFile(entry.path, entry.size, None if entry.lfs is None else entry.lfs.sha256, entry.blob_id)
        for entry in entries
        if isinstance(entry, RepoFile)
    }


def download_file(hub: HfApi, repo: str, repo_type: RepoType, commit: str, file: RemoteFile, staging: Path) -> Path:
    """Get one file of a commit; one that was interrupted goes on where it was.

    Args:
        hub: the client.
        repo: name of the repository.
        repo_type: data set or model.
        commit: of which it is.
        file: which one.
        staging: folder for what is not yet in its place.

    Returns:
        Where the file lies below ``staging``, after a look at its checksum.

    Raises:
        InputError: the path is unsafe, or what came is not what the Hub lists; then a rerun gets it again.
    """
    from huggingface_hub import hf_hub_download

    resolve_path(staging, file.path, repo)
    got = Path(
        hf_hub_download(repo, file.path, repo_type=repo_type, revision=commit, local_dir=staging, endpoint=hub.endpoint)
    )
    if not file.is_at(got):
        name, wanted = ("SHA-256", file.sha256) if file.sha256 else ("git id", file.blob)
        found = hash_file(got) if file.sha256 else compute_git_id(got)
        got.unlink()
        raise InputError(f"{repo}: {file.path} came with {name} {found}, the Hub has {wanted}; run it again.")
    return got


def resolve_path(folder: Path, path: str, about: str) -> Path:
    """Where a file of somebody else's list goes.

    Raises:
        InputError: that would be beyond the folder; begins with ``about``.
    """
    try:
        return join_inside(folder, path)
    except ValueError as error:
        raise InputError(f"{about}: {error}") from None
