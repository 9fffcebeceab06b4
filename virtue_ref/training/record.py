"""Records of a run: how it was made, and a line of the log for each step."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

import torch
from accelerate import Accelerator

from mmeb_eval.run.versions import read_versions
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.run_folder import LOG_FILE
from virtue_ref.config import Config
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.step import StepRecord


def describe_run(recipe: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource]) -> dict[str, Any]:
    """Describe how a run is made, for JSON.

    Returns:
        `recipe` (all its fields), `model` (name, revision and settings of `start`), `data` (for each source its
        revision and its numbers of usable and rejected rows), `commit` of this code and `versions` of libraries.
    """
    return {
        "recipe": recipe.to_dict(),
        "model": {
            "name": start.config.name,
            "revision": start.revision,
            "settings": describe_model_settings(start.config),
        },
        "data": {
            source.name: {"revision": source.revision, "rows": len(source), "rejected": dict(source.rejected)}
            for source in sources
        },
        "commit": find_commit(),
        "versions": read_versions(),
    }


def describe_model_settings(config: Config) -> dict[str, Any]:
    """Describe the settings of a model that change what it computes, for JSON; `sizes` is a digest of all sizes."""
    segmenter = config.segmenter
    backbone = {key: value for key, value in config.backbone.items() if not key.startswith(("_", "transformers_"))}
    sizes = json.dumps([backbone, None if segmenter is None else dict(segmenter.model)], sort_keys=True, default=str)
    return {
        "profile": config.profile.name,
        "image": dataclasses.asdict(config.image),
        "max_length": config.max_length,
        "points_per_side": None if segmenter is None else segmenter.points_per_side,
        "sizes": hashlib.sha256(sizes.encode()).hexdigest()[:12],
    }


def find_commit() -> str | None:
    """Find the git commit of this code; None if the code is not in a git clone, or git is not installed."""
    clone, git = Path(__file__).parents[2], which("git")
    if git is None or not (clone / ".git").exists():
        return None
    from subprocess import DEVNULL, run

    command = [git, "-C", str(clone), "rev-parse", "HEAD"]
    return run(command, stdout=-1, stderr=DEVNULL, text=True, check=False).stdout.strip() or None  # noqa: S603


def log_step(run: Path, record: StepRecord, accelerator: Accelerator) -> None:
    """Append a step to the run's log.jsonl and to the curves of the trackers. The first process alone calls it.

    Args:
        run: folder of the run.
        record: numbers of the step.
        accelerator: has the trackers, and the device whose peak memory is logged.
    """
    line = dataclasses.asdict(record) | {"memory_mib": peak_memory_mib(accelerator.device)}
    with (run / LOG_FILE).open("a") as file:
        file.write(json.dumps(line) + "\n")
    accelerator.log({key: value for key, value in line.items() if key != "step"}, step=record.step)


def peak_memory_mib(device: torch.device) -> float:
    """Return the peak memory in MiB since the process started: that of the GPU for a GPU, else that of the process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
