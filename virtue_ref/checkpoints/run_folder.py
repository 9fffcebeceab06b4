"""The folder of a training run, and the checkpoint that is loaded for it.

run/
  log.jsonl               one line per logged step
  tensorboard/            the same, as curves
  step-000500/            a checkpoint; it appears complete or not at all
    model/                in our layout, adapters merged; its training.json says how it came about
    state.safetensors     trained weights and the optimiser's moments, exact
    state.json            step, order of rows, scores, recipe, revisions, versions
  last, best              files that name a checkpoint's folder
"""

from __future__ import annotations

import contextlib
from pathlib import Path

STATE_STEM = "state"
TRAINING_FILE = "training.json"
MODEL_FOLDER = "model"
LAST, BEST = "last", "best"


def find_named(run: Path, which: str) -> Path | None:
    """The checkpoint that the file `last` or `best` names; None if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return run / (run / which).read_text().strip()
    return None


def find_model(run: Path) -> Path | None:
    """The model of a run's best checkpoint, or else of its last one; None if the folder is no run's."""
    folder = find_named(run, BEST) or find_named(run, LAST)
    return None if folder is None else folder / MODEL_FOLDER
