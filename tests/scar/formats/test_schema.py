"""The files have the published columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scar import read
from scar.formats.schema import EVAL_SCHEMA, TRAIN_SCHEMA

# Restated from the published dataset, column by column.
REGION_COLUMNS = {
    "bbox": "list<element: float>",
    "segmentation": "struct<size: list<element: int32>, counts: string>",
    "category": "string",
    "image_id": "int64",
}
EVAL_COLUMNS = {
    "qry_text": "string",
    "qry_image_path": "string",
    "tgt_text": "list<element: string>",
    **REGION_COLUMNS,
}
TRAIN_COLUMNS = {
    "qry": "string",
    "qry_image_path": "string",
    "pos_text": "string",
    "pos_image_path": "string",
    "neg_text": "string",
    "neg_image_path": "string",
    **REGION_COLUMNS,
}


def test_files_have_exactly_the_published_columns(built: Path) -> None:
    for name, columns in (
        ("SCaR-eval/SCaR_eval_Toy.parquet", EVAL_COLUMNS),
        ("SCaR-train/SCAR_Toy.parquet", TRAIN_COLUMNS),
    ):
        schema = pq.read_schema(built / name)
        assert {field.name: str(field.type) for field in schema} == columns
        assert schema.names == list(columns)
        assert schema.metadata is None  # nothing of pandas


def test_datasets_shows_the_official_columns(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from datasets import load_dataset

    files = {"eval": str(built / "SCaR-eval" / "*.parquet")}
    loaded = load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))["eval"]
    assert loaded.column_names == list(EVAL_COLUMNS)
    assert loaded.num_rows == 9
    assert loaded[0]["tgt_text"][0] == next(read(built)).gold.text
    assert loaded.features["bbox"].feature.dtype == "float32"
    trained = load_dataset(
        "parquet", data_files=str(built / "SCaR-train" / "*.parquet"), cache_dir=str(tmp_path / "c2")
    )
    assert trained["train"].column_names == list(TRAIN_COLUMNS)


def test_schemas_agree_on_what_a_region_is() -> None:
    assert list(EVAL_SCHEMA)[-4:] == list(TRAIN_SCHEMA)[-4:]
