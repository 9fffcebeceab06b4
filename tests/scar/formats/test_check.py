"""A check finds what somebody broke, tells where, and finds nothing in what a build wrote."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scar import Mask, read
from scar.errors import InputError
from scar.formats.check import EXAMPLES_PER_KIND, check_folder
from scar.formats.schema import EVAL_SCHEMA, TRAIN_SCHEMA

EVAL = Path("SCaR-eval/SCaR_eval_Toy.parquet")
TRAIN = Path("SCaR-train/SCAR_Toy.parquet")
EMPTY = Mask.from_array(np.zeros((90, 120), bool)).counts
NOTES = Path("provenance/SCaR_eval_Toy.parquet")

Row = dict[str, Any]


def change(path: Path, mend: Callable[[list[Row]], object]) -> None:
    """Rewrite a file with changed rows."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    mend(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def bare(built: Path) -> Path:
    """As published: no provenance."""
    for path in (built / "provenance").iterdir():
        path.unlink()
    return built


def test_a_build_has_no_problems(built: Path) -> None:
    findings = check_folder(built)
    assert (findings.files, findings.rows, findings.counts) == (2, 18, {})
    findings = check_folder(bare(built))
    assert (findings.files, findings.rows, findings.counts) == (2, 18, {})


@pytest.mark.parametrize(
    ("file", "column", "value", "kind", "message"),
    [
        (EVAL, "tgt_text", ["a", "b"], "captions", "2 captions, not 10"),
        (EVAL, "tgt_text", [*"abcdefgh", "a", "j"], "captions", "'a' stands in it more than once"),
        (EVAL, "tgt_text", [*"abcdefghi", " "], "captions", "a caption is empty"),
        (EVAL, "tgt_text", None, "captions", "0 captions, not 10"),
        (EVAL, "qry_text", None, "value", "qry_text is missing"),
        (EVAL, "bbox", None, "value", "bbox is missing"),
        (EVAL, "image_id", None, "value", "image_id is missing"),
        (EVAL, "bbox", [1, 2, 3], "value", "another shape"),
        (EVAL, "bbox", [1, 2, 0, 3], "box", r"box \(1, 2, 0, 3\) has no area"),
        (EVAL, "bbox", [1, 2, float("nan"), 3], "box", "has no area"),
        (EVAL, "bbox", [100, 2, 21, 3], "box", r"reaches beyond the 120x90 image"),
        (EVAL, "bbox", [-1, 2, 21, 3], "box", "reaches beyond"),
        (EVAL, "bbox", [float("-inf"), 2, float("inf"), 3], "box", "box"),
        (EVAL, "segmentation", {"size": [120, 90], "counts": "0"}, "mask", r"size \[120, 90\] is not"),
        (EVAL, "segmentation", {"size": [90, 120], "counts": "0"}, "mask", "its runs fill 0 of 10800 pixels"),
        (EVAL, "segmentation", {"size": [90, 120], "counts": "zz"}, "mask", "a character outside"),
        (EVAL, "segmentation", {"size": [90, 120], "counts": EMPTY}, "mask", "it covers no pixel"),
        (EVAL, "segmentation", {"size": [90], "counts": "zz"}, "value", "another shape"),
        (EVAL, "segmentation", {"size": [90, 120], "counts": None}, "value", "its segmentation has no counts"),
        (EVAL, "qry_image_path", "images/absent.png", "image", "absent.png' does not exist"),
        (EVAL, "qry_image_path", "../world/images/000005.png", "image", "leaves the image folder"),
        (EVAL, "qry_image_path", "build_report.json", "image", "is not an image"),
        (TRAIN, "neg_text", None, "value", "neg_text is missing"),
        (TRAIN, "pos_text", "", "captions", "a caption is empty"),
        (TRAIN, "bbox", [1, 2, 3000, 3], "box", "reaches beyond"),
    ],
)
def test_a_broken_row_is_found(built: Path, file: Path, column: str, value: object, kind: str, message: str) -> None:
    change(bare(built) / file, lambda rows: rows[4].update({column: value}))
    findings = check_folder(built)
    assert findings.counts == {kind: 1}
    assert findings.examples[kind][0].startswith(f"{file.name}, row 4: ")
    with pytest.raises(InputError, match=message):
        raise InputError(findings.examples[kind][0])


