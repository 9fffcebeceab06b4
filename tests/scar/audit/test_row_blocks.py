"""Blocks of columns hold the samples of a file, however it is cut, and a bad row is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scar import Box, audit
from scar.audit import row_blocks
from scar.audit.row_blocks import iter_row_blocks
from scar.errors import InputError
from scar.sample import Split
from tests.scar.audit.toy_corpus import draw_samples, write_file


@pytest.mark.parametrize("split", ["eval", "train"])
@pytest.mark.parametrize("provenance", [True, False])
def test_blocks_hold_the_samples_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split, provenance: bool
) -> None:
    file = write_file(tmp_path, list(draw_samples(2, split, 0.7)), split)
    if not provenance:
        file = dataclasses.replace(file, sidecar=None)
    samples = list(file.iter_samples())
    for rows_per_block in (3, 10_000):
        monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", rows_per_block)
        number = 0
        for block in iter_row_blocks(file):
            assert block.first_row == number
            for row, sample in enumerate(samples[number : number + block.count]):
                question = block.make_question(row)
                assert (block.sample_id(row), block.images[row]) == (sample.id, sample.image)
                assert question.captions == sample.captions
                assert question.parts == (tuple(n.part for n in sample.negatives) if len(sample.negatives) > 1 else ())
                assert Box(*block.boxes[row]) == sample.region.box
                assert block.has_elements[row] == bool(sample.gold.relation or sample.gold.scene)
            number += block.count
        assert number == len(samples)


def remove_value(name: str, row: int) -> Callable[[pa.Table], pa.Table]:
    """A table with one value missing."""

    def change(table: pa.Table) -> pa.Table:
        values: list[Any] = table[name].to_pylist()
        values[row] = None
        index, field = table.schema.get_field_index(name), table.schema.field(name)
        return table.set_column(index, field, pa.array(values, field.type))

    return change


@pytest.mark.parametrize(
    ("sidecar", "change", "problem"),
    [
        (False, remove_value("bbox", 4), r"SCaR_eval_Toy.parquet, row 4: a value is missing"),
        (True, remove_value("gold", 5), r"SCaR_eval_Toy.parquet, row 5: a value is missing"),
        (True, remove_value("negatives", 6), r"SCaR_eval_Toy.parquet, row 6: a value is missing"),
        (True, lambda table: table.slice(1), r"provenance/SCaR_eval_Toy.parquet: it has another number of rows"),
        (True, lambda table: table.drop_columns("gold"), r"row 0: a value is missing or has another shape"),
        (False, remove_value("category", 2), r"SCaR_eval_Toy.parquet, row 2: category is missing; `scar check` lists"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, sidecar: bool, change: Callable[[pa.Table], pa.Table], problem: str
) -> None:
    file = write_file(tmp_path, list(draw_samples(7, "eval", 1.0)), "eval")
    path = file.sidecar if sidecar and file.sidecar else file.path
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(InputError, match=problem):
        audit(tmp_path)
