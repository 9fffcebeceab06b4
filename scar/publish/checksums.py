"""SHA-256 of files, computed once: a file whose size and times stay the same is not read again."""

from __future__ import annotations

import json
from pathlib import Path

from scar.annotations.inputs import digest
from scar.build.report import write_json
from scar.errors import InputError


class Checksums:
    """Remembers checksums in a file.

    Args:
        memory: where they are kept; made when `save` is called. One that is damaged counts as empty.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        try:
            known = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known: dict[str, list[str | int]] = known if isinstance(known, dict) else {}
        self._used: dict[str, list[str | int]] = {}

    def __call__(self, path: Path) -> str:
        """SHA-256 of a file in hexadecimal digits.

        Raises:
            InputError: it cannot be read.
        """
        try:
            stat = path.stat()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}.") from None
        key, mark = str(path.resolve()), [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        before = self._used.get(key) or self._known.get(key)
        if not (isinstance(before, list) and before[1:] == mark):
            before = [digest(path), *mark]
        self._used[key] = before
        return str(before[0])

    def save(self) -> None:
        """Keep what was asked since the start."""
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._used, self._memory)
