"""Finished shards on disk, so that the next build need not repeat them after an interruption."""

from __future__ import annotations

import shutil
from pathlib import Path

from scar.build.shard import ShardResult, read_digest
from scar.common.files import replace_file


class ShardStore:
    """A folder of finished shards, by their number in the source, from 0.

    Args:
        folder: the folder; made if missing, emptied if it holds shards of another digest.
        digest: digest of everything that decides the shards.

    Attributes:
        folder: the folder.
        digest: the digest.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder
        self.digest = digest
        mark = folder / "digest"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != digest:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._write_file(mark, digest.encode())

    def __len__(self) -> int:
        """Number of finished shards."""
        return len(list(self.folder.glob("*.shard")))

    def __contains__(self, number: int) -> bool:
        """Whether a shard is finished: its file is there, complete and of the digest."""
        try:
            return read_digest(self._shard_path(number).read_bytes()) == self.digest
        except (FileNotFoundError, ValueError):
            return False

    def read_shard(self, number: int) -> ShardResult:
        """Read the result of a finished shard.

        Raises:
            OSError: the shard is not in the store.
        """
        return ShardResult.from_bytes(self._shard_path(number).read_bytes())

    def write_shard(self, number: int, content: bytes) -> None:
        """Store the bytes of a `ShardResult`; the shard is finished then."""
        self._write_file(self._shard_path(number), content)

    def remove_folder(self) -> None:
        """Remove the folder and all shards."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _shard_path(self, number: int) -> Path:
        return self.folder / f"{number:06}.shard"

    def _write_file(self, path: Path, content: bytes) -> None:
        with replace_file(path) as partial:
            partial.write_bytes(content)
