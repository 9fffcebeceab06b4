"""Finished shards on disk: an interrupted build finds them again."""

from __future__ import annotations

import shutil
from pathlib import Path

from scar.build.shard import ShardResult, read_digest
from scar.common.files import replace_file


class ShardStore:
    """A folder of finished shards. Each file has its name only when it is whole, and says what it was made of.

    Args:
        folder: made if it is not there.
        digest: names all that decides the shards; those of another digest are removed.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder
        self._digest = digest
        mark = folder / "digest"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != digest:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._write_file(mark, digest.encode())

    def __len__(self) -> int:
        """How many are finished."""
        return len(list(self.folder.glob("*.shard")))

    def __contains__(self, number: int) -> bool:
        """Whether a shard is finished and its file is whole."""
        try:
            return read_digest(self._shard_path(number).read_bytes()) == self._digest
        except (FileNotFoundError, ValueError):
            return False

    def read_shard(self, number: int) -> ShardResult:
        """A finished shard."""
        return ShardResult.from_bytes(self._shard_path(number).read_bytes())

    def write_shard(self, number: int, content: bytes) -> None:
        """Keep what a shard returned."""
        self._write_file(self._shard_path(number), content)

    def remove_folder(self) -> None:
        """Give up the folder and what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _shard_path(self, number: int) -> Path:
        return self.folder / f"{number:06}.shard"

    def _write_file(self, path: Path, content: bytes) -> None:
        with replace_file(path) as partial:
            partial.write_bytes(content)
