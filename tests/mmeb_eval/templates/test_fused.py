"""The texts: character by character those of the official evaluators, and plain ones for models without a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmeb_eval.data.cases import Case, read_cases
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.tasks import get_task, tasks
from mmeb_eval.item import Item
from mmeb_eval.templates.fused import LAYOUTS, get_layout, make_candidate_text, make_query_text
from scar.errors import DataError, UnknownName
from scar.sample import Box

QWEN = LAYOUTS["qwen2_vl"]
PLAIN = LAYOUTS["plain"]
TASK_OF_PARSER = {
    "image_cls": "VOC2007",
    "image_qa": "OK-VQA",
    "image_i2t": "MSCOCO_i2t",
    "image_t2i": "MSCOCO_t2i",
    "image_i2i_vg": "RefCOCO",
    "scar_i2t": "SCAR_ADE20K_val",
}
STRICTER = {
    "first tgt_text is None",  # the official code ranks a candidate without text or image
    "bbox of strings (concatenated, not added)",
}
"""Rows the official code takes and we refuse."""

NOT_OURS = "dataset_name keyword missing"
"""A case about the official function's own arguments."""


def _inside(row: dict[str, Any]) -> dict[str, Any]:
    """The row with image paths that stay in the image folder, which ours must."""

    def mend(path: Any) -> Any:
        return f"outside/{path.strip('/.')}" if isinstance(path, str) and path.startswith(("/", "..")) else path

    return {
        key: [mend(path) for path in value] if isinstance(value, list) and key.endswith("path") else
        mend(value) if key.endswith("path") else value
        for key, value in row.items()
    }  # fmt: skip


def _cases(files: TaskFiles, *, box_as_prompt: bool = False) -> Iterator[Case]:
    return read_cases(files, QWEN, box_as_prompt=box_as_prompt)


def _item(text: list[str] | str, image: Any, group: dict[str, Any], root: Path) -> Item:
    """The item that a reference output stands for."""
    path = None
    if image is not None:
        relative = image["paths"][0].removeprefix(group["image_root"])
        path = root / (f"outside/{relative.strip('/.')}" if relative.startswith(("/", "..")) else relative)
    return Item(text=text if isinstance(text, str) else text[0], image=path)


@pytest.mark.parametrize("name", tasks())
def test_every_reference_row_gives_the_reference_texts_keys_and_candidates(
    name: str, golden: Any, task_rows: Any, tmp_path: Path
) -> None:
    groups = {group["task"]: group for group in golden("prompts.json")["eval_groups"]}
    if name not in groups:
        pytest.skip(f"the reference has no task {name}")
    group = groups[name]
    rows = group["rows"]
    cases = list(_cases(task_rows(name, [_inside(row["input"]) for row in rows])))
    pool = {
        candidate["dataset_infos"]["cand_name"].removeprefix("/"): _item(
            candidate["cand_text"], candidate["cand_image"][0], group, tmp_path
        )
        for candidate in group["candidate_set"]["candidates"]
    }
    assert len(cases) == len(rows) > 0
    for case, row in zip(cases, rows, strict=True):
        expected = row["expected"]
        image = expected["query_image"][0]
        assert case.query == _item(expected["query_text"], image, group, tmp_path), row["id"]
        keys = dict.fromkeys(key.removeprefix("/") for key in expected["dataset_infos"]["cand_names"])
        assert list(dict.fromkeys(case.candidates)) == [pool[key] for key in keys], row["id"]
        assert case.candidates[case.gold] == pool[expected["dataset_infos"]["label_name"].removeprefix("/")]


def test_the_reference_takes_paths_outside_the_folder_and_we_do_not(golden: Any, task_rows: Any) -> None:
    outside = 0
    for group in golden("prompts.json")["eval_groups"]:
        for row in group["rows"]:
            if _inside(row["input"]) != row["input"]:
                outside += 1
                with pytest.raises(DataError, match="leaves the image folder"):
                    list(_cases(task_rows(group["task"], [row["input"]])))
    assert outside >= 4


