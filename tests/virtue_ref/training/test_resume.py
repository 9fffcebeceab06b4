"""What may differ when a run is resumed, and what may not."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save_file

from scar.errors import CheckpointError
from tests.virtue_ref.training.runs import RECIPE, losses
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import parse_recipe
from virtue_ref.training.setup import make_mixer
from virtue_ref.training.train import train

TABLE = {**RECIPE, "optimiser": {**RECIPE["optimiser"], "steps": 2}, "adapter": {"rank": 2, "alpha": 4}}


@pytest.fixture(scope="module")
def begun(data: Path, start: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which one step is done."""
    run = tmp_path_factory.mktemp("begun") / "run"
    go(TABLE, start, opened(data), run, until=1)
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun, tmp_path / "run")


def opened(corpus: Path) -> list[PairSource]:
    return [open_source("demo", sorted(corpus.glob("SCaR-train/*.parquet")), corpus, missing="skip")]


def go(table: dict[str, Any], start: Checkpoint, sources: list[PairSource], run: Path, **options: Any) -> Path:
    name = str(table.get("name", "test"))
    return train(parse_recipe(table, name, "test.toml"), start, sources, run, trackers=(), cpu=True, **options)


def changed(**values: Any) -> dict[str, Any]:
    """`TABLE` with dotted keys, written with __, replaced."""
    table: Any = copy.deepcopy(TABLE)
    for key, value in values.items():
        *tables, last = key.split("__")
        inner = table
        for each in tables:
            inner = inner[int(each) if each.isdigit() else each]
        inner[last] = value
    return dict(table)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other", "about": "other words", "missing": "skip", "watch": {"log": 2, "save": 1}},
        {"optimiser__part": 64, "optimiser__checkpointing": True, "optimiser__cached": False},
        {"sources": [{"name": "renamed", "files": "SCaR-train/SCAR*.parquet", "images": "./", "all_negatives": True}]},
        {"model": "elsewhere", "profile": "clean"},
    ],
    ids=lambda change: ",".join(change),
)
def test_what_changes_no_weight_may_differ(
    run: Path, data: Path, start: Checkpoint, change: dict[str, Any], begun: Path
) -> None:
    assert go(changed(**change), start, opened(data), run).name == "step-000002"
    assert len(losses(run)) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimiser__rate": 0.5}, r"recipe\.optimiser\.rate was 0\.01 and is 0\.5; name a new folder"),
        ({"optimiser__steps": 9}, r"recipe\.optimiser\.steps was 2 and is 9"),
        ({"optimiser__batch": 8}, r"recipe\.optimiser\.batch was 6 and is 8"),
        ({"optimiser__seed": 1}, r"recipe\.optimiser\.seed was 0 and is 1"),
        ({"optimiser__dtype": "bfloat16"}, r"recipe\.optimiser\.dtype was 'float32' and is 'bfloat16'"),
        ({"optimiser__temperature": 1.0}, r"recipe\.optimiser\.temperature was 0\.02 and is 1\.0"),
        ({"adapter__rank": 3}, r"recipe\.adapter\.rank was 2 and is 3"),
        ({"adapter__targets": ["q_proj"]}, r"recipe\.adapter\.targets was \['q_proj', .*\] and is \['q_proj'\]"),
        ({"sources__0__weight": 2}, r"recipe\.sources\.0\.weight was 0 and is 2"),
        ({"sources__0__all_negatives": False}, r"recipe\.sources\.0\.all_negatives was True and is False"),
        ({"optimiser__rate": 0.5, "adapter__rank": 3}, r"adapter\.rank was 2 and is 3, recipe\.optimiser\.rate was"),
    ],
    ids=lambda change: ",".join(change) if isinstance(change, dict) else "",
)
def test_what_changes_weights_is_refused_with_both_values(
    run: Path, data: Path, start: Checkpoint, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as refused:
        go(changed(**change), start, opened(data), run)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "official"}, r"model\.settings\.profile was 'clean' and is 'official'"),
        ({"max_pixels": 40_000}, r"model\.settings\.image\.max_pixels was \d+ and is 40000"),
    ],
)
def test_the_model_is_compared_by_what_it_computes(
    run: Path, data: Path, start: Checkpoint, options: dict[str, Any], message: str
) -> None:
    import dataclasses

    other = dataclasses.replace(start, config=start.config.with_options(**options))
    with pytest.raises(CheckpointError, match=message):
        go(TABLE, other, opened(data), run)
    with pytest.raises(CheckpointError, match=r"model\.revision was 'seed0' and is 'another'"):
        go(TABLE, dataclasses.replace(start, revision="another"), opened(data), run)


def rewrite(corpus: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the list of a corpus's rows."""
    (file,) = corpus.glob("SCaR-train/*.parquet")
    table = pq.read_table(file)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file, compression="none")


