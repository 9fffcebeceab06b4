"""What adapters share: rows of length 1 from what a library returns, and one error for what is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.shared import embed_by_kind, find_offline, normalise_rows
from mmeb_eval.item import Item
from scar.errors import ContractError, EvalError


@pytest.mark.parametrize(
    "vectors", [np.ones((2, 3, 4)), [np.ones((3, 4)), np.ones((2, 4))], [np.ones((1, 4)), np.ones((1, 4))]]
)
def test_many_vectors_for_one_item_are_refused_from_every_library(vectors: object) -> None:
    with pytest.raises(ContractError, match=r"^colpali: several vectors for one item \(shape "):
        normalise_rows(vectors, "colpali", 2)


def test_rows_get_length_1_and_a_zero_row_stays_for_the_evaluator_to_refuse() -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [0.5, 0.0]])
    expected = np.array([[0.6, 0.8], [0, 0], [1, 0]], dtype=np.float32)
    for vectors in (rows, rows.tolist(), list(rows), torch.tensor(rows), torch.tensor(rows).bfloat16()):
        assert np.allclose(normalise_rows(vectors, "mine", 3), expected, atol=1e-6)
    with pytest.raises(ContractError, match=r"^mine: .*shape \(3, 2\); return \(2, D\)"):
        normalise_rows(rows, "mine", 2)


def test_texts_and_images_of_different_widths_are_refused() -> None:
    def embed(items: Sequence[Item], has_text: bool, has_image: bool) -> NDArray[np.float32]:
        return np.eye(len(items), 4 if has_image else 3, dtype=np.float32)

    with pytest.raises(ContractError, match=r"^mine: vectors of different widths: 3 and 4\.$"):
        embed_by_kind([Item("a"), Item("", Path("a.png"))], "mine", embed)


def test_a_hub_id_fails_at_once_without_the_hub_unless_it_is_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EvalError, match=r"clip:a/b: neither a local folder, nor in the cache, and http.* cannot be"):
        find_offline("clip:a/b", "a/b", None)
    assert find_offline("clip:x", str(tmp_path), None) is False
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: "config.json")
    assert find_offline("clip:a/b", "a/b", None) is True
