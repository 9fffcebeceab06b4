"""Files of weights: a stranger's pickle runs nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from scar.errors import CheckpointError
from virtue_ref.checkpoints.tensors import read_tensors
from virtue_ref.embedder import load


class Danger:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo should never run",)


@pytest.mark.parametrize("name", ["sam2.pt", "sam2_reducer_and_vlm_layer.pth", "pytorch_model.bin"])
def test_a_pickle_that_wants_more_is_refused_by_name(
    official: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if name == "pytorch_model.bin":
        (official / "model.safetensors").unlink()
    torch.save({"model": Danger()}, official / name)
    with pytest.raises(CheckpointError, match=rf"{name}: refused, this pickle wants posix\.system"):
        load(official)
    assert "should never run" not in capfd.readouterr().out
    (official / name).write_bytes(pickle.dumps(Danger()))
    with pytest.raises(CheckpointError, match=f"{name}: "):
        load(official)
    assert "should never run" not in capfd.readouterr().out


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing\.pt: no such file"):
        read_tensors(tmp_path / "nothing.pt")