def test_a_positive_that_is_its_own_negative_is_found(built: Path) -> None:
    change(bare(built) / TRAIN, lambda rows: rows[4].update(neg_text=rows[4]["pos_text"]))
    assert check_folder(built).counts == {"captions": 1}


@pytest.mark.parametrize(
    ("mend", "message"),
    [
        (lambda notes: notes[4].update(id="other"), "its id 'other' is not 'Toy/eval/71'"),
        (lambda notes: notes[4].update(id=notes[3]["id"]), "a second sample has the id 'Toy/eval/70'"),
        (lambda notes: notes[4].update(gold=None), "another shape"),
        (lambda notes: notes[4]["gold"].update(object="a cow"), "not the row's, gold first"),
        (lambda notes: notes[4]["negatives"].reverse(), "its negatives are not 3 of each of scene, relation, object"),
        (lambda notes: notes[4]["negatives"].pop(), "its negatives are not 3 of each"),
        (lambda notes: notes[4]["negatives"][0].update(object="a cow"), "in another part than it says"),
        (lambda notes: notes[4]["negatives"][0].update(part="colour"), "its negatives are not 3 of each"),
        (lambda notes: notes.__setitem__(slice(4, 6), notes[5:3:-1]), "not the row's, gold first"),
    ],
)
def test_provenance_that_says_something_else_is_found(
    built: Path, mend: Callable[[list[Row]], object], message: str
) -> None:
    change(built / NOTES, mend)
    findings = check_folder(built)
    assert set(findings.counts) == {"provenance"}
    assert any(message in example for example in findings.examples["provenance"])


def test_provenance_with_other_columns_is_found(built: Path) -> None:
    pq.write_table(pq.read_table(built / NOTES).drop_columns(["id", "gold"]), built / NOTES)
    assert check_folder(built).counts["provenance"] >= 9


def test_provenance_of_another_length_is_found(built: Path) -> None:
    change(built / NOTES, lambda notes: notes.pop())
    findings = check_folder(built)
    assert findings.counts == {"provenance": 1}
    assert "another number of rows" in findings.examples["provenance"][0]


def test_train_provenance_is_held_against_its_row(built: Path) -> None:
    change(built / TRAIN, lambda rows: rows[4].update(neg_text="a cow flying"))
    assert "'a cow flying' is none of its nine" in check_folder(built).examples["provenance"][0]


@pytest.mark.parametrize(
    ("mend", "message"),
    [
        (lambda table: table.drop_columns(["category"]), "column 'category' is missing"),
        (lambda table: table.append_column("extra", table["category"]), "column 'extra' is none of the format's"),
        (
            lambda table: table.set_column(6, "image_id", table["category"]),
            "column 'image_id' is string, not int64",
        ),
        (lambda table: table.select(["image_id"]), "column 'qry_text' is missing"),
    ],
)
def test_other_columns_are_found(built: Path, mend: Callable[[pa.Table], pa.Table], message: str) -> None:
    pq.write_table(mend(pq.read_table(built / EVAL)), built / EVAL)
    findings = check_folder(built)
    assert set(findings.counts) == {"schema"}
    assert findings.rows == 9  # the train file is still looked at
    assert any(message in example for example in findings.examples["schema"])


def test_a_damaged_file_is_found(built: Path) -> None:
    whole = (bare(built) / EVAL).read_bytes()
    (built / EVAL).write_bytes(whole[:-20])
    assert "no readable parquet file" in check_folder(built).examples["schema"][0]
    flipped = bytearray(whole)
    flipped[pq.read_metadata(io.BytesIO(whole)).row_group(0).column(0).data_page_offset] ^= 1
    (built / EVAL).write_bytes(flipped)
    assert "damaged" in check_folder(built).examples["schema"][0]


