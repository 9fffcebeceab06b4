"""Late interaction: scores of a brute force, ranks of its own ties, and vectors that are stored as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.contract import check
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.multi_vectors import MultiVectors, check_multi_vectors, gather_vectors
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.run import maxsim
from mmeb_eval.run.embed import VectorsInMemory, embed_items
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.maxsim import compute_maxsim
from mmeb_eval.run.rank import rank_candidates
from mmeb_eval.run.run import run_evaluations
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker
from scar.errors import ContractError


class Words:
    """A vector for each word of a text, and for each of four colours of an image."""

    name = "words"
    multi_vector = True
    calls = 0

    def embed(self, items: Sequence[Item]) -> Any:
        self.calls += len(items)
        return [np.stack([_draw(part) for part in self._list_parts(item)]) for item in items]

    def _list_parts(self, item: Item) -> list[str]:
        parts = (item.text or ".").split() or ["."]
        if item.image is not None:
            from mmeb_eval.data.images import open_rgb

            parts += [str(open_rgb(item.image).resize((2, 2)).getpixel((x, y))) for x in (0, 1) for y in (0, 1)]
        return parts


def _draw(part: str) -> Any:
    import zlib

    row = np.random.default_rng(zlib.crc32(part.encode())).standard_normal(16)
    return row / np.linalg.norm(row)


def _random(rng: np.random.Generator, lengths: Sequence[int], width: int = 8) -> MultiVectors:
    rows = [rng.standard_normal((length, width)) for length in lengths]
    return gather_vectors([(own / np.linalg.norm(own, axis=1, keepdims=True)).astype(np.float16) for own in rows])


@pytest.mark.parametrize("block_rows", [1, 7, 2048])
def test_scores_are_those_of_a_brute_force_whatever_the_blocks(
    block_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maxsim, "BLOCK_ROWS", block_rows)
    rng = np.random.default_rng(0)
    vectors = _random(rng, rng.integers(1, 9, size=12).tolist())
    queries, documents = [0, 5, 5, 3], [1, 2, 0, 11, 7]
    expected = [
        [(vectors[q].astype(np.float64) @ vectors[d].astype(np.float64).T).max(axis=1).sum() for d in documents]
        for q in queries
    ]
    np.testing.assert_allclose(compute_maxsim(vectors, queries, documents), expected, atol=1e-5)


@pytest.mark.parametrize("shared", [True, False])
def test_ranks_are_those_of_the_scores_and_equal_items_tie(shared: bool) -> None:
    rng = np.random.default_rng(1)
    some = _random(rng, [4, 3, 5, 2, 3, 3])
    vectors = gather_vectors([*some, some[2]])  # item 6 is item 2 again
    queries = [0, 1]
    candidates = [[2, 3, 4, 6]] * 2 if shared else [[2, 3, 4, 6], [3, 5]]
    ranking = rank_candidates(vectors, queries, candidates)
    for at, (query, own) in enumerate(zip(queries, candidates, strict=True)):
        scores = compute_maxsim(vectors, [query], own)[0]
        assert ranking.ranks[at] == 1 + np.count_nonzero(scores[1:] >= scores[0] - 1e-6)
    assert ranking.ties == (2 if shared else 1)


def test_one_vector_an_item_gives_the_ranks_of_the_dot_product() -> None:
    rng = np.random.default_rng(2)
    several = _random(rng, [1] * 30)
    candidates = [rng.permutation(30)[:9].tolist() for _ in range(20)]
    queries = rng.integers(30, size=20)
    single = several.rows.astype(np.float32)
    assert rank_candidates(several, queries, candidates).ranks.tolist() == (
        rank_candidates(single, queries, candidates).ranks.tolist()
    )


@pytest.mark.parametrize(
    ("vectors", "problem"),
    [
        ([np.eye(3)], r"1 arrays for 2 items"),
        ([np.eye(3), np.eye(3) * 2], r"a vector of the item \(text 'b'\) has length 2, not 1"),
        ([np.eye(3), np.zeros((2, 3))], r"has length 0, not 1; divide each by its L2 norm, and leave padding out"),
        ([np.eye(3), np.full((1, 3), np.nan)], r"has length nan"),
        ([np.eye(3), np.eye(4)], r"vectors of different widths"),
        ([np.eye(3), np.eye(3)[0]], r"shape \(3,\); return \(3, D\)"),
        ([np.eye(3), np.empty((0, 3))], r"the item \(text 'b'\) has no vector"),
        (np.eye(3)[:2], r"shape \(3,\)"),
    ],
)
def test_what_is_no_list_of_unit_rows_is_refused(vectors: Any, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_multi_vectors(vectors, [Item("a"), Item("b")], "words")


def test_stored_vectors_are_the_same_and_are_made_once(tmp_path: Path) -> None:
    items = [Item(" ".join("abcdef"[:length])) for length in (1, 3, 2, 6, 5)]
    expected: Any = embed_items(Words(), items, 2, "Task", VectorsInMemory(), Worker())
    first = Words()
    made: Any = embed_items(first, items, 2, "Task", VectorCache(tmp_path, first), Worker())
    again = Words()
    found: Any = embed_items(again, items[::-1], 2, "Task", VectorCache(tmp_path, again), Worker())
    for vectors in (made, list(found)[::-1]):
        assert all(np.array_equal(a, b) for a, b in zip(expected, vectors, strict=True))
    assert first.calls == 5
    assert again.calls == 4  # the check of stored vectors
    (shard, *_) = tmp_path.rglob("*.safetensors")
    assert shard.stat().st_size < 400 + 2 * 16 * 6 * 2  # two bytes a number


def test_a_late_interaction_model_scores_a_corpus_and_passes_the_check(corpus: Path, tmp_path: Path) -> None:
    files = find_scar_tasks(corpus)
    (result,) = run_evaluations([Words()], files, tmp_path)
    (rerun,) = run_evaluations([Words()], files, tmp_path)
    assert result == rerun
    assert result.ranks == evaluate(Words(), files[0]).ranks
    cropped = evaluate(apply_strategy(Words(), "crop"), files[0])
    assert cropped.settings["region"] == "crop"
    assert [finding for finding in check(Words()) if finding.level == "error"] == []
