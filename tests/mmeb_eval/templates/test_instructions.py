"""The probe of the instruction changes what queries are told, in every layout, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mmeb_eval
from mmeb_eval.adapters.baselines import Random, TextOnly
from mmeb_eval.contract import check
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.templates.fused import LAYOUTS
from mmeb_eval.templates.instructions import INSTRUCTION_PROBES, apply_instruction_probe
from scar.errors import DataError, UnknownName

ROW = {"qry_inst": "<|image_1|>\nSay what:", "qry_text": "Why?", "qry_img_path": "q.jpg", "tgt_inst": "",
       "tgt_text": ["a", "b"], "tgt_img_path": ["", ""]}  # fmt: skip
EXPECTED = {
    "none": "<|image_pad|>\n Why?\n",
    "paraphrase": "<|image_pad|>\nYour task is as follows: say what: Why?\n",
    "wrong": "<|image_pad|>\nIdentify the language in which the given sentence is written. Why?\n",
}


@pytest.mark.parametrize("probe", INSTRUCTION_PROBES)
def test_queries_get_the_probes_instruction_fused_or_apart(probe: str, task_rows: Any) -> None:
    files = task_rows("OK-VQA", [ROW])
    fused, told = (
        next(read_cases(files, LAYOUTS[name], box_as_prompt=False, instruction_probe=probe))
        for name in ("qwen2_vl", "apart")
    )
    assert fused.query.text == EXPECTED[probe]
    assert told.query.text == "Why?"
    assert told.query.instruction == INSTRUCTION_PROBES[probe]("Say what:")
    plain = next(read_cases(files, LAYOUTS["apart"], box_as_prompt=False))
    assert (told.candidates, told.query_digest) == (plain.candidates, plain.query_digest)


def test_a_probe_has_its_own_name_and_can_be_compared(corpus: Path) -> None:
    given, wrong = (mmeb_eval.evaluate("text-only", corpus, instruction=probe) for probe in (None, "wrong"))
    assert wrong[0].model == "text-only+instruction-wrong"
    assert wrong[0].settings["instruction_probe"] == "wrong"
    assert "instruction_probe" not in given[0].settings
    assert {setting.name for setting in mmeb_eval.compare(given, wrong).settings} == {"model", "instruction_probe"}
    assert given[0].margins != wrong[0].margins


def test_a_region_stays_named_when_the_instruction_goes(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    query = next(read_cases(files, LAYOUTS["plain"], box_as_prompt=False, instruction_probe="none")).query
    assert query.text == "Referring object bbox: [1, 2, 4, 6]"


def test_what_cannot_be_probed_is_one_line(task_rows: Any) -> None:
    with pytest.raises(
        UnknownName, match=r"unknown probe of the instruction 'nothing': .*--instruction is one of none"
    ):
        apply_instruction_probe(Random(), "nothing")
    joined = {"qry_text": "x", "qry_img_path": "q.jpg", "tgt_text": ["b"], "tgt_img_path": [""]}
    with pytest.raises(DataError, match="must be told apart for this model or probe"):
        list(read_cases(task_rows("OK-VQA", [joined]), LAYOUTS["plain"], box_as_prompt=False, instruction_probe="none"))


def test_a_probed_embedder_keeps_the_contract() -> None:
    assert [each for each in check(apply_instruction_probe(TextOnly(), "none")) if each.level == "error"] == []
