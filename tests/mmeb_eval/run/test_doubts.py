"""Results that one name holds of several models, or that rest on unchecked vectors, are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mmeb_eval.run.doubts import list_doubts
from mmeb_eval.run.results import Result


def _result(task: str, model: str = "mine", **settings: Any) -> Result:
    return Result(model, task, {"hit@1": 0.5}, {"queries": 2}, 0.5, settings, (1, 2), ((0,), (1,)), (0.1, -0.1))


def test_results_of_one_model_raise_no_doubt() -> None:
    settings: dict[str, Any] = {"fingerprint": "a", "embedder": {"revision": "1"}, "versions": {"numpy": "1"}}
    own = [_result("A", **settings), _result("B", **settings | {"versions": {"numpy": "2"}, "batch_size": 7})]
    other = _result("A", "other", fingerprint="b", embedder={"revision": "2"})
    assert list_doubts([*own, other]) == []
    assert list_doubts([_result("A", embedder={}), _result("B", embedder={}, fingerprint="a")]) == []  # of 0.2.0


def test_tasks_of_another_model_under_the_name_are_listed() -> None:
    results = [_result(task, fingerprint="a") for task in "ABC"] + [_result("D", fingerprint="b")]
    (line,) = list_doubts(results)
    assert line == "mine: results on D are of another model of this name than the rest; run all tasks again."
    seeds = [_result("A", embedder={"seed": 1}), *(_result(task, embedder={"seed": 0}) for task in "BC")]
    (line,) = list_doubts(seeds)
    assert "results on A are" in line


def test_unchecked_vectors_are_listed() -> None:
    (line,) = list_doubts([_result("A", trusted_vectors=3), _result("B"), _result("C", trusted_vectors=1)])
    assert line.endswith("so these scores may be of another model: A, C.")


def test_models_that_had_other_data_under_one_name_are_listed() -> None:
    same = [_result("A", model, queries="q", candidates="c") for model in ("x", "y")]
    assert list_doubts([*same, _result("B", "z", queries="other", candidates="c")]) == []
    for changed in ({"queries": "other", "candidates": "c"}, {"queries": "q", "candidates": "other"}):
        (line,) = list_doubts([*same, _result("A", "z", **changed)])
        assert line == "A: z had other data than the other models; score all models on the same data."


def test_results_of_an_early_version_are_told_with_what_they_lack() -> None:
    (line,) = list_doubts([replace(_result("A"), margins=()), _result("B")])
    assert line.startswith(
        "mine: results on A are of an early version, without margins, the ten best candidates, digests of"
    )


def test_first_queries_alone_are_told() -> None:
    (line,) = list_doubts([_result("A", limit=2), _result("B", limit=3), _result("C")])
    assert line == "mine: only the first queries were asked (--limit), a trial: A.", (
        "B has fewer queries than its limit"
    )
