"""Folders of ours and the published ones are read; errors name file and row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scar import read
from scar.errors import InputError
from scar.formats.reader import find_row_files
from scar.formats.schema import EVAL_SCHEMA
from scar.sample import PARTS
from tests.scar.formats.samples_file import write_samples


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("SCaR_eval_RefCOCO_plus.parquet", "RefCOCO_plus"),
        ("SCAR_RefCOCO_plus_val_filtered.parquet", "RefCOCO_plus"),
        ("SCAR_ADE20K_val_filtered.parquet", "ADE20K"),
        ("SCAR_COCO_Stuff.parquet", "COCO_Stuff"),
        ("mine.parquet", "mine"),
    ],
)
def test_a_published_file_needs_no_sidecar_and_no_certain_name(
    tmp_path: Path, built: Path, name: str, source: str
) -> None:
    published = tmp_path / "published" / "data"
    published.mkdir(parents=True)
    (built / "SCaR-eval" / "SCaR_eval_Toy.parquet").rename(published / name)
    found = list(read(tmp_path / "published"))
    assert len(found) == 9
    assert found[3].id == f"{source}/eval/3"
    assert found[0].gold.relation == found[0].gold.scene == ""
    assert [negative.part for negative in found[0].negatives] == [part for part in PARTS for _ in range(3)]


def test_what_is_no_corpus_is_refused(tmp_path: Path, built: Path) -> None:
    with pytest.raises(InputError, match=r"absent: no such folder"):
        list(read(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no parquet file in it"):
        list(read(tmp_path / "empty"))
    other = tmp_path / "other"
    other.mkdir()
    pq.write_table(pa.table({"text": ["a"]}), other / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: column 'qry_text' is missing; `scar check` lists every"):
        list(read(other))
    (other / "x.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match=r"x\.parquet: no readable parquet file"):
        list(read(other))
    sidecar = built / "provenance" / "SCAR_Toy.parquet"
    pq.write_table(pq.read_table(sidecar).slice(1), sidecar)
    with pytest.raises(InputError, match=r"SCAR_Toy\.parquet: it has another number of rows"):
        list(read(built))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("bbox", [1.0, 2.0, 3.0], "a value is missing or has another shape"),
        ("bbox", None, "a value is missing or has another shape"),
        ("tgt_text", ["a"], "1 captions, not 10"),
        ("tgt_text", None, "1 captions, not 10"),
        ("segmentation", {"size": [1], "counts": "0"}, "a value is missing or has another shape"),
        ("segmentation", {"size": [1, 1]}, "its segmentation has no counts"),
    ],
)
def test_a_row_of_another_shape_is_named(tmp_path: Path, built: Path, column: str, value: object, message: str) -> None:
    rows = pq.read_table(built / "SCaR-eval" / "SCaR_eval_Toy.parquet").to_pylist()
    rows[2][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema=EVAL_SCHEMA), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=rf"bad\.parquet, row 2: {message}"):
        list(read(tmp_path))


def test_picked_rows_are_those_that_reading_all_gives(built: Path, tmp_path: Path) -> None:
    (file, _) = find_row_files(built)
    every = list(file.iter_samples())
    assert [sample for sample, _ in file.iter_samples_at([0, 4, 8])] == [every[0], every[4], every[8]]
    many = [sample for _ in range(1300) for sample in every]  # more than two groups of rows
    folder = tmp_path / "large"
    (folder / "provenance").mkdir(parents=True)
    paths = folder / "L.parquet", folder / "provenance" / "L.parquet"
    write_samples(many, "eval", *paths, generator="g", generator_version="1")
    (large,) = find_row_files(folder)
    numbers = [0, 4999, 5000, 9999, 10000, 11699]
    assert [sample.gold.text for sample, _ in large.iter_samples_at(numbers)] == [
        many[number].gold.text for number in numbers
    ]
