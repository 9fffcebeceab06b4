"""Ranks and metrics against a brute force, the reference's numbers, and what must not change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mmeb_eval.rank import BLOCK_CELLS, case_scores, gold_ranks, hit_at, mrr, ties, top_candidates

SCORES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 12)),
    elements=st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0]),
)


def brute_force(scores: NDArray[np.float32], gold: int) -> int:
    rank = 1
    for column, score in enumerate(scores):
        if column != gold and score >= scores[gold]:
            rank += 1
    return rank


@given(SCORES, st.data())
def test_ranks_are_those_of_a_brute_force(scores: NDArray[np.float32], data: st.DataObject) -> None:
    gold = [data.draw(st.integers(0, scores.shape[1] - 1)) for _ in scores]
    expected = [brute_force(row, right) for row, right in zip(scores, gold, strict=True)]
    ranks = gold_ranks(scores, gold)
    assert ranks.tolist() == expected
    assert hit_at(ranks, 1) == sum(rank == 1 for rank in expected) / len(expected)
    assert hit_at(ranks, 5) == sum(rank <= 5 for rank in expected) / len(expected)
    assert mrr(ranks) == pytest.approx(sum(1 / rank for rank in expected) / len(expected), abs=1e-15)
    tied = [(row == row[right]).sum() > 1 for row, right in zip(scores, gold, strict=True)]
    assert ties(scores, gold) == sum(tied)


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_no_rank(scores: NDArray[np.float32], random: Any) -> None:
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    gold = np.zeros(len(scores), dtype=np.intp)
    moved = np.full(len(scores), order.index(0))
    assert gold_ranks(scores, gold).tolist() == gold_ranks(scores[:, order], moved).tolist()
    assert ties(scores, gold) == ties(scores[:, order], moved)


@given(st.integers(2, 1100), st.floats(-1, 1, width=32))
def test_constant_scores_never_hit(choices: int, value: float) -> None:
    scores = np.full((2, choices), value, dtype=np.float32)
    assert gold_ranks(scores, [0, choices - 1]).tolist() == [choices, choices]
    assert ties(scores, [0, choices - 1]) == 2


@given(SCORES)
def test_the_top_candidate_is_the_gold_one_only_at_rank_one(scores: NDArray[np.float32]) -> None:
    gold = np.zeros(len(scores), dtype=np.intp)
    ranks = gold_ranks(scores, gold)
    top = top_candidates(scores, gold, ranks)
    assert ((top == 0) == (ranks == 1)).all()
    assert (np.take_along_axis(scores, top[:, None], 1)[:, 0] == scores.max(axis=1)).all()


def test_a_padded_cell_changes_nothing() -> None:
    scores = np.array([[0.3, 0.9, -np.inf, -np.inf], [-0.9, -1.0, -0.95, -0.91]], dtype=np.float32)
    assert gold_ranks(scores, [0, 0]).tolist() == [2, 1]


def test_nan_stops_and_names_the_query() -> None:
    scores = np.array([[0.1, 0.2], [np.nan, 0.2], [np.nan, 0.2]], dtype=np.float32)
    with pytest.raises(ValueError, match="query 1: a score is NaN"):
        gold_ranks(scores, [0, 0, 0])


@pytest.mark.parametrize("choices", [[1, 3, 2, 10], [10] * 150, [BLOCK_CELLS + 1, 2]])
def test_scores_are_the_dot_products_of_each_query_with_its_own_candidates(choices: list[int]) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((len(choices) + max(choices), 8)).astype(np.float32)
    candidates = [rng.integers(0, len(vectors), size=count).tolist() for count in choices]
    scores = case_scores(vectors, range(len(choices)), candidates)
    assert scores.shape == (len(choices), max(choices))
    for query, own in enumerate(candidates):
        assert scores[query, : len(own)] == pytest.approx(vectors[own] @ vectors[query], abs=1e-5)
        assert np.isneginf(scores[query, len(own) :]).all()


@pytest.mark.parametrize("width", [3, 17, 64, 333])
@pytest.mark.parametrize("choices", [2, 7, 10, 24, 365, 1000])
def test_candidates_with_one_vector_tie_to_the_last_bit(width: int, choices: int) -> None:
    rng = np.random.default_rng(choices)
    query, candidate = rng.standard_normal((2, width)).astype(np.float32)
    vectors = np.stack([query, *[candidate] * choices])
    scores = case_scores(vectors, [0, 0, 0], [range(1, choices + 1)] * 3)
    assert (scores == scores[:, :1]).all()


def test_metrics_are_the_references_where_nothing_ties(golden: Any) -> None:
    arrays_of = np.load(Path(__file__).parents[3] / "shared" / "golden" / "mmeb" / "metrics.npz")
    compared = 0
    for case in golden("metrics.json")["cases"]:
        scores = arrays_of[case["scores_key"]]
        names = case["candidate_names"]
        lists = [names["shared"]] * len(scores) if "shared" in names else names["per_query"]
        whole = all(len(row) == 1 and row[0] in own for row, own in zip(case["labels"], lists, strict=True))
        if case["cls"] != "single label" or case["k_list"] or not whole:
            continue
        gold = [own.index(row[0]) for row, own in zip(case["labels"], lists, strict=True)]
        assert ties(scores, gold) == 0
        ranks = gold_ranks(scores, gold)
        for k in (1, 5, 10):
            assert hit_at(ranks, k) == pytest.approx(case["expected"][f"hit@{k}"], abs=1e-12)
            cut = np.where(ranks <= k, 1 / ranks, 0).mean()
            assert cut == pytest.approx(case["expected"][f"mrr@{k}"], abs=1e-12)
        compared += 1
    assert compared >= 6


def test_vectors_give_the_references_hits_end_to_end(golden: Any) -> None:
    arrays_of = np.load(Path(__file__).parents[3] / "shared" / "golden" / "mmeb" / "metrics.npz")
    reference = golden("metrics.json")["end_to_end"]
    queries, candidates = arrays_of["e2e_query_embeddings"], arrays_of["e2e_candidate_embeddings"]
    place = {key: len(queries) + row for row, key in enumerate(reference["candidate_keys"])}
    (run,) = [run for run in reference["runs"] if run["name"] == "local"]
    infos = reference["gt_infos_single"]
    own = [[place[name] for name in dict.fromkeys(info["cand_names"])] for info in infos]
    gold = [list(dict.fromkeys(info["cand_names"])).index(info["label_name"]) for info in infos]
    vectors = np.concatenate([queries, candidates]).astype(np.float32)
    scores = case_scores(vectors, range(len(queries)), own)
    ranks = gold_ranks(scores, gold)
    assert ties(scores, gold) == 0
    assert hit_at(ranks, 1) == pytest.approx(run["expected"]["hit@1"], abs=1e-12)
