"""SHA-256 of files, stored between commands; a file is read again only when its size or times have changed."""

from __future__ import annotations

import json
from pathlib import Path

from scar.common.files import FileHash, HashCache, write_json
from scar.errors import InputError


class StoredHashes:
    """Computes the SHA-256 of files, and keeps the hashes in a JSON file.

    Args:
        store: the JSON file, which `save` writes; a missing or damaged one counts as empty.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        known: dict[str, FileHash] = {}
        try:
            for path, (sha256, *state) in json.loads(store.read_text(encoding="utf-8")).items():
                known[path] = FileHash(tuple(state), sha256)
        except (OSError, ValueError, TypeError, AttributeError):
            known = {}
        self._hashes = HashCache(("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino"), known)

    def __call__(self, path: Path) -> str:
        """SHA-256 of a file in hexadecimal digits.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            return self._hashes.hash_file(path.resolve())
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}.") from None

    def save(self) -> None:
        """Write the JSON file: it keeps the hashes that were asked for in this process and drops all others."""
        known = self._hashes.known
        write_json({path: [known[path].sha256, *known[path].state] for path in self._hashes.used}, self._store)
