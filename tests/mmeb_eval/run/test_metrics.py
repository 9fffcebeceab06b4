"""All metrics against the reference's own outputs and a brute force; what is unsound in it needs the official rule."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from mmeb_eval.run.metrics import CUTOFFS, compute_metrics
from mmeb_eval.run.rank import TieRule, rank_candidates, rank_labels


def scored(case: Any, scores: NDArray[Any], rule: TieRule) -> dict[str, float]:
    """Our metrics for a case of the reference: names become columns, a name that is listed again becomes a label."""
    names = case["candidate_names"]
    lists = [names["shared"]] * len(scores) if "shared" in names else names["per_query"]
    wanted = [list(dict.fromkeys([row] if isinstance(row, str) else row)) for row in case["labels"]]
    grades = case["rel_scores"] or [[1] * len(row) for row in wanted]
    places = [
        [(column, row.index(name)) for column, name in enumerate(own) if name in row]
        for own, row in zip(lists, wanted, strict=True)
    ]
    columns = np.full((len(scores), max(map(len, places)) or 1), -1)
    labels = np.zeros_like(columns)
    gains = np.full((len(scores), max(map(len, wanted)) or 1), np.nan)
    for row, own in enumerate(places):
        columns[row, : len(own)] = [column for column, _ in own]
        labels[row, : len(own)] = [label for _, label in own]
        gains[row, : len(wanted[row])] = grades[row][: len(wanted[row])]
    ranks = rank_labels(scores, columns, rule)
    return compute_metrics(ranks, labels=labels, gains=gains, cutoffs=case["k_list"] or CUTOFFS)


def test_every_case_of_the_reference_is_met_under_the_official_rule(golden: Any) -> None:
    arrays = golden("metrics.npz")
    cases = golden("metrics.json")["cases"]
    for case in cases:
        found = scored(case, arrays[case["scores_key"]], "official")
        orders = case.get("expected_by_tie_order", {})
        expected = next((orders[key] for key in orders if key.startswith("stable")), case["expected"])
        assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-12), case["id"]
        assert case["metric_list"] or found.keys() == expected.keys(), case["id"]
    assert len(cases) == 40


def test_without_ties_both_rules_say_the_same(golden: Any) -> None:
    arrays = golden("metrics.npz")
    same = 0
    for case in golden("metrics.json")["cases"]:
        scores = arrays[case["scores_key"]]
        if case["id"][0] in "abcf" and all(len(set(row)) == len(row) for row in scores.tolist()):
            assert scored(case, scores, "against") == scored(case, scores, "official")
            same += 1
    assert same >= 20


def test_ties_are_bounded_by_the_worst_place_among_equals(golden: Any) -> None:
    arrays = golden("metrics.npz")
    compared = 0
    for case in golden("metrics.json")["cases"]:
        for key, bounds in case.get("tie_bounds", {}).items():
            if key != "note":
                assert scored(case, arrays[case["scores_key"]], "against")[key] == pytest.approx(bounds[0], abs=1e-12)
                compared += 1
    assert compared >= 40


@pytest.mark.parametrize("name", ["local", "global", "eval_type not given (means global)", "local, two labels"])
def test_vectors_give_the_references_metrics_end_to_end(golden: Any, name: str) -> None:
    arrays = golden("metrics.npz")
    reference = golden("metrics.json")["end_to_end"]
    queries, candidates = arrays["e2e_query_embeddings"], arrays["e2e_candidate_embeddings"]
    place = {key: len(queries) + row for row, key in enumerate(reference["candidate_keys"])}
    (run,) = [run for run in reference["runs"] if run["name"] == name]
    expected, infos, everyone = run["expected"], f"gt_infos_{run['gt_infos']}", run["eval_type"] != "local"
    vectors = np.concatenate([queries, candidates]).astype(np.float32)
    all_ = reference["candidate_keys"]
    listed = [[place[name] for name in (all_ if everyone else info["cand_names"])] for info in reference[infos]]
    scores = np.full((len(listed), max(map(len, listed))), -9, dtype=np.float32)
    for row, query, own in zip(scores, vectors, listed, strict=False):
        row[: len(own)] = [vectors[place] @ query for place in own]
    case = {
        "candidate_names": {"per_query": listed},
        "labels": [
            [place[name] for name in ([info["label_name"]] if infos == "gt_infos_single" else info["label_name"])]
            for info in reference[infos]
        ],
        "rel_scores": None,
        "k_list": None,
    }
    found = scored(case, scores, "official")
    assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-12)
    if infos == "gt_infos_single" and not everyone:  # where the right one is listed first, as in all 41 tasks
        ranked = rank_candidates(vectors, range(len(queries)), listed, "official")
        assert ranked.metrics == pytest.approx({key: expected[key] for key in found}, abs=1e-12)
        once = [list(dict.fromkeys(own)) for own in listed]
        assert rank_candidates(vectors, range(len(queries)), once).ties == 0


@given(st.lists(st.lists(st.integers(1, 15), unique=True, min_size=1, max_size=6), min_size=1, max_size=5))
def test_metrics_are_those_of_a_brute_force(queries: list[list[int]]) -> None:
    ranks = np.zeros((len(queries), 6), dtype=np.intp)
    for row, own in zip(ranks, queries, strict=True):
        row[: len(own)] = own
    found = compute_metrics(ranks)
    for k in CUTOFFS:
        tops = [sorted(rank for rank in own if rank <= k) for own in queries]
        expected: dict[str, list[float]] = {
            "hit": [bool(top) for top in tops],
            "precision": [len(top) / k for top in tops],
            "recall": [len(top) / len(own) for top, own in zip(tops, queries, strict=True)],
            "f1": [2 * len(top) / (k + len(own)) for top, own in zip(tops, queries, strict=True)],
            "map": [
                sum((place + 1) / rank for place, rank in enumerate(top)) / min(len(own), k)
                for top, own in zip(tops, queries, strict=True)
            ],
            "mrr": [1 / top[0] if top else 0 for top in tops],
            "ndcg_linear": [
                sum(1 / np.log2(rank + 1) for rank in top)
                / sum(1 / np.log2(rank + 1) for rank in range(1, min(len(own), k) + 1))
                for top, own in zip(tops, queries, strict=True)
            ],
        }
        for name, values in expected.items():
            assert found[f"{name}@{k}"] == pytest.approx(np.mean(values), abs=1e-12)
        assert found[f"ndcg_exponential@{k}"] == found[f"ndcg_linear@{k}"]
