"""The files have the published columns, and samples survive the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar import Box, Caption, Mask, Negative, Region, Sample, read
from scar.errors import InputError
from scar.formats.reader import find_row_files
from scar.formats.row_codec import make_provenance_table, make_row_table, sample_from_row
from scar.formats.schema import EVAL_SCHEMA, INSTRUCTION, TRAIN_SCHEMA, Origin
from scar.formats.writer import write_samples
from scar.sample import PARTS, SPLITS

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
ORIGIN = Origin("rules", "1", "CC BY 4.0", 5)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
captions = st.builds(Caption, object=words, relation=words, scene=words)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    x, y, width, height = (draw(st.integers(1, 1000)) / 8 for _ in range(4))
    mask = draw(st.none() | st.just(Mask((4, 4), "0`0")))
    region = Region(draw(st.integers(0, 2**62)), Box.from_xywh(x, y, width, height), draw(words), mask)
    gold = draw(captions)
    negatives = tuple(Negative(part, gold.swap(part, draw(words))) for part in PARTS for _ in range(3))
    split = draw(st.sampled_from(SPLITS))
    return Sample(
        f"Toy/{split}/{region.id}",
        "Toy",
        split,
        "images/x.png",
        draw(st.integers(-(2**63), 2**63 - 1)),
        region,
        gold,
        negatives,
    )


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


def test_rows_of_an_eval_file_in_full(built: Path) -> None:
    row = pq.read_table(built / "SCaR-eval" / "SCaR_eval_Toy.parquet").to_pylist()[1]
    sample = list(read(built))[1]
    assert row["qry_text"] == (
        "<|image_1|>\nFind the caption that best describes the segmented object, considering both local details and "
        "global context in the given image."
    )
    assert row["qry_image_path"] == "images/toy_val/000005.png"
    assert row["tgt_text"][0] == sample.gold.text
    assert row["bbox"] == [50.25, 10, 40.5, 30]
    assert row["segmentation"]["size"] == [90, 120]
    assert (row["category"], row["image_id"]) == ("fork", 5)


def test_rows_of_a_train_file_in_full(built: Path) -> None:
    rows = pq.read_table(built / "SCaR-train" / "SCAR_Toy.parquet").to_pylist()
    trained = [sample for sample in read(built) if sample.split == "train"]
    for row, sample in zip(rows, trained, strict=True):
        assert row["qry"] == INSTRUCTION
        assert row["pos_text"] == sample.gold.text
        assert row["neg_text"] in sample.captions[1:]
        assert row["pos_image_path"] == row["neg_image_path"] == ""
    assert len({sample.captions.index(row["neg_text"]) for row, sample in zip(rows, trained, strict=True)}) > 2


def test_provenance_knows_what_the_rows_do_not(built: Path) -> None:
    notes = pq.read_table(built / "provenance" / "SCAR_Toy.parquet").to_pylist()
    first = notes[0]
    assert [note["region_id"] for note in notes] == [50, 51, 52, 70, 71, 72, 110, 111, 112]
    assert (first["id"], first["source"], first["split"]) == ("Toy/train/50", "Toy", "train")
    assert (first["generator"], first["generator_version"]) == ("stand-in", "1")
    assert (first["licence"], first["seed"]) == ("CC0-1.0", 3)
    assert first["gold"]["object"] == "the cup"
    assert [negative["part"] for negative in first["negatives"]] == ["scene"] * 3 + ["relation"] * 3 + ["object"] * 3
    evals = pq.read_table(built / "provenance" / "SCaR_eval_Toy.parquet").to_pylist()
    assert evals[0]["licence"] is None


@given(samples(), st.integers(0, 5))
def test_a_sample_survives_its_row(sample: Sample, seed: int) -> None:
    (row,) = make_row_table([sample], sample.split, seed).to_pylist()
    (note,) = make_provenance_table([sample], ORIGIN).to_pylist()
    assert sample_from_row(row, note, "ignored", sample.split, 7) == sample
    bare = sample_from_row(row, None, "Toy", sample.split, 7)
    assert bare.captions == (sample.captions if sample.split == "eval" else (row["pos_text"], row["neg_text"]))
    assert msgspec.structs.replace(bare.region, id=sample.region.id) == sample.region
    assert bare.id == f"Toy/{sample.split}/7"


def test_many_rows_make_several_groups(tmp_path: Path, built: Path) -> None:
    one = next(read(built))
    everyone = (msgspec.structs.replace(one, id=str(number)) for number in range(12_000))
    write_samples(everyone, "eval", ORIGIN, tmp_path / "SCaR_eval_Many.parquet", tmp_path / "notes.parquet")
    rows, notes = (pq.ParquetFile(tmp_path / name) for name in ("SCaR_eval_Many.parquet", "notes.parquet"))
    assert rows.metadata.num_rows == notes.metadata.num_rows == 12_000
    assert rows.num_row_groups == notes.num_row_groups == 3


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


def test_schemas_agree_on_what_a_region_is() -> None:
    assert list(EVAL_SCHEMA)[-4:] == list(TRAIN_SCHEMA)[-4:]


def test_picked_rows_are_those_that_reading_all_gives(built: Path, tmp_path: Path) -> None:
    (file, _) = find_row_files(built)
    every = list(file.iter_samples())
    assert [sample for sample, _ in file.iter_samples_at([0, 4, 8])] == [every[0], every[4], every[8]]
    many = [sample for _ in range(1300) for sample in every]  # more than two groups of rows
    folder = tmp_path / "large"
    (folder / "provenance").mkdir(parents=True)
    write_samples(many, "eval", Origin("g", "1", None, 0), folder / "L.parquet", folder / "provenance" / "L.parquet")
    (large,) = find_row_files(folder)
    numbers = [0, 4999, 5000, 9999, 10000, 11699]
    assert [sample.gold.text for sample, _ in large.iter_samples_at(numbers)] == [
        many[number].gold.text for number in numbers
    ]
