"""Read files of weights as tensors only; a pickle that asks for anything else is refused, and the error names it."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from scar.common.files import hash_files
from scar.errors import CheckpointError, first_line

SMALL_FILES = ("*.json", "*.txt", "*.jinja", "*.yaml", "*.yml", "*.md", "LICENSE*", "NOTICE*")
"""File names of a checkpoint's files other than its weights."""


def read_tensors(file: Path) -> dict[str, Any]:
    """Read the tensors of one file by key, on the CPU; a torch file may also hold nested dictionaries of tensors.

    Raises:
        CheckpointError: the file is missing, damaged, or a pickle that asks for more than tensors.
    """
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file.")
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        mapped = _is_zip(file)
        with warnings.catch_warnings():
            # Torch warns of a pickle protocol that it may not fully support; if it does not, it refuses the file.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            stored = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)  # noqa: TID251 - the only call
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"wants {wanted[1]}" if wanted else "holds more than tensors"
        raise CheckpointError(f"{file}: refused, this pickle {what}; only files of tensors are read.") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{file}: damaged or no file of tensors ({first_line(error)}).") from error
    if not isinstance(stored, dict):
        raise CheckpointError(f"{file}: holds a {type(stored).__name__}, not tensors by name.")
    return stored


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        CheckpointError: the file is missing, is not JSON, or holds something else than an object.
    """
    try:
        loaded = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: no such file; is {file.parent} a checkpoint?") from error
    except ValueError as error:
        raise CheckpointError(f"{file}: not JSON ({error}).") from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{file}: holds a {type(loaded).__name__}, not a table.")
    return loaded


def read_small_files(folder: Path) -> dict[str, bytes]:
    """Read the files of `SMALL_FILES` in a folder (not in subfolders): file name -> content.

    Indices of shards are left out, and hidden files: these are records of a push, or what macOS puts beside others.
    """
    found = sorted({path for pattern in SMALL_FILES for path in folder.glob(pattern) if path.is_file()})
    return {
        path.name: path.read_bytes()
        for path in found
        if not path.name.startswith(".") and not path.name.endswith(".index.json")
    }


def find_revision(folder: Path, files: list[Path]) -> str:
    """Find the revision of a checkpoint, 12 hexadecimal digits.

    It is the start of the commit if the folder is a snapshot in the Hub's cache, else the start of a hash over the
    contents of `files`, the weight files.
    """
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    return hash_files(files)[:12]


def _is_zip(file: Path) -> bool:
    """Whether a torch file is a zip, which can be memory-mapped; torch's old format cannot."""
    with file.open("rb") as stream:
        return stream.read(2) == b"PK"
