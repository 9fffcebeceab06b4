"""Files of weights, read as tensors only: a pickle that asks for anything else is refused by name."""

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
from scar.errors import CheckpointError

SMALL_FILES = ("*.json", "*.txt", "*.jinja", "*.yaml", "*.yml", "*.md")
"""What a checkpoint has beside its weights."""


def read_weights(
    folder: Path, stem: str = "model", torch_stem: str = "pytorch_model"
) -> tuple[dict[str, Any], list[Path]]:
    """All tensors of a folder's model files, whole or in shards, and the files; safetensors are read before torch's.

    Raises:
        CheckpointError: there are none, a shard is missing, or a file is refused.
    """
    for index in (f"{stem}.safetensors.index.json", f"{torch_stem}.bin.index.json"):
        if (folder / index).is_file():
            shards = read_json(folder / index).get("weight_map")
            if not isinstance(shards, dict):
                raise CheckpointError(f"{folder / index}: no weight_map in it.")
            names = sorted({str(name) for name in shards.values()})
            strange = [name for name in names if Path(name).name != name]
            if strange:
                raise CheckpointError(f"{folder / index}: shard {strange[0]!r} is not a file beside it.")
            files = [folder / name for name in names]
            break
    else:
        names = [f"{stem}.safetensors", f"{torch_stem}.bin"]
        files = [folder / name for name in names if (folder / name).is_file()][:1]
        if not files:
            raise CheckpointError(f"{folder}: neither {' nor '.join(names)}, whole or in shards.")
    weights: dict[str, Any] = {}
    for file in files:
        weights |= read_tensors(file)
    return weights, files


def read_tensors(file: Path) -> dict[str, Any]:
    """Tensors of one file, in nested dictionaries as stored.

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
            # About a protocol that torch's reader may not know completely; it then refuses the file.
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
    """The table of a JSON file.

    Raises:
        CheckpointError: the file is missing, no JSON, or no table.
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
    """Content of the small files beside the weights, by name, without the lists of shards."""
    found = sorted({path for pattern in SMALL_FILES for path in folder.glob(pattern) if path.is_file()})
    return {path.name: path.read_bytes() for path in found if not path.name.endswith(".index.json")}


def find_revision(folder: Path, files: list[Path]) -> str:
    """The commit of a Hub snapshot; of any other folder the start of a hash over these files."""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    return hash_files(files)[:12]


def first_line(error: Exception) -> str:
    """First line of an error's message; some libraries add pages."""
    return str(error).partition("\n")[0]


def _is_zip(file: Path) -> bool:
    """Whether torch can map the file; its old format cannot be."""
    with file.open("rb") as stream:
        return stream.read(2) == b"PK"
