"""Read the weights of a checkpoint's folder: one file, or the shards that an index names.

A folder whose weights can be read in two ways is refused.

Source of the names: transformers, `utils/__init__.py` (SAFE_WEIGHTS_INDEX_NAME and its relatives).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scar.errors import CheckpointError
from virtue_ref.checkpoints.tensors import read_json, read_tensors

WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin")
"""Names of the file of a whole model; an index adds ``.index.json``."""


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The weight files of one model.

    Attributes:
        files: paths of the files: one, or all shards in the order of their names.
        keys: path of a shard -> the keys of tensors that the index says are in it; None without an index.
        index: path of the index, beside the shards; None for a single file.
    """

    files: tuple[Path, ...]
    keys: Mapping[Path, frozenset[str]] | None = None
    index: Path | None = None


def read_weights(
    folder: Path, stem: str = "model", torch_stem: str = "pytorch_model"
) -> tuple[dict[str, Any], list[Path]]:
    """Read all weights of a folder; see `find_weight_files` for the arguments.

    Returns:
        The tensors by key, and the paths of the files that were read.

    Raises:
        CheckpointError: the weights are missing or can be read in two ways, a shard holds other keys than the index
            says, or a file is refused (see `virtue_ref.checkpoints.tensors.read_tensors`).
    """
    found = find_weight_files(folder, stem, torch_stem)
    weights: dict[str, Any] = {}
    for file in found.files:
        tensors = read_tensors(file)
        if twice := sorted(weights.keys() & tensors.keys()):
            raise CheckpointError(f"{file}: {twice[0]} is also in another shard ({len(twice)} such keys).")
        if found.keys is not None:
            _check_shard(file, tensors.keys(), found.keys[file])
        weights |= tensors
    return weights, list(found.files)


def find_weight_files(folder: Path, stem: str = "model", torch_stem: str = "pytorch_model") -> WeightFiles:
    """Find the weight files of a folder: safetensors if there are any, else torch files; whole or in shards.

    Args:
        folder: folder of the checkpoint.
        stem: name of the safetensors file without ``.safetensors``.
        torch_stem: name of the torch file without ``.bin``.

    Raises:
        CheckpointError: there are no weights; an index is damaged, leads out of the folder or names a missing shard; or
            the files can be read in two ways: a single file beside an index or shards, or shards that the index does
            not name.
    """
    for name, end in ((stem, "safetensors"), (torch_stem, "bin")):
        found = _find_weights(folder, name, end)
        if found is not None:
            return found
    raise CheckpointError(f"{folder}: neither {stem}.safetensors nor {torch_stem}.bin, whole or in shards.")


def has_weights(folder: Path) -> bool:
    """Whether a folder has a file of `WEIGHT_NAMES` or an index of its shards; an adapter's weights do not count."""
    return any((folder / f"{name}{end}").is_file() for name in WEIGHT_NAMES for end in ("", ".index.json"))


def _find_weights(folder: Path, stem: str, end: str) -> WeightFiles | None:
    whole, index = folder / f"{stem}.{end}", folder / f"{stem}.{end}.index.json"
    shards = {path.name for path in folder.glob(f"{stem}-*.{end}") if _is_shard(path.name, stem, end)}
    if whole.is_symlink() and not whole.exists():
        raise CheckpointError(f"{whole}: is a link to nothing; download the checkpoint again.")
    if not index.is_file():
        if not shards:
            return WeightFiles((whole,)) if whole.is_file() else None
        first = min(shards)
        if whole.is_file():
            raise CheckpointError(f"{folder}: has both {whole.name} and {first}; take out the one that is not meant.")
        raise CheckpointError(f"{folder / first}: is a shard without {index.name}, which names all of them.")
    keys = _read_index(index)
    for name in keys:
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder / name}: no such file, though {index.name} names it; download it again.")
    if whole.is_file() and whole.name not in keys:
        raise CheckpointError(f"{folder}: has both {whole.name} and {index.name}; take out the one that is not meant.")
    if extra := sorted(shards - keys.keys()):
        raise CheckpointError(
            f"{folder / extra[0]}: {index.name} names no such shard ({len(extra)} such); take out what is not meant."
        )
    files = tuple(folder / name for name in sorted(keys))
    return WeightFiles(files, {folder / name: frozenset(keys[name]) for name in keys}, index)


def _is_shard(name: str, stem: str, end: str) -> bool:
    return re.fullmatch(rf"{re.escape(stem)}-\d+-of-\d+\.{end}", name) is not None


def _read_index(index: Path) -> dict[str, set[str]]:
    """The keys of each shard that an index names."""
    stored = read_json(index).get("weight_map")
    if not isinstance(stored, dict) or not stored:
        raise CheckpointError(f"{index}: no weight_map in it.")
    keys: dict[str, set[str]] = {}
    for key, name in stored.items():
        if not isinstance(name, str) or not name or Path(name).name != name or name == ".." or "\\" in name:
            raise CheckpointError(f"{index}: shard {name!r} is not a file beside it.")
        keys.setdefault(name, set()).add(key)
    return keys


def _check_shard(file: Path, has: Collection[str], named: Collection[str]) -> None:
    for problem, keys in (("lacks", set(named) - set(has)), ("has, against the index,", set(has) - set(named))):
        if keys:
            raise CheckpointError(f"{file}: {problem} {min(keys)} ({len(keys)} such keys): shards of two checkpoints?")
