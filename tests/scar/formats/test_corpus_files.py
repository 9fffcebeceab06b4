"""A corpus is opened whole or not at all: no file is left out, counted twice or read with what belongs to another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import scar
from scar.cli import app
from scar.errors import InputError
from scar.formats.check import check_folder

EVAL = Path("SCaR-eval/SCaR_eval_Toy.parquet")
NOTES = Path("provenance/SCaR_eval_Toy.parquet")
Change = Callable[[Path], Any]


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> Change:
    return lambda folder: pq.write_table(change(pq.read_table(folder / path)), folder / path)


def put_value(column: str, value: object, row: int = 0) -> Change:
    """Another value in one row of the provenance."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        number = table.schema.get_field_index(column)
        return table.set_column(number, table.schema.field(number), pa.array(values, table.schema.field(number).type))

    return rewrite(NOTES, change)


def copy(path: Path, name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / path, folder / name)

    return change


def both(first: Change, second: Change) -> Change:
    return lambda folder: (first(folder), second(folder))


def change_report(key: str, **values: object) -> Change:
    def change(folder: Path) -> None:
        report = json.loads((folder / "build_report.json").read_text())
        report["sources"][key] |= values
        (folder / "build_report.json").write_text(json.dumps(report))

    return change


def cut(path: Path, rows: int) -> Change:
    return rewrite(path, lambda table: table.slice(0, rows))


def truncate(folder: Path) -> None:
    (folder / EVAL).write_bytes((folder / EVAL).read_bytes()[:-50])


def reverse_notes(folder: Path) -> None:
    rewrite(NOTES, lambda table: table.take(list(range(table.num_rows))[::-1]))(folder)


WRONG: dict[str, tuple[Change, str]] = {
    "truncated shard": (truncate, "SCaR_eval_Toy.parquet: no readable parquet file"),
    "empty file": (lambda folder: (folder / "x.parquet").touch(), "x.parquet: no readable parquet file"),
    "no SCaR": (lambda folder: pq.write_table(pa.table({"a": [1]}), folder / "x.parquet"), "'qry_text' is missing"),
    "zero rows": (both(cut(EVAL, 0), cut(NOTES, 0)), "SCaR_eval_Toy.parquet: it has no rows"),
    "zero notes": (cut(NOTES, 0), "it has another number of rows than SCaR_eval_Toy.parquet"),
    "fewer notes": (cut(NOTES, 4), "it has another number of rows than SCaR_eval_Toy.parquet"),
    "fewer rows": (cut(EVAL, 4), "it has another number of rows than SCaR_eval_Toy.parquet"),
    "fewer of both": (both(cut(EVAL, 4), cut(NOTES, 4)), "it has 4 rows, build_report.json says 9: rows were lost"),
    "other report": (change_report("Toy/train", samples=7), "it has 9 rows, build_report.json says 7"),
    "notes of other rows": (reverse_notes, "row 0: its provenance is of other captions"),
    "lost rows": (lambda folder: (folder / EVAL).unlink(), "SCaR_eval_Toy.parquet: its rows are missing"),
    "copied file": (copy(EVAL, "SCaR-eval/SCaR_eval_Toy (1).parquet"), "it is a copy of "),
    "backup folder": (copy(EVAL, "backup/SCaR_eval_Toy.parquet"), "it is Toy/eval, and so is "),
    "published too": (copy(EVAL, "SCaR-eval/SCAR_Toy_val_filtered.parquet"), "it is Toy/eval, and so is "),
    "copied with notes": (
        both(copy(EVAL, "SCaR-eval/SCaR_eval_B.parquet"), copy(NOTES, "provenance/SCaR_eval_B.parquet")),
        "it is Toy/eval, and so is ",
    ),
    "two versions": (put_value("generator_version", "9"), "its rows are of several builds: generator_version '9' and"),
    "two seeds": (put_value("seed", 9), "its rows are of several builds: seed 9 and"),
    "two sources": (put_value("source", "Other"), "its rows are of several builds: source 'Other' and 'Toy'"),
    "train notes": (copy(Path("provenance/SCAR_Toy.parquet"), str(NOTES)), "its rows are of split 'train', not 'eval'"),
    "no category": (
        rewrite(EVAL, lambda table: table.set_column(5, "category", pa.nulls(table.num_rows, pa.string()))),
        "SCaR_eval_Toy.parquet, row 0: category is missing",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_belong_together_is_one_line(built: Path, name: str) -> None:
    change, message = WRONG[name]
    change(built)
    with pytest.raises(InputError) as caught:
        list(scar.read(built))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert check_folder(built).counts, "the check finds it too"
    for command in ("stats", "audit", "card"):
        told = CliRunner().invoke(app, [command, str(built)])
        assert told.exit_code == 2
        assert message in told.output
        assert told.output.count("\n") == 1


def leave_temporary_files(folder: Path) -> None:
    shutil.copy(folder / EVAL, folder / "SCaR-eval" / ".SCaR_eval_Toy.parquet.0123.tmp")
    for name in (".DS_Store", "._SCaR_eval_Toy.parquet", "SCaR_eval_Toy.parquet.part"):
        (folder / "SCaR-eval" / name).write_bytes(b"x")
        (folder / "provenance" / name).write_bytes(b"x")


def name_in_capitals(folder: Path) -> None:
    for path in (EVAL, NOTES):
        (folder / path).rename((folder / path).with_suffix(".PARQUET"))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: None,
        leave_temporary_files,
        name_in_capitals,
        lambda folder: shutil.rmtree(folder / "provenance"),
        lambda folder: (folder / "build_report.json").unlink(),
        lambda folder: (folder / "SCaR-eval" / "x.parquet").mkdir(),
        copy(EVAL, ".ipynb_checkpoints/SCaR_eval_Toy.parquet"),
    ],
)
def test_what_is_no_part_of_a_corpus_changes_nothing(built: Path, change: Change) -> None:
    change(built)
    assert len(list(scar.read(built))) == 18
    assert check_folder(built).counts == {}


def test_the_source_is_the_provenances(built: Path) -> None:
    """The name of a file does not tell a source ``Toy_val`` from ``Toy``."""
    for path in (EVAL, NOTES):
        rewrite(path, lambda table: table)(built)
        (built / path).rename((built / path).with_name("SCaR_eval_Toy_val.parquet"))
    rewrite(
        NOTES.with_name("SCaR_eval_Toy_val.parquet"),
        lambda table: table.set_column(1, "source", pa.array(["Toy_val"] * table.num_rows)),
    )(built)
    assert {sample.source for sample in scar.read(built)} == {"Toy", "Toy_val"}
    told = CliRunner().invoke(app, ["audit", str(built), "--json"])
    assert json.loads(told.stdout)["sources"].keys() == {"Toy_val/eval", "Toy/train"}