def test_the_columns_number_type_decides_how_a_box_is_written(golden: Any, write_corpus: Any, tmp_path: Path) -> None:
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "float32": pa.float32(), "int32": pa.int32()}
    seen = set()
    for case in golden("prompts.json")["scar_parquet_pipeline"]:
        kind = case["bbox_arrow_type"].removeprefix("list<").removesuffix(">").removeprefix("element: ")
        seen.add(kind)
        columns = {"qry_text": pa.string(), "qry_image_path": pa.string(), "tgt_text": pa.list_(pa.string())}
        schema = pa.schema([*columns.items(), ("bbox", pa.list_(kinds[kind]))])
        path = tmp_path / f"{kind}.parquet"
        (tmp_path / "image.png").touch()
        rows = [
            {"qry_text": case["qry_text"], "qry_image_path": "image.png", "tgt_text": texts, "bbox": box}
            for texts, box in zip(case["tgt_text"], case["bbox_rows"], strict=True)
        ]
        write_corpus(path, rows, schema)
        made = list(_cases(TaskFiles(get_task("SCAR_ADE20K_val"), (path,), tmp_path), box_as_prompt=True))
        assert [[one.query.text] for one in made] == case["expected"]["query_text"]
        boxes = [one.query.prompt for one in made]
        assert boxes == [Box(*corners) for corners in case["expected"]["bboxes"]]
    assert {"int64", "float32"} <= seen


def test_odd_rows_give_what_the_reference_gives_or_one_clear_error(golden: Any, task_rows: Any) -> None:
    counted = {"ok": 0, "raises": 0}
    for case in golden("prompts.json")["edge_cases"]:
        if case["name"] == NOT_OURS:
            continue
        files = task_rows(TASK_OF_PARSER[case["parser"]], [case["row"]])
        refused = case["outcome"] == "raises" or case["name"] in STRICTER
        if refused or case.get("candidate_build") == "AssertionError":
            counted["raises"] += 1
            with pytest.raises(DataError, match=r"row 0.*(tgt_|qry_|bbox)"):
                list(_cases(files))
        else:
            counted["ok"] += 1
            (made,) = _cases(files)
            assert [made.query.text] == case["output"]["query_text"]
            assert made.candidates[0].text == case["output"]["cand_text"][0]
    assert counted["ok"] >= 10
    assert counted["raises"] >= 20


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.name)
def test_plain_texts_have_no_token_and_no_outer_white_space(task: Any) -> None:
    text = make_query_text(
        PLAIN, task.join, "<|image_1|>\nSay what:", "a dog", end=task.query_end, box=Box(1.4, 2.0, 3.6, 4.0)
    )
    assert "|>" not in text
    assert text == text.strip()
    assert text.startswith(("Say what: a dog\n", "Say what:  a dog\n"))
    assert text.endswith("Referring object bbox: [1, 2, 4, 4]")
    assert make_candidate_text(PLAIN, "<|image_1|>\nShow.", "a dog") == "Show. a dog"


E5_V = (
    "<|start_header_id|>user<|end_header_id|>\n\n<image>\n{}\nSummary above image and text in one word: <|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n\n"
)
OFFICIAL = {  # a question, a class without text, an image candidate with text; what VLM2Vec v2.1.0 makes of them
    "qwen2_vl": ("<|image_pad|>\nAsk: Why?\n", "<|image_pad|>\nSay what:\n", "<|image_pad|>\nShow. a dog\n"),
    "phi3_v": ("<|image_1|>\nAsk: Why?\n", "<|image_1|>\nSay what:\n", "<|image_1|>\nShow. a dog\n"),
    "llava_next": ("<image>\nAsk: Why?\n", "<image>\nSay what:\n", "<image>\nShow. a dog\n"),
    "colpali": ("\nAsk: Why?\n", "\nSay what:\n", "\nShow. a dog\n"),
    "gme": ("\nAsk: Why?\n", "\nSay what: \n", "\nShow. a dog \n"),
    "lamra": ("\nAsk: Why?\n", "\nSay what: \n", "\nShow. a dog \n"),
    "internvideo2": ("Why?\n", "\n", "\n"),
    "e5_v": (E5_V.format("Why?") + "\n", E5_V.format("") + "\n", E5_V.format("") + "\n"),
}
"""Worked out by running its `process_input_text`, which drops instructions for the last two, candidates' texts too."""


@pytest.mark.parametrize("name", sorted(LAYOUTS.keys() - {"plain", "apart"}))
def test_each_backbone_of_the_official_code_gets_its_own_texts(name: str) -> None:
    layout = LAYOUTS[name]
    question = make_query_text(layout, get_task("OK-VQA").join, "<|image_1|> Ask: ", "Why?")
    klass = make_query_text(layout, get_task("VOC2007").join, "<|image_1|>\nSay what:", "")
    candidate = make_candidate_text(layout, "<|image_1|>\nShow.", "a dog")
    assert (question, klass, candidate) == OFFICIAL[name]


def test_an_unknown_layout_is_met_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"unknown layout 'qwen2vl': did you mean qwen2_vl\?"):
        get_layout("qwen2vl")
