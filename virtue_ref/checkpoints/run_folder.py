"""The folder of a training run, and which of its checkpoints is loaded.

run/
  log.jsonl               one line per logged step
  training/               the log as curves, for TensorBoard
  step-000500/            a checkpoint; it appears complete or not at all
    model/                the model in our layout, adapters merged; its training.json says how it was trained
    state.safetensors     trained weights and the optimiser's moments, exact; what stands for the content of each row
    state.json            step, order of rows, scores, recipe, revisions, versions
  last, best              each is a file that holds the name of a checkpoint's folder
"""

from __future__ import annotations

import contextlib
from pathlib import Path

STATE_STEM = "state"
TRAINING_FILE = "training.json"
MODEL_FOLDER = "model"
LOG_FILE = "log.jsonl"
LAST, BEST = "last", "best"


def find_named(run: Path, which: str) -> Path | None:
    """Folder of the checkpoint that the file `last` or `best` of a run names; None if the run has no such file.

    Whether that folder exists is not checked.
    """
    with contextlib.suppress(FileNotFoundError):
        return run / (run / which).read_text().strip()
    return None


def find_model(run: Path) -> Path | None:
    """Model folder of a run's best checkpoint, else of its last one; None if the run has none, or is no run.

    Whether the model folder exists is not checked.
    """
    folder = find_named(run, BEST) or find_named(run, LAST)
    return None if folder is None else folder / MODEL_FOLDER
