"""Rows become the texts that the published model was trained on, and every row is used or counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmeb_eval.item import Item
from scar.demo.corpus import build_demo
from scar.errors import DataError
from scar.formats.schema import DISPLAYED, FRAME_KEY
from scar.sample import Box
from tests.scar.common.orientations import ORIENTATIONS, draw_scene, save_stored, turn_back
from tests.shared import SHARED
from virtue_ref.training.pairs import RejectedRow, open_source, parse_pair

PROMPTS = SHARED / "golden" / "mmeb" / "prompts.json"


def golden_rows() -> list[Any]:
    if not PROMPTS.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/golden/mmeb is not at hand"))]
    groups = json.loads(PROMPTS.read_text())["train_groups"]
    # Of the two code bases that the goldens have, VIRTUE's own; the other differs in how it writes "no negative".
    rows = [row for group in groups if group["codebase"].startswith("virtue") for row in group["rows"]]
    return [pytest.param(row, id=row["id"]) for row in rows]


@pytest.mark.parametrize("row", golden_rows())
def test_texts_and_boxes_are_those_of_the_reference(row: dict[str, Any]) -> None:
    wanted = row["expected"]
    root = Path("data/MMEB-train")
    if wanted is None:
        with pytest.raises(RejectedRow):
            parse_pair(row["input"], root, "here")
        return
    pair = parse_pair(row["input"], root, "here")
    assert pair.query.text == wanted["query_text"]
    assert pair.positive.text == wanted["pos_text"]
    negative = pair.negatives[0] if pair.negatives else Item()
    assert negative.text == wanted["neg_text"]
    for item, key in ((pair.query, "query_image"), (pair.positive, "pos_image"), (negative, "neg_image")):
        assert [item.image.as_posix() if isinstance(item.image, Path) else None] == wanted[key]["paths"]
    assert pair.query.prompt == (Box(*wanted["bbox"]) if "bbox" in wanted else None)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two files of ten rows: two without query, one without positive, two whose image is missing."""
    Image.new("RGB", (40, 40)).save(tmp_path / "there.png")
    table = {
        "qry": ["", "<|image_1|>\nWhat?", "<|image_1|>\nWho?", "a text", "a text"],
        "qry_image_path": ["", "there.png", "gone.png", "", ""],
        "pos_text": ["x", "a dog", "a cat", "", "y"],
        "pos_image_path": ["", "", "", "", "there.png"],
    }
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(pa.table(table), tmp_path / name)
    return tmp_path


def test_every_row_is_used_or_counted(rows: Path) -> None:
    source = open_source("mine", sorted(rows.glob("*.parquet")), rows, missing="skip")
    assert source.rejected == {"empty_query": 2, "missing_image": 2, "empty_positive": 2}
    assert len(source) + sum(source.rejected.values()) == 10
    assert [source.read_pair(number).where for number in range(len(source))] == [f"mine, row {n}" for n in (1, 4, 6, 9)]
    assert source.read_pair(1).positive == Item("y", rows / "there.png")
    assert source.read_pair(0).negatives == ()


def test_a_missing_image_stops_unless_it_is_to_be_skipped(rows: Path) -> None:
    with pytest.raises(DataError, match=r"mine, row 2: no image .*gone\.png; missing = \"skip\" drops"):
        open_source("mine", [rows / "a.parquet"], rows)


@pytest.mark.parametrize("column", ["qry_image_path", "pos_image_path", "neg_image_path"])
@pytest.mark.parametrize("path", ["../secret.png", "/etc/secret.png", "a/../../secret.png"])
def test_a_path_that_leaves_the_folder_of_images_rejects_the_row(tmp_path: Path, column: str, path: str) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "secret.png")
    row = {"qry": "what", "pos_text": "a dog", column: path}
    with pytest.raises(RejectedRow, match="image_outside"):
        parse_pair(row, tmp_path / "images", "here")


def test_a_flipped_bit_of_a_page_is_told(rows: Path) -> None:
    path = rows / "a.parquet"
    pq.write_table(pq.read_table(path), path, write_page_checksum=True)
    whole = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(0)
    whole[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match="CRC"):
        open_source("mine", [path], rows, missing="skip")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no parquet files"):
        open_source("mine", [], tmp_path)
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no column 'qry'"):
        open_source("mine", [tmp_path / "other.parquet"], tmp_path)
    pq.write_table(pa.table({"qry": [""], "pos_text": [""]}), tmp_path / "empty.parquet")
    with pytest.raises(DataError, match=r"none of 1 rows can be used \(empty_query 1\)"):
        open_source("mine", [tmp_path / "empty.parquet"], tmp_path)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="mine: "):
        open_source("mine", [tmp_path / "broken.parquet"], tmp_path)


def test_our_builds_have_nine_negatives_where_asked(tmp_path: Path) -> None:
    build_demo(tmp_path, images=4, seed=3)
    files = sorted(tmp_path.glob("SCaR-train/*.parquet"))
    one, all_ = (open_source("demo", files, tmp_path, all_negatives=many) for many in (False, True))
    assert len(one) == len(all_) > 4
    for number in range(len(one)):
        assert len(all_.read_pair(number).negatives) == 9
        assert one.read_pair(number).negatives[0] in all_.read_pair(number).negatives
        assert all_.read_pair(number).positive not in all_.read_pair(number).negatives
        box = one.read_pair(number).query.prompt
        assert isinstance(box, Box)
        assert one.read_pair(number).query.text.endswith(f"bbox: {[box.x0, box.y0, box.x1, box.y1]}")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_box_on_an_image_that_exif_turns_is_in_the_displayed_frame(tmp_path: Path, orientation: int) -> None:
    scene, shown = draw_scene((60, 40)), (5.0, 10.0, 20.0, 25.0)
    save_stored(scene, orientation, tmp_path / "a.png")
    stored = turn_back(shown, scene.size, orientation)
    table = {"qry": ["<|image_1|>\nWhat?"], "qry_image_path": ["a.png"], "pos_text": ["a dog"], "bbox": [list(stored)]}
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    pair = open_source("mine", [tmp_path / "rows.parquet"], tmp_path).read_pair(0)
    assert pair.query.prompt == Box(5, 10, 25, 35)
    assert pair.query.text.endswith("Referring object bbox: [5.0, 10.0, 25.0, 35.0]")
    upright = pa.table(table).replace_schema_metadata({FRAME_KEY: DISPLAYED})  # rows of a build, its own image
    pq.write_table(upright, tmp_path / "built.parquet")
    pair = open_source("mine", [tmp_path / "built.parquet"], tmp_path).read_pair(0)
    assert pair.query.prompt == Box.from_xywh(*stored)
