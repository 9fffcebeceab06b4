"""A task file makes tasks of rows in other formats; the pitfalls of FG-OVD are counted; every slip is one line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.cli import app
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.own_tasks import read_task_file
from mmeb_eval.item import Item
from mmeb_eval.run.doubts import list_doubts
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.templates.fused import get_layout
from scar.errors import DataError, HubError
from scar.sample import Box
from tests.local_hub import TOKEN, LocalHub
from tests.shared import SHARED

Write = Callable[..., Path]


def fg_ovd_row(image: str, box: Sequence[float], true: str, false: Sequence[str]) -> dict[str, Any]:
    """A row with the fields of data/fgovd/*.jsonl in 360CVGroup/FG-CLIP."""
    others = {"image_id": 1, "category_id": 2, "neg_category_ids": [3], "sent_id": 4, "test_type": "h"}
    texts = {"pos_expression": [true], "neg_expression": list(false)}
    return {"img_path": image, "bbox": list(box), "width": 64, "height": 48, **texts, **others}


ROWS = [
    fg_ovd_row("val2017/1.jpg", (1, 2, 30.5, 20), "A red bowl.", ["A blue bowl.", "a green bowl.", "A blue bowl."]),
    fg_ovd_row("val2017/1.jpg", (40, 2, 10, 20), "A red bowl.", ["a white bowl."]),
    fg_ovd_row("train2017/2.jpg", (1, 2, 0.07, 0.08), "A dog.", ["A cat.", "a fox."]),
    fg_ovd_row("train2017/2.jpg", (1, 2, 20, 20), "A cat.", ["a CAT.", "a fox."]),
]
"""Two boxes of one caption, a repeated negative, a tiny box, an image of train2017, a caption among its negatives."""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows, images and a task file with one task; returns the file."""

    def write_task(rows: Sequence[Mapping[str, Any]], table: str, name: str = "mine") -> Path:
        (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        for path in ("val2017/1.jpg", "train2017/2.jpg"):
            (tmp_path / "coco" / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48), "teal").save(tmp_path / "coco" / path)
        file = tmp_path / "tasks.toml"
        file.write_text(f'["{name}"]\nrows = "rows.jsonl"\nimages = "coco"\n{table}\n')
        return file

    return write_task


class Cheat:
    """Knows the true captions."""

    name = "cheat"

    def embed(self, items: Sequence[Item]) -> Any:
        right = [item.image is not None or item.text in ("a red bowl.", "a dog.") for item in items]
        return np.eye(2, dtype=np.float32)[np.array(right, dtype=int)]


def test_the_pitfalls_of_fg_ovd_are_told(write: Write) -> None:
    (files,) = read_task_file(write(ROWS, 'format = "FG-OVD"'))
    assert (files.task.name, files.left_out) == ("mine", 1)
    cases = list(read_cases(files, get_layout("plain"), box_as_prompt=True))
    assert [case.query.prompt for case in cases][:1] == [Box(1, 2, 31.5, 22)]
    assert [item.text for item in cases[0].candidates] == [
        "a red bowl.",
        "a blue bowl.",
        "a green bowl.",
        "a blue bowl.",
    ]
    result = evaluate(Cheat(), files)
    assert result.metrics["hit@1"] == 1
    assert result.chance == pytest.approx((1 / 3 + 1 / 2 + 1 / 3) / 3)
    assert {key: result.counts[key] for key in ("queries", "left_out", "shared_captions")} == {
        "queries": 3, "left_out": 1, "shared_captions": 2
    }  # fmt: skip
    assert result.settings["format"] == "FG-OVD"
    assert result.settings["leaked"] == {"images": "train2017/", "queries": 1, "hit@1_elsewhere": 1.0}
    assert (
        "1 of 3 queries show images of train2017/, on which models are often trained; hit@1 on the others is 1.000"
        in (" ".join(list_doubts([result])))
    )
    assert evaluate(Constant(), files).metrics["hit@1"] == 0  # the official code gives constant scores 100 %


@pytest.mark.parametrize(("form", "box"), [("xywh", [1, 2, 9, 8]), ("xyxy", [1, 2, 10, 10])])
def test_any_jsonl_of_regions_is_read(write: Write, form: str, box: list[int]) -> None:
    row = {"image": "val2017/1.jpg", "bbox": box, "positive": "A dog", "negatives": [f"thing {n}" for n in range(9)]}
    table = f'format = "regions"\nbox = "{form}"\ninstruction = "Which one?"'
    (files,) = read_task_file(write([row], table))
    (case,) = read_cases(files, get_layout("plain"), box_as_prompt=True)
    assert (case.query.prompt, case.query.text) == (Box(1, 2, 10, 10), "Which one?")
    assert case.candidates[0].text == "A dog"
    assert "leaked" not in evaluate(Constant(), files).settings


def test_rows_of_mmeb_are_read(write: Write) -> None:
    row = {"qry_inst": "<|image_1|>\nName it:", "qry_text": "", "qry_img_path": "val2017/1.jpg", "tgt_inst": "",
           "tgt_text": ["bus", "car"], "tgt_img_path": ["", ""]}  # fmt: skip
    (files,) = read_task_file(
        write([row], 'format = "MMEB"\nfamily = "classification"\nquery = "image"\njoin = "space"')
    )
    assert evaluate(Constant(), files).chance == 0.5


def test_the_command_line_scores_a_task_file(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--model", "constant", "--task-file", str(write(ROWS, 'format = "FG-OVD"')), "--limit", "2"]
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    assert shown.exit_code == 0, shown.output
    assert "mine: 1 rows are left out: their true caption is among the false ones." in shown.stderr
    assert json.loads(shown.stdout)[0]["counts"]["queries"] == 2
    named = CliRunner().invoke(app, [*arguments, "--tasks", "mine", "--output", "named"])
    assert named.exit_code == 0, named.output
    assert (tmp_path / "named" / "constant" / "mine.json").is_file()
    page = CliRunner().invoke(app, ["report", "results", "--tasks", "tasks.toml", "--out", "page.html"])
    assert page.exit_code == 0, page.output
    assert "a red bowl." in (tmp_path / "page.html").read_text()
    unknown = CliRunner().invoke(app, [*arguments, "--tasks", "min"])
    assert (unknown.exit_code, "unknown task 'min'" in unknown.stderr) == (2, True)


def call(*arguments: object, code: int = 0) -> str:
    shown = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert shown.exit_code == code, shown.output
    return shown.output


def test_the_data_of_own_tasks_are_checked(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(ROWS, 'format = "FG-OVD"')
    assert call("check", "--task-file", file) == f"{file}: 1 tasks, 3 rows, 2 images: 0 problems\n"
    assert ": 1 tasks, 3 rows, 2 images: 0 problems" in call("check", "--task-file", file, "--tasks", "mine")
    call("check", "--task-file", file, "--tasks", "mine", "--data", tmp_path)
    said = call("check", "--task-file", file, "--tasks", "min", code=2)
    assert "unknown task 'min': did you mean mine?" in said
    assert "your task file has mine." in said
    assert "where are the data of VOC2007? Give --data DIR" in call(
        "check", "--task-file", file, "--tasks", "mine,VOC2007", code=2
    )
    outside = {**ROWS[0], "bbox": [99, 99, 5, 5]}
    broken = call("check", "--task-file", write([*ROWS, outside], 'format = "FG-OVD"'), code=2)
    assert "row 4: the box [99, 99, 104, 104] (two corners) lies outside its image, which has 64 x 48" in broken
    (tmp_path / "coco" / "val2017" / "1.jpg").write_bytes(b"no image")
    assert "1.jpg" in call("check", "--task-file", file, code=2)


def test_two_tasks_of_one_name_are_refused_before_a_model_is_loaded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(ROWS, 'format = "FG-OVD"')
    other = tmp_path / "other.toml"
    other.write_text(file.read_text().replace("rows.jsonl", "more.jsonl"))
    (tmp_path / "more.jsonl").write_text(json.dumps(ROWS[0]))
    said = call("--model", "nowhere:load", "--task-file", file, "--task-file", other, code=2)
    assert f"two tasks are called 'mine', of {tmp_path / 'rows.jsonl'} and {tmp_path / 'more.jsonl'}; give one" in said
    said = call("--model", "constant", "--task-file", file, "--tasks", file.name, code=2)
    assert re.search(r"two tasks are called 'mine', both of .*rows.jsonl; give it once", said)


@pytest.mark.parametrize(
    ("table", "name", "message"),
    [
        ('format = "regions"', "VOC2007", r"\[VOC2007\]: VOC2007 is a name of `mmeb-eval tasks`, so its scores would"),
        ('format = "regions"', "vqa", r"\[vqa\]: vqa is a name of `mmeb-eval tasks`"),
        ('format = "regions"', "a, b", r"\[a, b\]: no name for a task; it has no comma"),
        ('format = "regions"', "", r"\[\]: no name for a task"),
        ('format = "regions"', " a", r"\[ a\]: no name for a task"),
        ('format = "region"', "mine", r"\[mine\]: format = 'region' is none of 'regions', 'FG-OVD', 'MMEB'"),
        ('format = "regions"\nbbox = "xywh"', "mine", r"unknown column 'bbox'"),
        ("", "mine", r"tasks.toml, \[mine\]: no column format"),
    ],
)
def test_a_slip_in_a_task_file_is_one_line(write: Write, table: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_task_file(write(ROWS, table, name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos_expression": "A dog."}, r"row 0: pos_expression = 'A dog.': expected a list of one caption"),
        ({"pos_expression": ["a", "b"]}, r"expected a list of one caption"),
        ({"neg_expression": []}, r"row 0: neg_expression = \[\]: expected texts that are not empty"),
        ({"bbox": [1, 2, 3]}, r"row 0: bbox = \[1, 2, 3\]: expected four finite numbers"),
        ({"img_path": "val2017/9.jpg"}, r"qry_image_path = 'val2017/9.jpg': no such file"),
    ],
)
def test_a_broken_row_is_named(write: Write, change: dict[str, Any], message: str) -> None:
    (files,) = read_task_file(write([{**ROWS[0], **change}], 'format = "FG-OVD"'))
    with pytest.raises(DataError, match=message):
        evaluate(Constant(), files)


BOXES = [([30, 30, 40, 40], Box(30, 30, 64, 48)), ([-5, 2, 20, 10], Box(0, 2, 15, 12)), ([0, 0, 64, 48], None)]
"""A box of a row, as x, y, width, height -> what of it is inside an image of 64 x 48; None if all of it is."""


def test_boxes_that_reach_beyond_the_image_are_cut_and_counted(write: Write) -> None:
    rows = [
        {"image": "val2017/1.jpg", "bbox": box, "positive": f"thing {n}", "negatives": ["a cat"]}
        for n, (box, _) in enumerate(BOXES)
    ]
    (files,) = read_task_file(write(rows, 'format = "regions"'))
    cases = list(read_cases(files, get_layout("plain"), box_as_prompt=True))
    assert [case.query.prompt for case in cases] == [inside or Box(0, 0, 64, 48) for _, inside in BOXES]
    result = evaluate(Constant(), files)
    assert result.counts["boxes_beyond_image"] == 2
    assert "constant: mine: 2 boxes reach beyond their image." in list_doubts([result])
    (files,) = read_task_file(write(rows[2:], 'format = "regions"'))
    assert "boxes_beyond_image" not in evaluate(Constant(), files).counts


@pytest.mark.parametrize("box", [[64, 0, 5, 5], [0, 48, 5, 5], [-9, -9, 9, 9], [500, 500, 9, 9]])
def test_a_box_outside_its_image_is_refused_before_anything_is_embedded(
    write: Write, box: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = {"image": "val2017/1.jpg", "bbox": [1, 2, 9, 8], "positive": "a dog", "negatives": ["a cat"]}
    file = write([good, good | {"bbox": box}], 'format = "regions"')
    shown = CliRunner().invoke(app, ["--model", "constant", "--task-file", str(file)])
    assert shown.exit_code == 2
    (line,) = shown.stderr.splitlines()
    corners = [float(each) for each in (box[0], box[1], box[0] + box[2], box[1] + box[3])]
    assert re.search(r"mine: .*rows.jsonl, row 1: the box \[", line)
    assert str([int(each) for each in corners]) in line.replace(".0", "")
    assert "lies outside its image, which has 64 x 48 pixels" in line


def test_rows_are_named_by_their_whole_path_if_they_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tasks.toml").write_text('[mine]\nformat = "regions"\nrows = "gone.jsonl"\n')
    with pytest.raises(DataError, match=re.escape(f"rows = 'gone.jsonl': {tmp_path / 'gone.jsonl'} does not exist")):
        read_task_file(Path("tasks.toml"))


def test_the_users_copy_of_fg_ovd_is_scored_on_the_photos_at_hand(tmp_path: Path) -> None:
    photos, rows = SHARED / "data" / "coco-mini", sorted((SHARED / "data").glob("**/fgovd/h.jsonl"))
    if not rows:
        pytest.skip(f"no fgovd/h.jsonl below {SHARED / 'data'}")
    kept = [line for line in rows[0].open() if (photos / json.loads(line)["img_path"]).is_file()]
    (tmp_path / "h.jsonl").write_text("".join(kept))
    (tmp_path / "tasks.toml").write_text(f'[hard]\nformat = "FG-OVD"\nrows = "h.jsonl"\nimages = "{photos}"\n')
    (files,) = read_task_file(tmp_path / "tasks.toml")
    assert evaluate(Constant(), files).counts["queries"] == len(kept) == 44


