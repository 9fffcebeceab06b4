"""Records of a push: a file to push, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scar.common.files import hash_file, is_inside
from scar.common.hub_files import RemoteFile, RepoType
from scar.errors import InputError


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to push.

    Attributes:
        path: path in the repository, with forward slashes.
        file: path on this machine.
        size: size in bytes.
        sha256: SHA-256 of the file in hexadecimal digits.
    """

    path: str
    file: Path
    size: int
    sha256: str

    def is_same(self, remote: RemoteFile | None) -> bool:
        """Whether a file of the Hub has the same bytes; False if ``remote`` is None."""
        return remote is not None and remote.is_at(self.file, lambda _: self.sha256)


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where a push goes.

    Attributes:
        repo: ``organisation/name``; the repository is created if it does not exist.
        repo_type: dataset or model.
        public: whether the repository is public if this push creates it.
        revision: branch to commit to; it is created if it does not exist.
        tag: tag to put on the commit; None puts none.
        message: message of the commit.
        prune: whether the repository has only the pushed files afterwards: files of others are removed, and edits on
            the Hub are replaced.
        rivals: `fnmatch` patterns of paths of files that a reader would take in place of the pushed ones, or beside
            them. A push refuses such a file of others, unless ``prune`` removes it.
        card: path of a rendered card that people edit on the Hub: then their card stays. None protects no file.
        card_keys: keys of the card's header that describe files; they are renewed in an edited card too.
    """

    repo: str
    repo_type: RepoType
    public: bool = False
    revision: str = "main"
    tag: str | None = None
    message: str = "Push"
    prune: bool = False
    rivals: Sequence[str] = ()
    card: str | None = None
    card_keys: Sequence[str] = ()


def make_upload(folder: Path, path: str, hasher: Callable[[Path], str] = hash_file) -> Upload:
    """Make the `Upload` of a file in a folder; its path in the repository is its path below the folder.

    Raises:
        InputError: the file is a link that leaves the folder.
        OSError: there is no such file, or it cannot be read; ``hasher`` may raise another error for this.
    """
    file = folder / path
    if not is_inside(file, folder, resolve_links=True):
        raise InputError(f"{file}: is a link that leaves {folder}; put the file itself there.")
    return Upload(path, file, file.stat().st_size, hasher(file))
