"""A limit is broken if the whole interval is beyond it, and figures of few samples are told and not limited."""

from __future__ import annotations

from typing import Any

import pytest

from scar.audit.findings import list_findings
from scar.audit.limits import HARD_OBJECTS, IN_PART, OVER_TEN, PLAUSIBLE_SCENES, LimitCheck, check_limits
from scar.audit.report import describe_few_samples


def rate(hit: float, low: float, chance: float = 0.1, **kinds: dict[str, Any]) -> dict[str, Any]:
    """Hit rates of a judge."""
    return {"hit": hit, "interval": [low, 2 * hit - low], "chance": chance, "kinds": kinds}


def make_report(
    judges: dict[str, Any], *, asked: int = 300, human: int = 0, hardness: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The figures of an audit that limits look at."""
    figures = {
        "samples": asked,
        "drawn": {"asked": {"samples": asked, "of": asked}},
        "blind": judges,
        "reasons": {"counts": {"human": human, "mask": 1}, "ranking": 0.0},
        "truth": {"wordnet": 0, "in_box": 0, "scene_of_image": 0, "gold_of_region": 0},
        "hardness": hardness,
    }
    return {"sources": {"Toy/eval": figures}, "overlap": {}, "unlinked": {}}


@pytest.mark.parametrize(
    ("hit", "low", "broken"), [(0.25, 0.201, True), (0.25, 0.2, False), (0.25, 0.15, False), (0.19, 0.18, False)]
)
def test_a_judge_breaks_its_limit_if_the_interval_is_above(hit: float, low: float, broken: bool) -> None:
    report = make_report({"words": rate(hit, low)})
    (check,) = check_limits(report)
    assert (check.limit, check.is_broken) == (OVER_TEN, broken)
    assert bool(list_findings(report)) == broken
    if broken:
        (line,) = list_findings(report)
        assert line == (
            f"Toy/eval: best judge over ten (words) {hit:.3f} (95 % interval {low:.3f} to {2 * hit - low:.3f}), "
            "the limit is at most 0.20"
        )


def test_a_part_has_a_lower_limit_with_words_of_people() -> None:
    judges = {"words": rate(0.1, 0.05, scene=rate(0.45, 0.42, 0.25))}
    for human, broken in ((0, False), (1, True)):
        check = check_limits(make_report(judges, human=human))[1]
        assert (check.limit, check.about, check.is_broken) == (IN_PART, "words, scene", broken)


def test_the_best_judge_counts_and_one_that_breaks_the_limit_before_it() -> None:
    judges = {"wide": rate(0.31, 0.1), "sharp": rate(0.3, 0.25), "low": rate(0.1, 0.09)}
    (check,) = check_limits(make_report(judges))
    assert (check.about, check.is_broken) == ("sharp", True)
    (check,) = check_limits(make_report({"wide": rate(0.31, 0.1), "low": rate(0.15, 0.14)}))
    assert (check.about, check.is_broken) == ("wide", False)


def test_shares_must_reach_their_limits() -> None:
    shares = {"share": 0.5, "interval": [0.4, 0.59]}
    hardness = {"objects": shares, "scenes": {"share": 0.5, "interval": [0.4, 0.55]}}
    for human, broken in ((0, [True, False]), (1, [True, True])):
        checks = check_limits(make_report({}, human=human, hardness=hardness))
        assert [check.limit for check in checks] == [HARD_OBJECTS, PLAUSIBLE_SCENES]
        assert [check.is_broken for check in checks] == broken
    assert "at least 0.60" in checks[0].describe()


def test_fewer_than_300_samples_are_told_and_not_limited() -> None:
    report = make_report({"words": rate(0.9, 0.8)}, asked=299)
    (check,) = check_limits(report)
    assert check.verdict == "299 samples, fewer than 300"
    assert list_findings(report) == []
    (line,) = describe_few_samples(report)
    assert line == "Toy/eval: told and not limited: best judge over ten (299 samples, fewer than 300)."
    assert "no judge is trained" in describe_few_samples(make_report({}))[0]


def test_rows_of_two_captions_have_no_limit() -> None:
    assert check_limits(make_report({"words": rate(0.9, 0.8, chance=0.5)})) == []


def test_verdicts_are_words() -> None:
    assert LimitCheck("", OVER_TEN, 0.3, (0.25, 0.35), 0.2).verdict == "broken"
    assert LimitCheck("", OVER_TEN, 0.3, (0.15, 0.45), 0.2).verdict == "kept"
