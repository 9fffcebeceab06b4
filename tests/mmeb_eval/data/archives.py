"""Tar archives for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable


def tape(files: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            packed.addfile(info, io.BytesIO(content[: info.size]))
    return out.getvalue()
