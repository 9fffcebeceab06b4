"""Instruction, text and image apart: field by field those of Qwen3-VL-Embedding's own parsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import tasks
from mmeb_eval.item import Item
from mmeb_eval.templates.fused import LAYOUTS
from scar.errors import DataError
from scar.sample import Box

APART = LAYOUTS["apart"]


def _item(fields: dict[str, str], side: Any, root: Path) -> Item:
    """The item that a dictionary of the reference stands for."""
    image = root / fields["image"].removeprefix("image-tasks/") if "image" in fields else None
    return Item(fields.get("text", ""), image, instruction=fields.get("instruction", ""), side=side)


@pytest.mark.parametrize("name", [task.name for task in tasks().values() if task.benchmark == "MMEB"])
def test_fields_of_every_task_are_those_of_the_reference(
    name: str, qwen3_fields: Any, task_rows: Any, tmp_path: Path
) -> None:
    group = qwen3_fields["tasks"][name]
    cases = list(read_cases(task_rows(name, [row["input"] for row in group["rows"]]), APART, box_as_prompt=False))
    assert len(cases) == len(group["rows"]) == 2
    pool: dict[str, Item] = {}
    for case, row in zip(cases, group["rows"], strict=True):
        assert case.query == _item(row["query"], "query", tmp_path)
        for key, fields in zip(row["cand_names"], row["candidates"], strict=True):
            pool.setdefault(key, _item(fields, "document", tmp_path))
        assert list(case.candidates) == [pool[key] for key in row["cand_names"]]
        assert case.candidates[case.gold] == pool[row["label_name"]]
    assert list(pool) == group["candidate_set"]


def test_a_region_query_has_its_instruction_apart_and_the_box_as_prompt_or_text(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    told, drawn = (next(read_cases(files, APART, box_as_prompt=as_prompt)).query for as_prompt in (False, True))
    assert told.instruction == drawn.instruction
    assert told.instruction.startswith("Find the caption that best describes the segmented object, considering")
    assert (told.text, told.prompt) == ("Referring object bbox: [1.0, 2.0, 4.5, 6.0]", None)
    assert drawn.prompt == Box(1.0, 2.0, 4.5, 6.0)
    assert drawn.side == "query"
    bare = next(read_cases(files, APART, box_as_prompt=True, box_in_text=False)).query
    assert bare.text == ""


def test_rows_that_hold_one_string_are_refused_with_the_way_out(task_rows: Any) -> None:
    row = {"qry_text": "<|image_1|>\nSay what: a", "qry_img_path": "q.jpg", "tgt_text": ["b"], "tgt_img_path": [""]}
    with pytest.raises(DataError, match=r"row 0: instruction and text are one string.*ziyjiang/MMEB_Test_Instruct"):
        list(read_cases(task_rows("OK-VQA", [row]), APART, box_as_prompt=False))
