"""Exports that Label Studio writes are read, others are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scar.errors import InputError
from scar.formats.decisions import FAULTS
from scar.review.label_studio import make_labeling_config, read_annotations


def make_task(**annotation: Any) -> list[dict[str, Any]]:
    verdict = {"from_name": "verdict", "to_name": "image", "type": "choices", "value": {"choices": ["accept"]}}
    return [{"data": {"id": "Toy/eval/1"}, "annotations": [{"completed_by": 3, "result": [verdict]} | annotation]}]


def read_tasks(tmp_path: Path, tasks: object) -> list[Any]:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return read_annotations(path)


def test_an_export_gives_its_decisions(tmp_path: Path) -> None:
    (decision,) = read_tasks(tmp_path, make_task(lead_time=4.5, created_at="2026-01-01T00:00:00Z"))
    assert (decision.id, decision.reviewer, decision.verdict, decision.seconds) == (
        "Toy/eval/1",
        "user 3",
        "accept",
        4.5,
    )
    assert read_tasks(tmp_path, make_task(was_cancelled=True)) == []
    assert read_tasks(tmp_path, make_task(result=[])) == []


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ({"a": 1}, "list of tasks"),
        ([{"annotations": [{}]}], "task 0: no task"),
        ([7], "task 0: no task"),
        (make_task(result=[{"from_name": "verdict", "value": {"choices": ["maybe"]}}]), "verdict 'maybe'"),
        (
            make_task(
                result=[
                    {"from_name": "verdict", "value": {"choices": ["reject"]}},
                    {"from_name": "fault", "value": {"choices": ["ugly"]}},
                ]
            ),
            "fault 'ugly'",
        ),
    ],
)
def test_what_is_no_export_is_named(tmp_path: Path, tasks: object, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_tasks(tmp_path, tasks)


def test_the_interface_is_xml_with_every_fault() -> None:
    tree = ElementTree.fromstring(make_labeling_config())  # noqa: S314 - our own text
    values = {choice.get("value") for choice in tree.iter("Choice")}
    assert values == {"accept", "reject", *FAULTS}
