"""Comparing checkpoints, and spoiling their folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from virtue_ref.checkpoints.checkpoint import Checkpoint

Weights = Mapping[str, Tensor]


def same(ours: Weights, theirs: Weights) -> None:
    assert sorted(ours) == sorted(theirs)
    for key, value in ours.items():
        assert value.dtype == theirs[key].dtype
        assert torch.equal(value, theirs[key]), key


def same_checkpoints(one: Checkpoint, two: Checkpoint) -> None:
    same(one.backbone, two.backbone)
    same(one.segmenter, two.segmenter)
    same(one.connector, two.connector)
    assert one.files == two.files


def rewrite(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        table = json.loads((folder / name).read_text())
        change(table)
        (folder / name).write_text(json.dumps(table))

    return apply


def drop(*names: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return apply


def put(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content)
