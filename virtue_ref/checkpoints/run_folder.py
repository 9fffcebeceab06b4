"""The folder of a training run, and which of its checkpoints is loaded.

run/
  log.jsonl               one line per logged step
  training/               the log as curves, for TensorBoard
  step-000500/            a checkpoint; it appears complete or not at all
    model/                the model in our layout, adapters merged; its training.json says how it was trained
    state.safetensors     trained weights, the optimiser's moments, and a digest of each training row
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
    """Return the folder of the checkpoint that a file of a run names; None if the run has no such file.

    Whether that folder exists is not checked.

    Args:
        run: folder of the run.
        which: name of the file, `LAST` or `BEST`.
    """
    with contextlib.suppress(FileNotFoundError):
        return run / (run / which).read_text().strip()
    return None


def find_model(run: Path) -> Path | None:
    """Return the folder ``model`` of a run's best checkpoint, else of its last; None if there is neither.

    Whether that folder exists is not checked.
    """
    folder = find_named(run, BEST) or find_named(run, LAST)
    return None if folder is None else folder / MODEL_FOLDER
