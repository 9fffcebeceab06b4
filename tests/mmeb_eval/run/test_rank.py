"""Ranks against a brute force, and what must not change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mmeb_eval.run.metrics import compute_metrics
from mmeb_eval.run.rank import TOP_COUNT, TieRule, find_top_candidates, rank_candidates, rank_labels

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


def gold_ranks(scores: NDArray[np.float32], gold: Sequence[int]) -> NDArray[np.intp]:
    """Ranks where each query has one right candidate."""
    return rank_labels(scores, np.array(gold)[:, None])[:, 0]


@given(SCORES, st.data())
def test_ranks_are_those_of_a_brute_force(scores: NDArray[np.float32], data: st.DataObject) -> None:
    gold = [data.draw(st.integers(0, scores.shape[1] - 1)) for _ in scores]
    expected = [brute_force(row, right) for row, right in zip(scores, gold, strict=True)]
    ranks = gold_ranks(scores, gold)
    assert ranks.tolist() == expected


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_no_rank(scores: NDArray[np.float32], random: Any) -> None:
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    gold, moved = [0] * len(scores), [order.index(0)] * len(scores)
    assert gold_ranks(scores, gold).tolist() == gold_ranks(scores[:, order], moved).tolist()


@given(st.integers(2, 1100), st.floats(-1, 1, width=32))
def test_constant_scores_never_hit(choices: int, value: float) -> None:
    scores = np.full((2, choices), value, dtype=np.float32)
    assert gold_ranks(scores, [0, choices - 1]).tolist() == [choices, choices]


@given(SCORES)
def test_the_top_candidates_are_the_first_of_the_sorted_list_and_the_gold_one_stands_behind_its_equals(
    scores: NDArray[np.float32],
) -> None:
    gold = [0] * len(scores)
    top = find_top_candidates(scores, gold, gold_ranks(scores, gold))
    for row, best in zip(scores.tolist(), top.tolist(), strict=True):
        assert best == sorted(range(len(row)), key=lambda column: (-row[column], column == 0, column))[:TOP_COUNT]


def test_a_padded_cell_changes_nothing() -> None:
    scores = np.array([[0.3, 0.9, -np.inf, -np.inf], [-0.9, -1.0, -0.95, -0.91]], dtype=np.float32)
    assert gold_ranks(scores, [0, 0]).tolist() == [2, 1]


def test_nan_stops_and_names_the_query() -> None:
    scores = np.array([[0.1, 0.2], [np.nan, 0.2], [np.nan, 0.2]], dtype=np.float32)
    with pytest.raises(ValueError, match="query 1: a score is NaN"):
        gold_ranks(scores, [0, 0, 0])


@pytest.mark.parametrize("choices", [[1, 3, 2, 10], [10] * 600, [20_000, 2]])
def test_scores_are_the_dot_products_of_each_query_with_its_own_candidates(choices: list[int]) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((len(choices) + max(choices), 8)).astype(np.float32)
    candidates = [rng.choice(len(vectors), size=count, replace=False).tolist() for count in choices]
    found = rank_candidates(vectors, range(len(choices)), candidates)
    for query, own in enumerate(candidates):
        scores = vectors[own] @ vectors[query]
        assert found.margins[query] == pytest.approx(scores[0] - max(scores[1:], default=scores[0]), abs=1e-5)
        best = [place for place in found.top[query] if place >= 0]
        assert len(best) == min(TOP_COUNT, len(own))
        assert scores[best] == pytest.approx(np.sort(scores)[::-1][:TOP_COUNT], abs=1e-5)


@pytest.mark.parametrize("width", [3, 17, 64, 333])
@pytest.mark.parametrize("choices", [2, 7, 10, 24, 365, 1000])
def test_candidates_with_one_vector_tie_to_the_last_bit(width: int, choices: int) -> None:
    rng = np.random.default_rng(choices)
    query, candidate = rng.standard_normal((2, width)).astype(np.float32)
    vectors = np.stack([query, *[candidate] * choices])
    found = rank_candidates(vectors, [0, 0, 0], [range(1, choices + 1)] * 3)
    assert found.ranks.tolist() == [choices] * 3  # every other one stands before the right one
    assert (found.ties, found.margins.tolist()) == (3, [0, 0, 0])


@pytest.mark.parametrize("rule", ["against", "official"])
def test_a_task_is_ranked_as_its_parts_say(rule: TieRule) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.integers(-1, 2, (30, 3)).astype(np.float32)
    candidates = [rng.permutation(30)[: rng.integers(1, 12)] for _ in range(400)]
    queries = rng.integers(0, 30, 400)
    found = rank_candidates(vectors, queries, candidates, rule)
    scores = [vectors[own] @ vectors[query] for query, own in zip(queries, candidates, strict=True)]
    assert found.metrics == compute_metrics(found.ranks[:, None])
    assert found.ties == sum((row[1:] == row[0]).any() for row in scores) > 0
    assert ((found.top[:, 0] == 0) == (found.ranks == 1)).all()
    for own, row, margin, best in zip(candidates, scores, found.margins, found.top.tolist(), strict=True):
        behind = rule == "against"
        order = sorted(range(len(own)), key=lambda place: (-row[place], behind and place == 0, place))
        assert [place for place in best if place >= 0] == order[:TOP_COUNT]
        assert margin == (row[0] - max(row[1:]) if len(own) > 1 else 0)
    if rule == "official":
        assert found.ranks.tolist() == [1 + np.argsort(-row, kind="stable").tolist().index(0) for row in scores]
    else:
        assert found.ranks.tolist() == [brute_force(row, 0) for row in scores]


def test_constant_vectors_hit_under_the_official_rule_alone() -> None:
    vectors = np.full((12, 4), 0.5, dtype=np.float32)
    official = rank_candidates(vectors, [0, 1], [range(2, 12)] * 2, "official")
    against = rank_candidates(vectors, [0, 1], [range(2, 12)] * 2, "against")
    assert (official.metrics["hit@1"], official.ties) == (1, 2)
    assert (against.metrics["hit@1"], against.ties) == (0, 2)


def test_a_right_candidate_that_is_listed_twice_counts_twice_in_map_and_ndcg_alone() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = rank_candidates(vectors, [0], [[0, 1, 0, 2]], "official")
    assert found.metrics["map@5"] == 2
    assert found.metrics["ndcg_linear@5"] == pytest.approx(1 + 1 / np.log2(3))
    assert [found.metrics[f"{name}@5"] for name in ("hit", "precision", "recall", "mrr")] == [1, 0.2, 1, 1]
    assert (found.ranks.tolist(), found.ties) == ([1], 0)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.integers(-3, 4, (90, 5)).astype(np.float32)  # whole numbers: products are exact in any order
    candidates = [rng.permutation(90)[: rng.integers(1, 40)] for _ in range(70)]
    whole = rank_candidates(vectors, range(70), candidates)
    monkeypatch.setattr("mmeb_eval.run.rank.BLOCK_CELLS", 300)
    monkeypatch.setattr("mmeb_eval.run.rank.BLOCK_CANDIDATES", 7)
    parts = rank_candidates(vectors, range(70), candidates)
    assert (parts.metrics, parts.ties) == (whole.metrics, whole.ties)
    for name in ("ranks", "top", "margins"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
