"""The folders of stored vectors in a results folder: whose they are, how large, and which are of earlier models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmeb_eval.run.lock import lock_folder
from scar.common.files import format_bytes
from scar.errors import DataError

VECTOR_FOLDER = ".vectors"
"""Folder in a results folder that holds a folder of vectors for each embedder."""


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """The stored vectors of one embedder, as it was at some time.

    Attributes:
        path: the folder, in `VECTOR_FOLDER`.
        embedder: the embedder's name.
        size: bytes of the folder's files.
        is_old: whether another folder under the embedder's name was used later, as after a change of weights, code or
            settings.
    """

    path: Path
    embedder: str
    size: int
    is_old: bool


def list_stored_folders(output: Path) -> list[StoredFolder]:
    """The folders of stored vectors in a results folder; empty if there are none.

    They are sorted by the embedder's name; of one name, the last used comes first.
    """
    uses: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted((output / VECTOR_FOLDER).glob("*/about.json")):
        try:
            about = json.loads(path.read_bytes())
            uses.setdefault(str(about["embedder"]), []).append((path.stat().st_mtime_ns, path.parent))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not ours, or just removed
    return [
        StoredFolder(folder, embedder, _measure_folder(folder), is_old=place > 0)
        for embedder, folders in sorted(uses.items())
        for place, (_, folder) in enumerate(sorted(folders, reverse=True))
    ]


def remove_old_folders(output: Path) -> list[StoredFolder]:
    """Remove the folders that are old, see `StoredFolder`; return what was removed.

    Raises:
        DataError: there are no stored vectors.
        EvalError: a run uses the results folder.
    """
    if not (output / VECTOR_FOLDER).is_dir():
        raise DataError(f"{output}: no stored vectors; give the --output of a run.")
    with lock_folder(output):
        old = [folder for folder in list_stored_folders(output) if folder.is_old]
        for folder in old:
            (folder.path / "about.json").unlink(missing_ok=True)  # first: without it, nothing is read from the folder
            shutil.rmtree(folder.path)
    return old


def describe_old_folders(output: Path, folders: Iterable[StoredFolder]) -> str | None:
    """Say in a line how many bytes old ones of ``folders`` hold, and how to remove them; None if none is old."""
    old = [folder for folder in folders if folder.is_old]
    if not old:
        return None
    size = format_bytes(sum(folder.size for folder in old))
    return (
        f"{output / VECTOR_FOLDER}: vectors of earlier versions of the models hold {size}; "
        f"`mmeb-eval vectors {output} --remove-old` removes them."
    )


def _measure_folder(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