def test_rows_and_images_on_the_hub_are_fetched_and_their_commit_is_recorded(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    huggingface_hub.HfApi(endpoint=local_hub.endpoint, token=TOKEN).create_repo("you/signs", repo_type="dataset")
    image = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(image, "PNG")
    row = {"image": "1.png", "bbox": [1, 2, 9, 8], "positive": "a sign", "negatives": ["a tree"]}
    contents: dict[str, bytes | None] = {
        "rows.jsonl": json.dumps(row).encode() + b"\n",
        "photos/1.png": image.getvalue(),
        "large.bin": b"0",
    }
    local_hub.put_files("you/signs", contents)
    table = '[signs]\nformat = "regions"\nhub = "you/signs"\nrows = "rows.jsonl"\nimages = "photos"\n'
    (tmp_path / "tasks.toml").write_text(table)
    (files,) = read_task_file(tmp_path / "tasks.toml")
    assert evaluate(Constant(), files).counts["queries"] == 1
    assert files.task.dataset.startswith("you/signs@")
    assert not [asked for asked in local_hub.asked if "large.bin" in asked]
    (tmp_path / "tasks.toml").write_text(table + 'revision = "no-such"\n')
    with pytest.raises(HubError, match="signs: you/signs@no-such: "):
        read_task_file(tmp_path / "tasks.toml")


@pytest.mark.parametrize("kind", ["regions", "FG-OVD"])
@pytest.mark.parametrize(
    ("form", "box"), [("xywh", [1, 2, 0, 8]), ("xywh", [1, 2, 9, -8]), ("xyxy", [5, 2, 5, 8]), ("xyxy", [9, 9, 3, 3])]
)
def test_a_box_without_area_is_refused(write: Write, kind: str, form: str, box: list[int]) -> None:
    own = {"image": "val2017/1.jpg", "bbox": box, "positive": "a dog", "negatives": ["a cat"]}
    row = own if kind == "regions" else fg_ovd_row("val2017/1.jpg", box, "A dog.", ["A cat."])
    with pytest.raises(DataError, match=rf"bbox = {re.escape(str(box))}, read as {form}: the box has no area; mend"):
        (files,) = read_task_file(write([row], f'format = "{kind}"\nbox = "{form}"'))
        list(read_cases(files, get_layout("plain"), box_as_prompt=True))
