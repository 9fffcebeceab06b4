"""Resume a run: what may differ from the run as it was, and what may not.

Content is compared; names and paths are not. These may differ, since no weight depends on them (but for rounding and
the draws of dropout): names and paths, how often a run is logged, saved and evaluated, and how a step is computed. A
row that was not used yet, or that could not be used, may be corrected; no other row moves. Everything else must be as
it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scar.errors import CheckpointError
from virtue_ref.checkpoints.run_folder import LAST, find_named
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.runs import RunProgress, read_progress

CHANGEABLE = re.compile(
    r"recipe\.(name|about|watch|missing|optimiser\.(part|cached|checkpointing)|sources\.\d+\.(name|files|images))\b"
    r"|model\.name\b"
)
"""Dotted names of the facts of a run that may differ when it is resumed."""

COMPARED_AS_CONTENT = re.compile(r"recipe\.(model|backbone|segmenter|profile)\b")
"""Facts that only name weights and settings; the model's revision and settings are compared instead, if stored."""

MAX_NAMED = 3
"""Most differences that an error message names."""


def resume_run(
    run: Path, facts: Mapping[str, Any], sources: Sequence[PairSource], mixer: Mixer
) -> tuple[RunProgress, dict[str, Tensor]]:
    """Read how far a run is, and set the mixer to where it was.

    Args:
        run: folder of the run.
        facts: how the resuming run is made, from `virtue_ref.training.record.describe_run`.
        sources: the opened sources.
        mixer: a new mixer for these sources, which is changed.

    Returns:
        What the run has done, and the tensors that `save_checkpoint` stored. For a run without a checkpoint: step 0
        with `facts`, and no tensors.

    Raises:
        CheckpointError: the checkpoint is damaged, or is of another recipe, model or data; the message names what
            differs.
    """
    folder = find_named(run, LAST)
    if folder is None:
        return RunProgress(facts=facts), {}
    progress, state = read_progress(folder)
    differences = [*compare_facts(progress.facts, facts)]
    if not differences:
        mixer.restore_state(dict(progress.mixer))
        differences = [*compare_rows(progress.facts, state, sources, mixer)]
    if differences:
        more = f", {len(differences) - MAX_NAMED} more differ" if differences[MAX_NAMED:] else ""
        raise CheckpointError(
            f"{folder} is of another run: {', '.join(differences[:MAX_NAMED])}{more}; "
            "name a new folder, or use the earlier settings."
        )
    return progress, state


def describe_rows(sources: Sequence[PairSource]) -> dict[str, Tensor]:
    """Describe the content of all rows of the sources as tensors, for a checkpoint; `compare_rows` reads them.

    Returns:
        For the source with index i: ``rows.<i>.digest``, (rows,) int64, `PairSource.digests`; and ``rows.<i>.usable``,
        (rows,) bool.
    """
    state: dict[str, Tensor] = {}
    for index, source in enumerate(sources):
        usable = torch.zeros(len(source.table), dtype=torch.bool)
        usable[torch.tensor(list(source.rows))] = True
        state |= {f"rows.{index}.digest": torch.from_numpy(source.digests), f"rows.{index}.usable": usable}
    return state


def compare_facts(stored: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """List what differs between the facts of two runs, apart from their data: a phrase with both values for each key.

    Empty if only facts differ that may differ, see the head of this module.

    Args:
        stored: facts of the stored run, see `virtue_ref.training.record.describe_run`.
        current: facts of the resuming run.
    """
    sides = [_flatten({key: each[key] for key in ("recipe", "model")}) for each in (stored, current)]
    has_settings = "settings" in stored["model"]  # 0.2.0 stored none
    ignored = [CHANGEABLE, COMPARED_AS_CONTENT] if has_settings else [CHANGEABLE, re.compile(r"model\.settings\b")]
    keys = sorted(key for key in sides[0].keys() | sides[1].keys() if not any(each.match(key) for each in ignored))
    return [
        f"{key} was {sides[0].get(key)!r} and is {sides[1].get(key)!r}"
        for key in keys
        if sides[0].get(key) != sides[1].get(key)
    ]


def compare_rows(
    facts: Mapping[str, Any], state: Mapping[str, Tensor], sources: Sequence[PairSource], mixer: Mixer
) -> list[str]:
    """List what differs in the rows that a run has used: a phrase for each source with a difference.

    Args:
        facts: facts of the stored run.
        state: tensors of the stored run, those of `describe_rows` among them.
        sources: the sources as they are now.
        mixer: the mixer in the state of the stored run; it knows which rows were used.
    """
    found = []
    for index, source in enumerate(sources):
        before = state.get(f"rows.{index}.digest")
        if before is None:
            found += _compare_files(facts["data"], source)
        elif len(before) != len(source.table):
            found.append(f"{source.name} had {len(before):,} rows and has {len(source.table):,}")
        else:
            used = mixer.list_used(index)
            used = used[state[f"rows.{index}.usable"].numpy()[used]]
            changed = np.sort(used[before.numpy()[used] != source.digests[used]])
            if len(changed):
                rows = ", ".join(map(str, changed[:MAX_NAMED]))
                found.append(f"{len(changed):,} rows of {source.name} that were used have changed (row {rows})")
    return found


def _compare_files(data: Mapping[str, Any], source: PairSource) -> list[str]:
    """What differs in a source of a run of 0.2.0, which stored files and not rows, and ordered the usable rows only."""
    stored = data.get(source.name, {})
    found = [f"data.{source.name}.revision was {stored.get('revision')!r} and is {source.revision!r}"]
    if stored.get("revision") == source.revision:
        found = [f"the order of {source.name}'s rows was that of 0.2.0"] if stored["rejected"] else []
    return found


def _flatten(table: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted name -> value of each leaf of nested tables and lists of tables, as JSON would give it back."""
    if isinstance(table, list | tuple) and any(isinstance(each, Mapping) for each in table):
        table = dict(enumerate(table))
    if not isinstance(table, Mapping):
        return {prefix: json.loads(json.dumps(table))}
    inner = (_flatten(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in table.items())
    return {key: value for part in inner for key, value in part.items()}
