"""Rows become cases one at a time, and a row that cannot be used is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import TaskFiles, find_scar_tasks
from mmeb_eval.data.tasks import get_task
from mmeb_eval.item import Item
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.templates.fused import LAYOUTS
from scar.errors import DataError
from scar.sample import Box

PLAIN = LAYOUTS["plain"]
QWEN = LAYOUTS["qwen2_vl"]
SCAR = "SCAR_ADE20K_val"
GROUNDING = {
    "qry_inst": "<|image_1|>\nSelect:",
    "qry_text": "the cup",
    "qry_img_path": "q.jpg",
    "tgt_inst": "<|image_1|>\nRepresent the object",
    "tgt_text": ["", ""],
    "tgt_img_path": ["a.jpg", "b.jpg"],
}
JOINED_ROW = {
    "qry_text": "<|image_1|> \nWhich one? \n\n",
    "qry_img_path": "q.jpg",
    "tgt_text": ["<|image_1|>\nThe cup ", "<|image_1|>\nThe cup ", "\u5168\u89d2\n"],
    "tgt_img_path": ["a.jpg", "b.jpg", ""],
}
"""Row of TIGER-Lab/MMEB-eval, whose texts are joined already."""


def test_a_model_that_takes_boxes_gets_the_box_and_no_coordinates_in_the_text(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    case = next(read_cases(files, PLAIN, box_as_prompt=True))
    assert case.query.prompt == Box(1.0, 2.0, 4.5, 6.0)
    assert case.query.image == corpus / "images/Toy_val/0.png"
    assert "bbox" not in case.query.text
    assert case.candidates == tuple(Item(text=f"thing 0 {place}") for place in range(10))
    assert case.gold == 0


def test_a_model_that_takes_no_boxes_is_told_the_region_in_the_text(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    case = next(read_cases(files, PLAIN, box_as_prompt=False))
    assert case.query.prompt is None
    assert case.query.text.endswith("\nReferring object bbox: [1, 2, 4, 6]")


def test_the_official_layout_tells_the_region_twice(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    case = next(read_cases(files, QWEN, box_as_prompt=True))
    assert case.query.prompt == Box(1.0, 2.0, 4.5, 6.0)
    assert case.query.text.endswith("\nReferring object bbox: [1.0, 2.0, 4.5, 6.0]")


def test_rows_are_read_as_they_are_asked_for(task_rows: Any, make_row: Any) -> None:
    cases = read_cases(task_rows(SCAR, [make_row(0), {**make_row(1), "bbox": None}]), PLAIN, box_as_prompt=True)
    next(cases)
    with pytest.raises(DataError, match="row 1: bbox = None: expected four finite numbers"):
        next(cases)


def test_repeated_candidates_are_one_item(task_rows: Any, make_row: Any) -> None:
    (case,) = read_cases(task_rows(SCAR, [make_row(0, ["a", "b", "a", "c", "b"])]), PLAIN, box_as_prompt=True)
    assert [item.text for item in case.candidates] == ["a", "b", "a", "c", "b"]
    assert len({id(item) for item in case.candidates}) == 3


def test_texts_and_images_of_any_script_pass(task_rows: Any, make_row: Any) -> None:
    row = {**make_row(0, ["café\nau lait", "café", "\u3000全角 🎈"]), "qry_image_path": "dossier été/image 7.png"}
    (case,) = read_cases(task_rows(SCAR, [row]), PLAIN, box_as_prompt=True)
    assert case.candidates[2].text == "\u3000全角 🎈"
    assert case.query.image is not None
    assert case.query.image.name == "image 7.png"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tgt_text": []}, r"row 0: tgt_text = \[\]: expected a list of texts, the right candidate first"),
        ({"tgt_text": None}, r"tgt_text = None: expected a list of texts"),
        ({"tgt_text": "one"}, r"tgt_text = 'one': expected a list of texts"),
        ({"tgt_text": ["a", None]}, r"tgt_text holds None, which is not a text"),
        ({"bbox": [1, 2, 3]}, r"bbox = \[1, 2, 3\]: expected four finite numbers x, y, width, height"),
        ({"bbox": [1, 2, 3, float("nan")]}, r"bbox = .*nan\]: expected four finite numbers"),
        ({"bbox": ["1", "2", "3", "4"]}, r"bbox = .*: expected four finite numbers"),
        ({"qry_text": None}, r"qry_text = None is not a text"),
        ({"qry_image_path": ""}, r"qry_image_path = '' is no image path"),
        ({"qry_image_path": "../secret.png"}, r"qry_image_path = '../secret.png' leaves the image folder"),
        ({"qry_image_path": "a/../../secret.png"}, r"leaves the image folder"),
        ({"qry_image_path": ".."}, r"leaves the image folder"),
        ({"qry_image_path": "/etc/passwd"}, r"qry_image_path = '/etc/passwd' leaves the image folder"),
    ],
)
def test_a_scar_row_of_another_shape_is_named(task_rows: Any, make_row: Any, change: Any, message: str) -> None:
    files = task_rows(SCAR, [make_row(0) | change])
    with pytest.raises(DataError, match=message):
        list(read_cases(files, PLAIN, box_as_prompt=True))


@pytest.mark.parametrize("path", ["gone.png", "a\0b.png", "x" * 5000, "."])
def test_a_missing_image_is_named(task_rows: Any, make_row: Any, path: str) -> None:
    files = task_rows(SCAR, [make_row(0), make_row(1)])
    text = files.paths[0].read_text().splitlines()
    bad = json.dumps({**json.loads(text[1]), "qry_image_path": path})
    files.paths[0].write_text(f"{text[0]}\n{bad}\n")
    with pytest.raises(DataError, match=r"row 1: qry_image_path = .*: no such file below"):
        list(read_cases(files, PLAIN, box_as_prompt=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tgt_text": [""]}, r"row 0: 1 values in tgt_text but 2 in tgt_img_path"),
        ({"tgt_img_path": ["a.jpg", ""]}, r"tgt_img_path = '' is no image path"),
        ({"tgt_img_path": ["a.jpg", "/etc/b.jpg"]}, r"leaves the image folder"),
        ({"tgt_inst": None}, r"tgt_inst = None is not a text"),
        ({"qry_inst": 3}, r"qry_inst = 3 is not a text"),
        ({"qry_img_path": None}, r"qry_img_path = None is no image path"),
    ],
)
def test_an_mmeb_row_of_another_shape_is_named(task_rows: Any, change: Any, message: str) -> None:
    files = task_rows("RefCOCO", [GROUNDING | change])
    with pytest.raises(DataError, match=message):
        list(read_cases(files, PLAIN, box_as_prompt=False))


def test_texts_tell_two_candidates_of_one_image_apart_where_the_key_has_them(task_rows: Any) -> None:
    row = GROUNDING | {"tgt_text": ["the red cup", "the blue cup"], "tgt_img_path": ["a.jpg", "a.jpg"]}
    (both,) = read_cases(task_rows("RefCOCO-Matching", [row]), PLAIN, box_as_prompt=False)
    assert len(both.candidates) == 2
    row = row | {"qry_img_path": ""}
    (one,) = read_cases(task_rows("WebQA", [row]), PLAIN, box_as_prompt=False)
    assert len(set(one.candidates)) == 1


def test_a_small_task_of_the_hub_keeps_a_single_candidate(task_rows: Any, tmp_path: Path) -> None:
    row = {**GROUNDING, "tgt_text": ["No"], "tgt_img_path": [""]}
    files = task_rows("HatefulMemes", [row])
    assert files == TaskFiles(get_task("HatefulMemes"), (tmp_path / "HatefulMemes.jsonl",), tmp_path)
    (case,) = read_cases(files, PLAIN, box_as_prompt=False)
    assert case.candidates == (Item(text="No"),)


def test_links_of_the_user_are_followed_wherever_they_lead(task_rows: Any, make_row: Any, tmp_path: Path) -> None:
    files = task_rows(SCAR, [make_row(0)])
    image = tmp_path / make_row(0)["qry_image_path"]
    image.rename(tmp_path / "blob")
    image.symlink_to(tmp_path / "blob")
    (case,) = read_cases(files, PLAIN, box_as_prompt=True)
    assert case.query.image == image
    inner = TaskFiles(files.task, files.paths, tmp_path / "root")
    (tmp_path / "root" / "images").mkdir(parents=True)
    (tmp_path / "root" / "images" / "Toy_val").symlink_to(image.parent)
    (case,) = read_cases(inner, PLAIN, box_as_prompt=True)
    assert case.query.image == tmp_path / "root" / make_row(0)["qry_image_path"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../secret.png", "leaves the image folder"),
        ("images/../secret.png", "leaves the image folder"),
        ("{folder}/secret.png", "leaves the image folder"),
        ("dangling.png", r"it is a link to '.*/gone.png'"),
        ("loop.png", r"it is a link to '.*loop.png'"),
    ],
)
def test_a_path_that_leaves_the_image_folder_or_leads_nowhere_is_refused(
    path: str, message: str, task_rows: Any, make_row: Any, tmp_path: Path
) -> None:
    files = task_rows(SCAR, [make_row(0), make_row(0) | {"qry_image_path": path.format(folder=tmp_path)}])
    (tmp_path / "dangling.png").unlink(missing_ok=True)
    (tmp_path / "loop.png").unlink(missing_ok=True)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(DataError, match=rf"row 1: qry_image_path = .*{message}"):
        list(read_cases(files, PLAIN, box_as_prompt=True))


def test_the_image_folder_itself_may_be_a_link(task_rows: Any, make_row: Any, tmp_path: Path) -> None:
    files = task_rows(SCAR, [make_row(0)])
    (tmp_path / "there").symlink_to(tmp_path)
    (case,) = read_cases(TaskFiles(files.task, files.paths, tmp_path / "there"), PLAIN, box_as_prompt=True)
    assert case.query.image == tmp_path / "there" / make_row(0)["qry_image_path"]


def test_a_right_answer_that_is_repeated_is_one_candidate_and_counted(task_rows: Any) -> None:
    row = GROUNDING | {"tgt_text": ["cup", "mug", "cup"], "tgt_img_path": ["", "", ""]}
    result = evaluate(Constant(), task_rows("GQA", [row]))
    assert (result.counts["candidates"], result.counts["repeats"]) == (2, 1)
    assert result.chance == pytest.approx(0.5)
    assert result.metrics["map@10"] <= 1


@pytest.mark.parametrize("task", ["GQA", "RefCOCO", "WebQA", "CIRR", "VOC2007"])
def test_no_candidates_are_refused(task: str, task_rows: Any) -> None:
    row = GROUNDING | {"tgt_text": [], "tgt_img_path": []}
    with pytest.raises(DataError, match=r"row 0: tgt_\w+ = \[\]: expected a list of texts, the right candidate first"):
        list(read_cases(task_rows(task, [row]), PLAIN, box_as_prompt=False))


def test_mmeb_texts_of_any_script_and_with_line_breaks_pass_unchanged(task_rows: Any) -> None:
    texts = ["caf\u00e9\nau lait", "cafe\u0301", "\u5168\u89d2 \U0001f388", "a\u2028b\r\nc"]
    row = GROUNDING | {"qry_text": texts[0], "tgt_text": texts, "tgt_img_path": [""] * 4}
    (case,) = read_cases(task_rows("GQA", [row]), QWEN, box_as_prompt=False)
    assert [item.text for item in case.candidates] == texts
    assert len(set(case.candidates)) == 4
    assert texts[0] in case.query.text


@pytest.mark.parametrize("task", ["RefCOCO", "VOC2007", "MSCOCO_t2i", "GQA"])
def test_only_the_token_of_joined_texts_changes_whatever_the_task(task: str, task_rows: Any, tmp_path: Path) -> None:
    (case,) = read_cases(task_rows(task, [JOINED_ROW]), QWEN, box_as_prompt=False)
    assert case.query == Item(text="<|image_pad|> \nWhich one? \n\n", image=tmp_path / "q.jpg")
    assert case.candidates == (
        Item(text="<|image_pad|>\nThe cup ", image=tmp_path / "a.jpg"),
        Item(text="<|image_pad|>\nThe cup ", image=tmp_path / "b.jpg"),
        Item(text="\u5168\u89d2\n"),
    )


def test_plain_models_get_joined_texts_without_token_and_outer_space(task_rows: Any) -> None:
    (case,) = read_cases(task_rows("GQA", [JOINED_ROW]), PLAIN, box_as_prompt=False)
    assert [item.text for item in (case.query, *case.candidates)] == [
        "Which one?",
        "The cup",
        "The cup",
        "\u5168\u89d2",
    ]


def test_an_empty_path_is_no_image(task_rows: Any) -> None:
    (case,) = read_cases(task_rows("VOC2007", [JOINED_ROW | {"qry_img_path": ""}]), QWEN, box_as_prompt=False)
    assert case.query.image is None


def test_an_empty_text_with_paths_is_images_without_text(task_rows: Any, tmp_path: Path) -> None:
    row = JOINED_ROW | {"tgt_text": "", "tgt_img_path": ["a.jpg", "b.jpg"]}
    (case,) = read_cases(task_rows("MSCOCO_t2i", [row]), PLAIN, box_as_prompt=False)
    assert case.candidates == (Item(text="", image=tmp_path / "a.jpg"), Item(text="", image=tmp_path / "b.jpg"))


def test_a_pair_of_text_and_path_is_one_candidate_across_rows(task_rows: Any) -> None:
    first, second = read_cases(
        task_rows("WebQA", [JOINED_ROW, JOINED_ROW | {"qry_text": "Another?"}]), QWEN, box_as_prompt=False
    )
    assert [id(item) for item in first.candidates] == [id(item) for item in second.candidates]
    assert len(set(first.candidates)) == 3
    assert first.candidates_digest == second.candidates_digest
    assert first.query_digest != second.query_digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tgt_text": ["a"]}, r"row 0: 1 values in tgt_text but 3 in tgt_img_path"),
        ({"tgt_text": "one"}, r"row 0: tgt_text = 'one': expected a list of texts"),
        ({"tgt_text": []}, r"row 0: tgt_text = \[\]: expected a list of texts"),
        ({"tgt_img_path": []}, r"row 0: tgt_img_path = \[\]: expected a list of texts"),
        ({"tgt_text": "", "tgt_img_path": []}, r"row 0: tgt_img_path = \[\]: expected a list of texts"),
        ({"qry_text": None}, r"row 0: qry_text = None is not a text"),
        ({"qry_img_path": None}, r"row 0: qry_img_path = None is no image path"),
    ],
)
def test_a_joined_row_of_another_shape_is_named(change: Any, message: str, task_rows: Any) -> None:
    with pytest.raises(DataError, match=message):
        list(read_cases(task_rows("GQA", [JOINED_ROW | change]), QWEN, box_as_prompt=False))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_text_candidates_are_left_untouched_by_every_layout(layout: Any, task_rows: Any) -> None:
    texts = ["", " cardigan ", "car\nwheel", "x \n"]
    row = GROUNDING | {"tgt_text": texts, "tgt_img_path": [""] * 4}
    (case,) = read_cases(task_rows("VOC2007", [row]), layout, box_as_prompt=False)
    assert [item.text for item in case.candidates] == texts


@pytest.mark.parametrize("column", ["qry_text", "qry_inst", "tgt_text"])
def test_half_of_a_surrogate_pair_is_refused_with_its_place(column: str, task_rows: Any) -> None:
    row = {**GROUNDING, column: ["ok", "a \ud83d"] if column == "tgt_text" else "a \ud83d"}
    with pytest.raises(DataError, match=rf"row 0: {column} = .*character 2 is half of a surrogate pair"):
        list(read_cases(task_rows("RefCOCO", [row]), QWEN, box_as_prompt=False))
    whole = {**GROUNDING, "qry_text": "a \U0001f600"}
    assert next(read_cases(task_rows("RefCOCO", [whole]), QWEN, box_as_prompt=False)).query.text.endswith(
        "\U0001f600\n"
    )


def test_a_target_text_of_one_space_is_none_and_the_instructions_newline_stays(task_rows: Any) -> None:
    row = {**GROUNDING, "tgt_inst": "<|image_1|>\nRepresent the object\n", "tgt_text": [" ", " "]}
    case = next(read_cases(task_rows("RefCOCO", [row]), QWEN, box_as_prompt=False))
    assert [item.text for item in case.candidates] == ["<|image_pad|>\nRepresent the object\n"] * 2
