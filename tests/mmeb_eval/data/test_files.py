"""Finding a task's files, and what is said of files that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import TaskFiles, find_row_format, find_scar_tasks, find_task_files, iter_rows
from mmeb_eval.data.tasks import get_task
from mmeb_eval.templates.fused import LAYOUTS
from scar.common.files import hash_file
from scar.errors import DataError

MMEB_ROW = {
    "qry_inst": "i", "qry_text": "t", "qry_img_path": "p", "tgt_inst": "", "tgt_text": ["a"], "tgt_img_path": [""]
}  # fmt: skip

JOINED_ROW = {
    "qry_text": "<|image_1|> \nWhich one? \n\n",
    "qry_img_path": "q.jpg",
    "tgt_text": ["<|image_1|>\nThe cup ", "<|image_1|>\nThe cup ", "\u5168\u89d2\n"],
    "tgt_img_path": ["a.jpg", "b.jpg", ""],
}


def test_each_file_of_a_scar_folder_is_a_task(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    for name in ("SCaR_eval_RefCOCO_plus", "SCaR_eval_Mine", "SCAR_ADE20K_val_filtered", "notes"):
        write_corpus(tmp_path / "SCaR-eval" / f"{name}.parquet", [make_row(0)])
    found = find_scar_tasks(tmp_path)
    assert [files.task.name for files in found] == ["SCAR_ADE20K_val", "Mine", "SCAR_RefCOCO_plus_val"]
    assert {files.image_root for files in found} == {tmp_path}
    assert [files.task.name for files in find_scar_tasks(tmp_path / "SCaR-eval")] == [
        files.task.name for files in found
    ]
    assert {files.image_root for files in find_scar_tasks(tmp_path / "SCaR-eval")} == {tmp_path}
    assert {files.image_root for files in find_scar_tasks(tmp_path, tmp_path / "pictures")} == {tmp_path / "pictures"}


@pytest.mark.parametrize("images_lie", ["beside the link", "beside the rows"])
def test_the_folder_of_the_rows_may_be_a_link(images_lie: str, make_row: Any, tmp_path: Path) -> None:
    rows, corpus = tmp_path / "disk" / "SCaR-eval", tmp_path / "corpus"
    rows.mkdir(parents=True)
    corpus.mkdir()
    (corpus / "SCaR-eval").symlink_to(rows)
    row = make_row(0)
    parquet.write_table(pa.Table.from_pylist([row]), rows / "SCaR_eval_Toy.parquet")
    root = corpus if images_lie == "beside the link" else tmp_path / "disk"
    (root / row["qry_image_path"]).parent.mkdir(parents=True)
    (root / row["qry_image_path"]).touch()
    for folder in (corpus, corpus / "SCaR-eval"):
        assert [files.image_root for files in find_scar_tasks(folder)] == [root]


def test_a_folder_without_evaluation_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no SCaR_eval_\*.parquet here; `scar build .* --split eval` writes it"):
        find_scar_tasks(tmp_path)
    with pytest.raises(DataError, match=r"nowhere: no such folder; `scar build` writes one"):
        find_scar_tasks(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["VOC2007.parquet", "VOC2007/test-00000-of-00001.parquet"])
def test_a_task_is_found_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(pa.Table.from_pylist([MMEB_ROW]), path)
    task = get_task("VOC2007")
    (tmp_path / "p").touch()
    assert find_task_files(task, tmp_path) == TaskFiles(task, (path,), tmp_path)
    assert [row for _, row in iter_rows(find_task_files(task, tmp_path))] == [MMEB_ROW]


def test_images_are_where_the_first_rows_image_is(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist([MMEB_ROW]), tmp_path / "VOC2007.parquet")
    task = get_task("VOC2007")
    places = [tmp_path / place for place in ("image-tasks", "image-tasks/MMEB/images", "images", ".")]
    for place in places[1:]:
        place.mkdir(parents=True, exist_ok=True)
    nowhere = find_task_files(task, tmp_path)
    assert (nowhere.image_root, nowhere.searched) == (places[0], tuple(places))
    with pytest.raises(DataError) as caught:
        list(read_cases(nowhere, LAYOUTS["plain"], box_as_prompt=False))
    assert str(caught.value).endswith(f"no such file below {' or '.join(map(str, places))}.")
    for place in reversed(places):
        (place / "p").touch()
        assert find_task_files(task, tmp_path) == TaskFiles(task, (tmp_path / "VOC2007.parquet",), place)
    mine = tmp_path / "elsewhere"
    assert find_task_files(task, tmp_path, mine) == TaskFiles(task, (tmp_path / "VOC2007.parquet",), mine, (mine,))


def test_a_task_without_images_needs_no_image_folder(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist([MMEB_ROW | {"qry_img_path": ""}]), tmp_path / "VOC2007.parquet")
    assert find_task_files(get_task("VOC2007"), tmp_path).searched == ()


@pytest.mark.parametrize("place", ["", "images/coco_stuff_val", "images"])
def test_images_of_scar_are_where_its_readme_puts_them(
    place: str, tmp_path: Path, write_corpus: Any, make_row: Any
) -> None:
    name = "SCAR_COCO_stuff_val_filtered.parquet"
    write_corpus(tmp_path / "SCaR-eval" / name, [make_row(0) | {"qry_image_path": "7.jpg"}])
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "7.jpg").touch()
    (files,) = find_scar_tasks(tmp_path)
    assert (files.image_root, files.searched) == (tmp_path / place, ())


def test_a_scar_task_is_found_by_name(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    write_corpus(tmp_path / "SCaR-eval" / "SCaR_eval_ADE20K.parquet", [make_row(0)])
    assert find_task_files(get_task("SCAR_ADE20K_val"), tmp_path).task.source == "ADE20K"
    with pytest.raises(DataError, match=r"no SCaR_eval_RefCOCOg.parquet for task SCAR_RefCOCOg_val"):
        find_task_files(get_task("SCAR_RefCOCOg_val"), tmp_path)


def test_a_task_without_data_is_named_with_the_places_looked_at(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data for task GQA: looked for GQA.parquet, GQA.jsonl and GQA/\*.parquet"):
        find_task_files(get_task("GQA"), tmp_path)


def _read(path: Path) -> list[Any]:
    return list(iter_rows(TaskFiles(get_task("SCAR_ADE20K_val"), (path,), path.parent)))


def test_a_truncated_file_is_named(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    path = tmp_path / "whole.parquet"
    write_corpus(path, [make_row(number) for number in range(50)])
    whole = path.read_bytes()
    for keep in (0, 3, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:keep])
        with pytest.raises(DataError, match=r"whole.parquet: not a readable parquet file: \S"):
            _read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.parquet: not a readable parquet file"):
        _read(tmp_path / "gone.parquet")
    with pytest.raises(DataError, match=r"gone.jsonl: not a readable file of JSON lines"):
        _read(tmp_path / "gone.jsonl")


def test_a_flipped_bit_of_a_page_is_told(tmp_path: Path, make_row: Any) -> None:
    path = tmp_path / "SCaR_eval_Toy.parquet"
    parquet.write_table(pa.Table.from_pylist([make_row(0)]), path, write_page_checksum=True)
    whole = bytearray(path.read_bytes())
    column = parquet.read_metadata(path).row_group(0).column(0)
    whole[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"not a readable parquet file.*CRC"):
        _read(path)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    parquet.write_table(pa.table({"qry_text": ["x"], "bbox": [[1.0]]}), path)
    with pytest.raises(DataError, match=r"odd.parquet: no column qry_image_path, tgt_text; found qry_text, bbox"):
        _read(path)


def test_a_file_without_rows_is_named(tmp_path: Path, write_corpus: Any) -> None:
    write_corpus(tmp_path / "empty.parquet", [])
    with pytest.raises(DataError, match=r"empty.parquet: no rows; a task needs at least one"):
        _read(tmp_path / "empty.parquet")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"qry_text": "x"', r"not a readable file of JSON lines"),
        ("[1]", r"row 0: expected a JSON object, found list"),
        ('{"qry_text": "x"}', r"row 0: no column qry_image_path, bbox, tgt_text; found qry_text"),
        ("\\xff", r"not a readable file of JSON lines"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(line.encode().decode("unicode_escape").encode("latin-1"))
    with pytest.raises(DataError, match=message):
        _read(path)


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a").startswith("ba7816bf8f01cfea")


def test_missing_columns_of_joined_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "GQA.parquet"
    parquet.write_table(pa.table({"qry_text": ["x"], "tgt_text": [["y"]]}), path)
    with pytest.raises(DataError, match=r"GQA.parquet: no column qry_img_path, tgt_img_path; found qry_text, tgt_text"):
        list(iter_rows(TaskFiles(get_task("GQA"), (path,), tmp_path)))
    parquet.write_table(pa.table({"qry_inst": ["x"], "tgt_text": [["y"]]}), path)
    with pytest.raises(DataError, match=r"no column qry_text, qry_img_path, tgt_inst, tgt_img_path; found qry_inst"):
        list(iter_rows(TaskFiles(get_task("GQA"), (path,), tmp_path)))


def test_two_formats_in_one_task_are_refused(tmp_path: Path) -> None:
    paths = tmp_path / "0.parquet", tmp_path / "1.parquet"
    for path, row in zip(paths, (JOINED_ROW, JOINED_ROW | {"qry_inst": "i", "tgt_inst": ""}), strict=True):
        parquet.write_table(pa.Table.from_pylist([row]), path)
    with pytest.raises(DataError, match=r"0.parquet: no column qry_inst, but .*1.parquet has it; use one data set"):
        find_row_format(TaskFiles(get_task("GQA"), paths, tmp_path))
