"""Save checkpoints of a training run, and resume the run from the last one.

`virtue_ref.checkpoints.run_folder` lists the files of a run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from scar.common.files import create_folder, write_bytes
from scar.errors import CheckpointError, TrainError
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.run_folder import BEST, LAST, LOG_FILE, MODEL_FOLDER, STATE_STEM, TRAINING_FILE, find_named
from virtue_ref.checkpoints.tensors import read_json, read_tensors

CHECKPOINT_NAME = re.compile(r"step-\d{6,}")


@dataclass(frozen=True)
class RunProgress:
    """What a run has done so far.

    Attributes:
        step: number of optimiser steps done.
        mixer: state of the mixer, from `virtue_ref.training.mixing.Mixer.get_state`.
        scores: number of steps done, as text -> score of the evaluation after them.
        facts: how the run was made, from `virtue_ref.training.record.describe_run`.
        skipped: name of a source -> rows (indices in `PairSource.table`) that turned out to be unusable when they were
            drawn.
    """

    step: int = 0
    mixer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    skipped: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)


def save_checkpoint(run: Path, progress: RunProgress, model: Checkpoint, state: Mapping[str, Tensor]) -> Path:
    """Write a checkpoint and return its folder, ``step-<steps done>``.

    The file `last` then names this checkpoint. So does the file `best` if no earlier checkpoint has a higher score.
    Checkpoints that neither file names are removed.

    Args:
        run: folder of the run.
        progress: what the run has done so far.
        model: the model, with the adapters merged into its weights.
        state: tensors to resume from, by key: trained weights, the optimiser's moments, digests of rows.

    Raises:
        TrainError: the checkpoint cannot be written; the earlier checkpoints are kept.
        WriteError: the file `last` or `best` cannot be written; it names an earlier checkpoint as before.
    """
    folder = run / f"step-{progress.step:06}"
    try:
        with create_folder(folder) as out:
            record = {"step": progress.step, "scores": progress.scores, "skipped": progress.skipped, **progress.facts}
            files = {**model.files, TRAINING_FILE: (json.dumps(record, indent=1) + "\n").encode()}
            write_checkpoint(dataclasses.replace(model, files=files), out / MODEL_FOLDER)
            save_file(dict(state), out / f"{STATE_STEM}.safetensors")
            (out / f"{STATE_STEM}.json").write_text(json.dumps(dataclasses.asdict(progress), indent=1) + "\n")
            if folder.exists():
                shutil.rmtree(folder)
    except (OSError, SafetensorError) as error:  # safetensors wraps errors of the file system
        raise TrainError(f"{folder} cannot be written: {error}; the checkpoints before it are kept.") from error
    write_bytes(folder.name.encode(), run / LAST)
    score = progress.scores.get(str(progress.step))
    if score is not None and score >= max(progress.scores.values()):
        write_bytes(folder.name.encode(), run / BEST)
    kept = {find_named(run, which) for which in (LAST, BEST)}
    for old in run.iterdir():
        if CHECKPOINT_NAME.fullmatch(old.name) and (old / f"{STATE_STEM}.json").is_file() and old not in kept:
            shutil.rmtree(old)
    return folder


def read_progress(folder: Path) -> tuple[RunProgress, dict[str, Tensor]]:
    """Read the state that a run resumes from.

    Args:
        folder: folder of a checkpoint, ``step-...``.

    Returns:
        What the run has done, and the tensors that `save_checkpoint` stored, by key.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
    """
    stored = read_json(folder / f"{STATE_STEM}.json")
    try:
        progress = RunProgress(**stored)
    except TypeError as error:
        raise CheckpointError(f"{folder / STATE_STEM}.json: not a run's state ({error}).") from error
    return progress, read_tensors(folder / f"{STATE_STEM}.safetensors")


def trim_log(run: Path, step: int) -> None:
    """Remove the lines of a run's log for later steps than `step`, which are done again, and damaged lines."""
    path = run / LOG_FILE
    if not path.is_file():
        return
    kept = []
    for line in path.read_bytes().splitlines(keepends=True):
        with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line may be half a line
            if json.loads(line)["step"] <= step:
                kept.append(line)
    write_bytes(b"".join(kept), path)


def get_optimiser_state(names: list[str], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's moments and step counts as tensors on the CPU, under keys ``optimiser.<kind>.<weight>``.

    Args:
        names: names of the weights, in the order in which the optimiser got them.
        optimiser: the optimiser to save.
    """
    state = optimiser.state_dict()["state"]
    return {
        f"optimiser.{key}.{names[index]}": torch.as_tensor(value).cpu().contiguous()
        for index, each in state.items()
        for key, value in each.items()
    }


def restore_optimiser(names: list[str], optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Load the tensors from `get_optimiser_state` into an optimiser, in place.

    Args:
        names: names of the weights, in the order in which the optimiser got them; a weight without tensors starts anew.
        optimiser: the optimiser.
        state: the tensors by key; keys of other things are ignored.
    """
    stored = optimiser.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    for index, name in enumerate(names):
        for key in ("step", "exp_avg", "exp_avg_sq"):
            if (value := state.get(f"optimiser.{key}.{name}")) is not None:
                moments.setdefault(index, {})[key] = value
    optimiser.load_state_dict({**stored, "state": moments})
