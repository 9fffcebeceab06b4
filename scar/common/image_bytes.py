"""Image files in memory: bytes that are opened as the path of a file is."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from pathlib import Path
from typing import TypeAlias


class ImageBytes(os.PathLike[str]):
    """The content of an image file in memory. Two with the same content are equal.

    Whoever needs a file gets a temporary one by `os.fspath`, which lives as long as this object.

    Attributes:
        content: the bytes, in any format of `scar.common.images.FORMATS`.
        sha256: their SHA-256 in hexadecimal digits.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._file: str | None = None

    def __reduce__(self) -> tuple[type[ImageBytes], tuple[bytes]]:
        return ImageBytes, (self.content,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageBytes) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __str__(self) -> str:
        return f"image in memory {self.sha256[:12]}"

    __repr__ = __str__

    def __fspath__(self) -> str:
        if self._file is None:
            descriptor, self._file = tempfile.mkstemp(prefix="image-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.content)
            weakref.finalize(self, _remove_file, self._file, os.getpid())
        return self._file

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self)

    def open(self, mode: str = "rb") -> io.BytesIO:
        """A new file object at the start of the content; ``mode`` is as for `Path.open`."""
        if mode != "rb":
            raise ValueError(f"{self} is opened for reading only.")
        return io.BytesIO(self.content)

    def read_bytes(self) -> bytes:
        """The content."""
        return self.content


ImageFile: TypeAlias = Path | ImageBytes
"""An image file on disk or in memory."""


def _remove_file(file: str, process: int) -> None:
    """Remove a temporary file, but not from a forked process: it belongs to its parent."""
    if os.getpid() == process:
        Path(file).unlink(missing_ok=True)
