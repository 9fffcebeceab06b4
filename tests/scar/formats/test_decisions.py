"""Decisions come back from their file as they were, short lines are read, and a line that is none is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar import Caption
from scar.errors import InputError
from scar.formats.decisions import Decision, Edit, check_decision, list_current, read_decisions, write_decisions

ACCEPT = Decision(id="Toy/eval/1", reviewer="Zoë", verdict="accept", note="a\u2028b", seconds=1.5)
REJECT = Decision(id="Toy/eval/1", reviewer="bob", verdict="reject", fault="negative_true", caption=4)
EDIT = Decision(id="Toy/eval/2", reviewer="bob", verdict="edit", edits=(Edit(0, Caption("a cat", "on", "a bed")),))
CHOICE = Decision(id="Toy/eval/2", reviewer="bob", verdict="choice", mode="choose", choice=-1)


def test_decisions_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    write_decisions([ACCEPT, REJECT, EDIT, CHOICE], path)
    assert read_decisions(path) == [ACCEPT, REJECT, EDIT, CHOICE]
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == ["Toy/eval/1"] * 2 + [
        "Toy/eval/2"
    ] * 2


def test_a_short_line_accepts_or_rejects(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    lines = [{"id": "a", "reviewer": "ada", "accept": True}, {"id": "b", "reviewer": "ada", "accept": False}]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [(each.verdict, each.fault) for each in read_decisions(path)] == [("accept", None), ("reject", "other")]


def test_the_last_decision_of_a_reviewer_counts() -> None:
    withdrawn = Decision(id="Toy/eval/1", reviewer="bob", verdict="withdrawn")
    again = Decision(id="Toy/eval/1", reviewer="Zoë", verdict="reject", fault="text")
    assert list_current([ACCEPT, REJECT, withdrawn, again, CHOICE, EDIT]) == [again, CHOICE, EDIT]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"reviewer": " "}, "names no reviewer"),
        ({"verdict": "reject"}, "reject with fault None"),
        ({"fault": "text"}, "accept with fault 'text'"),
        ({"verdict": "edit"}, "edit with edits"),
        ({"verdict": "choice", "choice": 3}, "in mode inspect"),
        ({"mode": "choose"}, "in mode choose"),
        ({"verdict": "choice", "mode": "choose", "choice": 10}, "choice 10"),
        ({"verdict": "choice", "mode": "choose", "choice": -2}, "choice -2"),
        ({"verdict": "reject", "fault": "text", "caption": 10}, "captions 0 to 9"),
        (
            {"verdict": "edit", "edits": [{"caption": 1, "text": {"object": "a", "relation": "b", "scene": "c"}}] * 2},
            "two",
        ),
        ({"verdict": "maybe"}, "maybe"),
        ({"more": 1}, "more"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path = tmp_path / "review.jsonl"
    line = {"id": "Toy/eval/1", "reviewer": "ada", "verdict": "accept"} | changes
    path.write_text(f"\n{json.dumps(line)}\n")
    with pytest.raises(InputError, match=problem) as caught:
        read_decisions(path)
    assert "line 2" in str(caught.value)


def test_a_missing_file_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--export"):
        read_decisions(tmp_path / "none.jsonl")


def test_a_whole_decision_passes() -> None:
    for decision in (ACCEPT, REJECT, EDIT, CHOICE):
        check_decision(decision)
