"""Rows hold what a sample has, and a sample survives its row."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from scar import Box, Caption, Mask, Negative, Region, Sample, read
from scar.formats.row_codec import make_provenance_table, make_row_table, sample_from_row
from scar.formats.schema import INSTRUCTION
from scar.sample import PARTS, REASONS, SPLITS

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
        draw(st.sampled_from(REASONS) | st.none()),
    )


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
    assert [note["reason"] for note in notes] == ["human", "direction", "position"] * 3
    assert [negative["part"] for negative in first["negatives"]] == ["scene"] * 3 + ["relation"] * 3 + ["object"] * 3
    evals = pq.read_table(built / "provenance" / "SCaR_eval_Toy.parquet").to_pylist()
    assert evals[0]["licence"] is None


@given(samples(), st.integers(0, 5))
def test_a_sample_survives_its_row(sample: Sample, seed: int) -> None:
    (row,) = make_row_table([sample], sample.split, seed).to_pylist()
    (note,) = make_provenance_table([sample], "rules", "1", "CC BY 4.0", 5).to_pylist()
    assert sample_from_row(row, note, "ignored", sample.split, 7) == sample
    bare = sample_from_row(row, None, "Toy", sample.split, 7)
    assert bare.captions == (sample.captions if sample.split == "eval" else (row["pos_text"], row["neg_text"]))
    assert msgspec.structs.replace(bare.region, id=sample.region.id) == sample.region
    assert bare.id == f"Toy/{sample.split}/7"
