"""Weights and a config that do not fit together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from scar.errors import CheckpointError
from virtue_ref.embedder import load


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_keys_that_do_not_fit_are_named(official: Path) -> None:
    def change(weights: dict[str, Tensor]) -> None:
        weights["model.layers.7.surprise"] = weights.pop("model.norm.weight")
        weights["visual.merger.ln_q.weight"] = torch.zeros(3)

    change_weights(official, change)
    message = (
        r"Keys 1 missing: backbone\.language_model\.norm\.weight; "
        r"keys 1 unexpected: backbone\.language_model\.layers\.7\.surprise; "
        r"keys 1 of another shape: backbone\.visual\.merger\.ln_q\.weight \(3,\) instead of \(32,\)"
    )
    with pytest.raises(CheckpointError, match=message):
        load(official)
