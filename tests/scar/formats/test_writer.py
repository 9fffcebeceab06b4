"""Many rows make several groups."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from scar import read
from scar.formats.writer import SampleWriter
from tests.scar.formats.samples_file import write_samples


def test_many_rows_make_several_groups(tmp_path: Path, built: Path) -> None:
    one = next(read(built))
    everyone = (msgspec.structs.replace(one, id=str(number)) for number in range(12_000))
    paths = tmp_path / "SCaR_eval_Many.parquet", tmp_path / "notes.parquet"
    write_samples(everyone, "eval", *paths, generator="rules", generator_version="1", licence="CC BY 4.0", seed=5)
    rows, notes = map(pq.ParquetFile, paths)
    assert rows.metadata.num_rows == notes.metadata.num_rows == 12_000
    assert rows.num_row_groups == notes.num_row_groups == 3


def test_a_stopped_writer_leaves_what_was_there(tmp_path: Path) -> None:
    rows, notes = tmp_path / "rows.parquet", tmp_path / "notes.parquet"
    rows.write_text("earlier")
    with pytest.raises(ZeroDivisionError), SampleWriter(rows, notes, "eval"):
        raise ZeroDivisionError
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("rows.parquet", "earlier")]
