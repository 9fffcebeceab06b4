"""What a run writes down: the origin of a checkpoint, and a line of the log for a step."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from mmeb_eval.run.versions import read_versions
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.step import StepRecord


def describe_run(recipe: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource]) -> dict[str, Any]:
    """The origin of a checkpoint, for JSON: recipe, model, data, commit and versions."""
    return {
        "recipe": recipe.to_dict(),
        "model": {"name": start.config.name, "revision": start.revision},
        "data": {
            source.name: {"revision": source.revision, "rows": len(source), "rejected": dict(source.rejected)}
            for source in sources
        },
        "commit": find_commit(),
        "versions": read_versions(),
    }


def find_commit() -> str | None:
    """The commit of the code; None where it is not a clone."""
    head = Path(__file__).parents[2] / ".git"
    if not head.exists():
        return None
    from subprocess import DEVNULL, run

    command = ["git", "-C", str(head.parent), "rev-parse", "HEAD"]
    return run(command, stdout=-1, stderr=DEVNULL, text=True, check=False).stdout.strip() or None  # noqa: S603


def log_step(run: Path, record: StepRecord, accelerator: Accelerator) -> None:
    """Add a step to the log and the curves."""
    line = dataclasses.asdict(record) | {"memory_mib": peak_memory_mib(accelerator.device)}
    run.mkdir(parents=True, exist_ok=True)
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    accelerator.log({key: value for key, value in line.items() if key != "step"}, step=record.step)


def peak_memory_mib(device: torch.device) -> float:
    """Most memory so far: of the GPU, else of the process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
