"""What tests of several rooms use: the shared material outside of the project, and the contents of a folder."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"
"""Material that tests compare with but the project does not contain; tests skip where it is absent."""


def read_files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