def drawn_rows(corpus: Path, steps: int) -> list[int]:
    mixer = make_mixer(parse_recipe(TABLE, "test", "test.toml"), opened(corpus))
    return [row for _ in range(steps) for _, row in mixer.next_batch()]


def test_files_may_be_written_anew_with_the_same_rows(run: Path, corpus: Path, start: Checkpoint) -> None:
    rewrite(corpus, lambda rows: rows)
    assert go(TABLE, start, opened(corpus), run).name == "step-000002"


def test_a_row_that_was_not_used_may_be_corrected(run: Path, corpus: Path, start: Checkpoint, tmp_path: Path) -> None:
    """And the result is that of a run that had the corrected row from the beginning."""
    later = drawn_rows(corpus, 2)[6]
    rewrite(corpus, lambda rows: rows[later].update(pos_text="a corrected caption"))
    resumed = go(TABLE, start, opened(corpus), run)
    whole = go(TABLE, start, opened(corpus), tmp_path / "whole")
    assert (resumed / "state.safetensors").read_bytes() == (whole / "state.safetensors").read_bytes()


def test_a_row_that_could_not_be_used_may_be_corrected(corpus: Path, start: Checkpoint, tmp_path: Path) -> None:
    bad = drawn_rows(corpus, 1)[2]
    (file,) = corpus.glob("SCaR-train/*.parquet")
    box = pq.read_table(file)["bbox"][bad].as_py()
    rewrite(corpus, lambda rows: rows[bad].update(bbox=[5.0, 5.0, 0.0, 9.0]))
    assert opened(corpus)[0].rejected == {"bad_box": 1}
    others = drawn_rows(corpus, 2)
    assert bad not in others
    assert len(others) == 12, "the batch is full"
    go(TABLE, start, opened(corpus), tmp_path / "run", until=1)
    rewrite(corpus, lambda rows: rows[bad].update(bbox=box))
    assert go(TABLE, start, opened(corpus), tmp_path / "run").name == "step-000002"


def test_a_row_that_was_used_may_not_change(run: Path, corpus: Path, start: Checkpoint) -> None:
    used = drawn_rows(corpus, 1)[0]
    rewrite(corpus, lambda rows: rows[used].update(pos_text="another caption"))
    with pytest.raises(CheckpointError, match=rf"1 rows of demo that were used have changed \(row {used}\)"):
        go(TABLE, start, opened(corpus), run)


def test_rows_may_not_come_or_go(run: Path, corpus: Path, start: Checkpoint) -> None:
    count = len(opened(corpus)[0].table)
    rewrite(corpus, lambda rows: rows.pop())
    with pytest.raises(CheckpointError, match=rf"demo had {count} rows and has {count - 1}; name a new folder"):
        go(TABLE, start, opened(corpus), run)


def as_of_0_2_0(run: Path, rejected: dict[str, int] | None = None) -> None:
    """Take away what version 0.2.0 did not store."""
    folder = run / (run / "last").read_text()
    state = load_file(folder / "state.safetensors")
    save_file({key: value for key, value in state.items() if not key.startswith("rows.")}, folder / "state.safetensors")
    stored = json.loads((folder / "state.json").read_text())
    del stored["skipped"], stored["mixer"]["weights"], stored["facts"]["model"]["settings"]
    stored["facts"]["data"]["demo"]["rejected"] = rejected or {}
    (folder / "state.json").write_text(json.dumps(stored))


def test_a_run_of_0_2_0_goes_on_with_the_same_files(
    run: Path, data: Path, corpus: Path, start: Checkpoint, tmp_path: Path
) -> None:
    as_of_0_2_0(run)
    rejected = shutil.copytree(run, tmp_path / "rejected")
    as_of_0_2_0_with_rejected(rejected)
    with pytest.raises(CheckpointError, match=r"the order of demo's rows was that of 0\.2\.0"):
        go(TABLE, start, opened(data), rejected)
    other = shutil.copytree(run, tmp_path / "other")
    assert go(TABLE, start, opened(data), run).name == "step-000002"
    rewrite(corpus, lambda rows: rows)
    with pytest.raises(CheckpointError, match=r"data\.demo\.revision was '\w+' and is '\w+'"):
        go(TABLE, start, opened(corpus), other)


def as_of_0_2_0_with_rejected(run: Path) -> None:
    path = run / (run / "last").read_text() / "state.json"
    stored = json.loads(path.read_text())
    stored["facts"]["data"]["demo"]["rejected"] = {"empty_query": 1}
    path.write_text(json.dumps(stored))


def test_lines_of_steps_that_are_done_again_leave_the_log(run: Path, data: Path, start: Checkpoint) -> None:
    with (run / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "loss": 99}\n{"step": 3, "loss": 9')
    go(TABLE, start, opened(data), run)
    assert len(losses(run)) == 2
    assert np.isfinite(losses(run)).all()
    assert max(losses(run)) < 99
