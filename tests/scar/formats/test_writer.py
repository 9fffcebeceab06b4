"""Many rows make several groups."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from scar import read
from scar.formats.schema import Origin
from scar.formats.writer import write_samples

ORIGIN = Origin("rules", "1", "CC BY 4.0", 5)


def test_many_rows_make_several_groups(tmp_path: Path, built: Path) -> None:
    one = next(read(built))
    everyone = (msgspec.structs.replace(one, id=str(number)) for number in range(12_000))
    write_samples(everyone, "eval", ORIGIN, tmp_path / "SCaR_eval_Many.parquet", tmp_path / "notes.parquet")
    rows, notes = (pq.ParquetFile(tmp_path / name) for name in ("SCaR_eval_Many.parquet", "notes.parquet"))
    assert rows.metadata.num_rows == notes.metadata.num_rows == 12_000
    assert rows.num_row_groups == notes.num_row_groups == 3