@pytest.mark.parametrize("file", [EVAL, TRAIN, NOTES])
def test_a_flipped_bit_of_a_page_is_found(built: Path, file: Path) -> None:
    whole = (built / file).read_bytes()
    group = pq.read_metadata(built / file).row_group(0)
    for column in map(group.column, range(group.num_columns)):
        start = column.dictionary_page_offset or column.data_page_offset
        last = start + column.total_compressed_size - 1  # a page ends here; headers of pages are not its content
        for place, bit in ((last, 0), (last - 1, 7)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            (built / file).write_bytes(flipped)
            findings = check_folder(built)
            (kind,) = findings.counts
            assert len(findings.examples[kind]) == 1
            assert "damaged" in findings.examples[kind][0]
            with pytest.raises(InputError, match=r"^[^\n]+damaged[^\n]+$"):
                list(read(built))


def test_a_flipped_bit_anywhere_is_found_or_changes_no_sample(built: Path) -> None:
    expected = list(read(built))
    for file in (EVAL, NOTES):
        whole = (built / file).read_bytes()
        for place in range(0, len(whole), 131):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            (built / file).write_bytes(flipped)
            try:
                assert check_folder(built).counts or list(read(built)) == expected
            except InputError:
                continue
        (built / file).write_bytes(whole)


@pytest.mark.parametrize(("file", "name"), [(EVAL, b"tgt_text"), (NOTES, b"generator_version")])
def test_names_that_are_no_text_are_damage(built: Path, file: Path, name: bytes) -> None:
    whole = (built / file).read_bytes()
    (built / file).write_bytes(whole.replace(name, name[:-1] + b"\xe8"))
    assert "no readable parquet file" in str(check_folder(built).examples)


@pytest.mark.parametrize(
    "wide",
    [
        pa.schema([*list(EVAL_SCHEMA)[:3], ("bbox", pa.list_(pa.float64(), 4)), *list(EVAL_SCHEMA)[4:]]),
        pa.schema([("qry_text", pa.large_string()), *list(EVAL_SCHEMA)[1:]]),
        pa.schema([*list(EVAL_SCHEMA)[:2], ("tgt_text", pa.large_list(pa.string())), *list(EVAL_SCHEMA)[3:]]),
        pa.schema([*list(EVAL_SCHEMA)[:6], ("image_id", pa.int32())]),
    ],
)
def test_the_width_of_a_type_may_differ(built: Path, wide: pa.Schema) -> None:
    rows = pq.read_table(built / EVAL).to_pylist()
    pq.write_table(pa.Table.from_pylist(rows, schema=wide), built / EVAL)
    assert check_folder(built).counts == {}


def test_a_source_without_masks_may_have_a_column_of_nulls(built: Path) -> None:
    rows = pq.read_table(built / TRAIN).to_pylist()
    schema = pa.schema(
        [("segmentation", pa.null()) if field.name == "segmentation" else field for field in TRAIN_SCHEMA]
    )
    pq.write_table(pa.Table.from_pylist([row | {"segmentation": None} for row in rows], schema=schema), built / TRAIN)
    assert check_folder(built).counts == {}


def test_images_may_lie_elsewhere(built: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (built / "images").rename(tmp_path / "elsewhere" / "images")
    assert check_folder(built).counts == {"image": 18}
    assert check_folder(built, tmp_path / "elsewhere").counts == {}


def test_only_the_first_of_a_kind_are_told(built: Path) -> None:
    for name in ("000005.png", "000007.png"):
        (built / "images" / "toy_val" / name).unlink()
    (built / "images" / "toy_val" / "000005.png").touch()
    findings = check_folder(built)
    assert findings.counts == {"image": 6}
    assert len(findings.examples["image"]) == EXAMPLES_PER_KIND
    assert findings.to_json()["problems"]["image"]["count"] == 6
