"""Agreement equals published examples, and a review that cannot be used is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from scar import audit, read
from scar.audit.agreement import krippendorff_alpha, read_review
from scar.audit.tables import make_tables
from scar.common.statistics import wilson_interval
from scar.errors import InputError
from tests.scar.audit.toy_corpus import draw_sample, write_corpus


# The first two are published: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A and C.
@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (["0100000010", "1110010000"], 0.095),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
        (["1122", "1122"], 1.0),
        (["10", "01"], -0.5),
    ],
)
def test_alpha_is_that_of_the_published_examples(rows: list[str], value: float) -> None:
    units = [[value for value in unit if value != "."] for unit in zip(*rows, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(value, abs=5e-4)


def test_alpha_is_not_defined_without_pairs_or_variety() -> None:
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha([[True], [False]]) is None
    assert krippendorff_alpha([[True, True], [True, True]]) is None


def write_review(folder: Path, lines: Sequence[object]) -> None:
    """Write decisions into a corpus."""
    (folder / "review.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_review_is_part_of_the_audit(tmp_path: Path) -> None:
    write_corpus(tmp_path, draw_sample, count=20)
    assert {each["review"] for each in audit(tmp_path)["sources"].values()} == {None}
    ids = [each.id for each in read(tmp_path) if each.split == "eval"]
    decisions = [(ids[0], "ada", True), (ids[0], "bob", True), (ids[1], "ada", False), (ids[1], "bob", True)]
    decisions += [(ids[2], "ada", True), (ids[3], "bob", False), (ids[3], "ada", False)]
    write_review(tmp_path, [{"id": name, "reviewer": who, "accept": accept} for name, who, accept in decisions])
    report = audit(tmp_path)
    found = report["sources"]["Toy/eval"]["review"]
    assert (found["samples"], found["reviewers"], found["accepted"]) == (4, 2, 0.5)
    assert found["interval"] == [round(end, 4) for end in wilson_interval(0.5, 4)]
    assert found["alpha"] == pytest.approx(krippendorff_alpha([[True, True], [False, True], [False, False]]), abs=1e-4)
    assert report["sources"]["Toy/train"]["review"] is None
    assert [table.title for table in make_tables(report)][-2:] == ["Review", "Rejected by people"]


def test_rejections_are_told_by_where_their_samples_come_from(tmp_path: Path) -> None:
    write_corpus(tmp_path, draw_sample, count=20)
    samples = [each for each in read(tmp_path) if each.split == "eval"][:6]
    lost = {samples[0].id: ("negative_true", 4), samples[3].id: ("gold_false", 0)}
    lines = [
        {"id": each.id, "reviewer": "ada", "verdict": "reject", "fault": lost[each.id][0], "caption": lost[each.id][1]}
        if each.id in lost
        else {"id": each.id, "reviewer": "ada", "accept": True}
        for each in samples
    ]
    write_review(tmp_path, lines)
    found = audit(tmp_path)["sources"]["Toy/eval"]["review"]
    assert found["faults"] == {"gold_false": 1, "negative_true": 1}
    assert found["captions"] == {"gold": 1, "relation": 1}
    reasons = [each.reason or "" for each in samples]
    assert found["reasons"] == {
        reason: [sum(each.id in lost for each in samples if (each.reason or "") == reason), reasons.count(reason)]
        for reason in sorted(set(reasons))
    }
    assert [sum(column) for column in zip(*found["generators"].values(), strict=True)] == [2, 6]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"id": "Toy/eval/1", "reviewer": "ada"}, "no decision"),
        ({"id": "Toy/eval/1", "reviewer": "ada", "accept": "yes"}, "accept is true or false"),
        ({"id": "Toy/eval/1", "reviewer": "ada", "accept": True, "more": 1}, "no decision"),
        ([1], "no decision"),
        ({"id": "Toy/eval/0", "reviewer": "ada", "accept": False}, "ada decides on Toy/eval/0 twice"),
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: object, problem: str) -> None:
    write_corpus(tmp_path, draw_sample, count=20)
    write_review(tmp_path, [{"id": "Toy/eval/0", "reviewer": "ada", "accept": True}, line])
    with pytest.raises(InputError, match=problem) as caught:
        audit(tmp_path)
    assert "line 2" in str(caught.value)


def test_a_review_is_read_as_utf_8_line_by_line(tmp_path: Path) -> None:
    lines = [{"id": "a\u2028b", "reviewer": name, "accept": True} for name in ("Zoë", "bob")]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "review.jsonl").write_text(text, encoding=encoding)
        assert [(each.id, each.reviewer) for each in read_review(tmp_path)] == [
            ("a\u2028b", "Zoë"),
            ("a\u2028b", "bob"),
        ]
    (tmp_path / "review.jsonl").write_text(text.replace("\u2028", " "), encoding="latin-1")
    with pytest.raises(InputError, match=r"review\.jsonl, line 1: no decision \('utf-8' codec"):
        read_review(tmp_path)


def test_a_review_of_another_corpus_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path, draw_sample, count=20)
    write_review(tmp_path, [{"id": "Other/eval/1", "reviewer": "ada", "accept": False}])
    with pytest.raises(InputError, match="no sample has the id 'Other/eval/1'"):
        audit(tmp_path)
