"""Each sample is asked of one reviewer, the shared ones of all, and what is answered is what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scar import audit, read
from scar.errors import InputError
from scar.formats.decisions import CANNOT_TELL, Edit, read_decisions
from scar.review.session import Answer, ReviewSession
from scar.review.store import StaleDecision
from tests.scar.review.conftest import OpenSession


def work_off(session: ReviewSession, *reviewers: str) -> dict[str, list[int]]:
    """Let reviewers accept by turns until nothing is left; returns the samples of each."""
    seen: dict[str, list[int]] = {name: [] for name in reviewers}
    pending = list(reviewers)
    while pending:
        name = pending.pop(0)
        shown = session.ask(name)
        if "question" in shown:
            session.answer(Answer(shown["question"], shown["seen"], name, "accept"))
            seen[name].append(shown["question"])
            pending.append(name)
    return seen


def test_each_sample_has_one_reviewer_and_the_shared_ones_have_all(open_session: OpenSession) -> None:
    session = open_session()
    seen = work_off(session, "ada", "bob", "cem")
    shared = {number for number, question in enumerate(session.questions) if question.shared}
    assert len(shared) == 2
    for numbers in seen.values():
        assert shared <= set(numbers)
        assert len(set(numbers)) == len(numbers)
    alone = [number for numbers in seen.values() for number in numbers if number not in shared]
    assert sorted(alone) == sorted(set(range(10)) - shared)
    assert session.count("ada")["open"] == 0
    assert session.measure()["accepted"] == 10


def test_a_sample_that_one_looks_at_is_not_asked_of_another(open_session: OpenSession) -> None:
    session = open_session(shared=0)
    first, second = session.ask("ada")["question"], session.ask("bob")["question"]
    assert first != second
    assert session.ask("ada")["question"] == first
    assert session.ask("ada", after=first)["question"] not in (first, second)


def test_a_new_session_goes_on_where_the_last_one_was(open_session: OpenSession) -> None:
    session = open_session()
    shown = session.ask("ada")
    session.answer(Answer(shown["question"], 0, "ada", "reject", fault="text", caption=3, note=" odd "))
    again = open_session()
    assert again.count("ada")["own"] == 1
    kept = again.show(shown["question"], "ada")
    assert (kept["decision"]["fault"], kept["decision"]["caption"], kept["decision"]["note"]) == ("text", 3, "odd")
    assert again.ask("ada")["question"] != shown["question"]


def test_undo_asks_again(open_session: OpenSession) -> None:
    session = open_session()
    shown = session.ask("ada")
    progress = session.answer(Answer(shown["question"], shown["seen"], "ada", "accept"))
    assert progress["last"] == shown["question"]
    seen = session.show(shown["question"], "ada")["seen"]
    progress = session.answer(Answer(shown["question"], seen, "ada", "withdrawn"))
    assert (progress["own"], progress["last"]) == (0, None)
    assert session.ask("ada")["question"] == shown["question"]


def test_a_second_window_is_told(open_session: OpenSession) -> None:
    session = open_session()
    shown = session.ask("ada")
    session.answer(Answer(shown["question"], shown["seen"], "ada", "accept"))
    with pytest.raises(StaleDecision):
        session.answer(Answer(shown["question"], shown["seen"], "ada", "reject", fault="text"))
    assert session.count("ada")["own"] == 1


def test_choosing_hides_the_gold_and_keeps_its_index(open_session: OpenSession, built: Path) -> None:
    session = open_session("choose")
    golds = {sample.id: sample.gold.text for sample in read(built)}
    places = set()
    while "question" in (shown := session.ask("ada")):
        assert "reason" not in shown
        assert all(caption.keys() == {"text"} for caption in shown["captions"])
        position = [caption["text"] for caption in shown["captions"]].index(golds[shown["id"]])
        places.add(position)
        session.answer(Answer(shown["question"], shown["seen"], "ada", "choice", position=position))
    assert len(places) > 3
    assert session.measure()["choices"]["hit"] == 1.0
    first = session.show(0, "bob")
    assert first["captions"] != session.show(0, "ada")["captions"]
    session.answer(Answer(0, first["seen"], "bob", "choice", position=CANNOT_TELL))
    assert session.measure()["choices"]["cannot_tell"] == pytest.approx(1 / 11, abs=1e-4)


def test_what_is_exported_is_audited_and_comes_back(open_session: OpenSession, built: Path) -> None:
    session = open_session()
    work_off(session, "ada", "bob")
    assert session.export(built / "review.jsonl") == 12
    figures = [each["review"] for each in audit(built)["sources"].values() if each["review"]]
    assert sum(each["samples"] for each in figures) == 10
    assert {each["accepted"] for each in figures} == {1.0}
    assert session.bring_in(built / "review.jsonl") == 0
    other = open_session(store=built / "other.sqlite")
    assert other.bring_in(built / "review.jsonl") == 12
    assert other.count("ada") == session.count("ada")


def test_label_studio_gets_tasks_and_gives_them_back(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(shared=0)
    for name, verdict, fault in (("ada", "accept", None), ("bob", "reject", "gold_false")):
        shown = session.ask(name)
        session.answer(Answer(shown["question"], shown["seen"], name, verdict, fault=fault, note="so", seconds=2.5))  # type: ignore[arg-type]
    path = tmp_path / "tasks.json"
    assert session.export(path) == 2
    tasks = json.loads(path.read_text())
    assert len(tasks) == 10
    assert sum(bool(task["annotations"]) for task in tasks) == 2
    other = open_session(shared=0, store=tmp_path / "other.sqlite")
    assert other.bring_in(path) == 2
    other.export(tmp_path / "back.jsonl")
    session.export(tmp_path / "there.jsonl")
    key = lambda each: each.id  # noqa: E731
    assert sorted(read_decisions(tmp_path / "back.jsonl"), key=key) == sorted(
        read_decisions(tmp_path / "there.jsonl"), key=key
    )


def test_answers_that_cannot_be_are_refused(open_session: OpenSession) -> None:
    session = open_session()
    edit = Edit(1, session.questions[0].sample.negatives[1].caption)
    for answer, problem in (
        (Answer(99, 0, "ada", "accept"), "there are 0 to 9"),
        (Answer(0, 0, " ", "accept"), "give a name"),
        (Answer(0, 0, "a\u202eb", "accept"), "visible"),
        (Answer(0, 0, "x" * 61, "accept"), "1 to 60"),
        (Answer(0, 0, "ada", "reject"), "fault None"),
        (Answer(0, 0, "ada", "choice", position=3), "mode inspect"),
        (Answer(0, 0, "ada", "edit", edits=(edit,)), "equal"),
    ):
        with pytest.raises(InputError, match=problem):
            session.answer(answer)
    assert session.store.read_all() == []
