"""What embedders return becomes rows of length 1 if it means them; all else is refused in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.item import Item
from mmeb_eval.vectors import check_vectors
from scar.errors import ContractError
from scar.sample import Box

ITEMS = [Item(text="a cat"), Item(text="a dog on a mat", image=Path("x/dog.png"), prompt=Box(1, 2, 3, 4))]
GOOD = np.eye(2, 8, dtype=np.float32)


def _with(value: float) -> Any:
    bad = GOOD.copy()
    bad[1, 3] = value
    return bad


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"embeddings": GOOD}, r"^mine: embed returned dict; return a numpy array of float32, a tensor or a list"),
        (["a", "b"], r"embed returned list of str; return"),
        ([["a"], ["b"]], r"embed returned list of list"),
        ((GOOD, GOOD, GOOD), r"embed returned a tuple of 3 arrays of shape \(2, 8\); return one of shape \(2, D\)\.$"),
        ((GOOD, None), r"embed returned tuple of NoneType"),
        ([GOOD[0], GOOD[1, :4]], r"vectors of different widths: 8 and 4\.$"),
        ([0.5, 0.5], r"embed returned list of float; return"),
        (np.stack([GOOD, GOOD], 1), r"several vectors for one item \(shape \(2, 2, 8\)\).*ColPali.*return \(N, D\)"),
        ([GOOD, GOOD[:1]], r"several vectors for one item \(shape \(2, 8\) and \(1, 8\)\)"),
        (np.ma.MaskedArray(GOOD, mask=GOOD > 0), r"masked numbers"),
        (None, r"embed returned NoneType"),
        (GOOD[:1], r"array of shape \(1, 8\); return \(2, D\), one row for each item\.$"),
        (GOOD[0], r"shape \(8,\)"),
        (GOOD[None], r"shape \(1, 2, 8\)"),
        (GOOD[:, :0], r"shape \(2, 0\)"),
        (GOOD.astype(np.int64), r"numbers of type int64; return float32"),
        (GOOD.astype(np.complex64), r"numbers of type complex64"),
        (GOOD.astype(object), r"numbers of type object"),
        (_with(np.nan), r"the item \(image dog.png, Box\(.*\), text 'a dog on a mat'\) holds nan at position 3"),
        (_with(-np.inf), r"holds -inf at position 3; return finite numbers"),
        (_with(1.0), r"vector of the item \(image dog.png.*\) has length 1.414, not 1; divide it by its L2 norm\.$"),
        (np.zeros((2, 8), dtype=np.float32), r"the item \(text 'a cat'\) has length 0, not 1; zeros have no dir"),
        (GOOD * 1.01, r"has length 1.01, not 1"),
        (GOOD.astype(np.float16) * np.float16(300), r"has length 300, not 1"),
    ],
)
def test_vectors_that_break_the_contract_are_refused(vectors: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_vectors(vectors, ITEMS, "mine")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_unit_vectors_of_any_float_pass(kind: Any) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2, 300))
    vectors = check_vectors((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(kind), ITEMS, "mine")
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)


def _as_generator(rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    yield from rows


@pytest.mark.parametrize("form", [list, tuple, np.ndarray.tolist, _as_generator, np.asfortranarray, np.ma.asarray])
def test_rows_in_other_forms_are_the_same_rows(form: Callable[[Any], Any]) -> None:
    rows = np.random.default_rng(0).standard_normal((2, 300))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    made = check_vectors(form(rows), ITEMS, "mine")
    assert type(made) is np.ndarray
    assert made.dtype == np.float32
    assert np.allclose(made, rows, atol=1e-7)


def test_tensors_are_rows_whatever_their_type_and_graph() -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")
    rows = torch.nn.functional.normalize(torch.linspace(-1, 2, 600, dtype=torch.float64).reshape(2, 300), dim=-1)
    for tensor in (rows, rows.float(), rows.half(), rows.bfloat16(), rows.clone().requires_grad_(), rows.T.clone().T):
        for form in (tensor, list(tensor), tuple(tensor)):
            made = check_vectors(form, ITEMS, "mine")
            assert np.allclose(made, rows.numpy(), atol=4e-4)
            assert np.allclose(np.linalg.norm(made.astype(np.float64), axis=1), 1, atol=2e-5)
    with pytest.raises(ContractError, match=r"^mine: embed returned Tensor, which cannot become an array: "):
        check_vectors(rows.to("meta"), ITEMS, "mine")
    with pytest.raises(ContractError, match=r"numbers of type int64"):
        check_vectors(rows.long(), ITEMS, "mine")
    with pytest.raises(ContractError, match=r"several vectors for one item"):
        check_vectors(torch.stack([rows, rows, rows], 1), ITEMS, "mine")


def test_rounded_lengths_become_1_and_exact_ones_stay_to_the_last_bit() -> None:
    rows = np.random.default_rng(1).standard_normal((2, 4096))
    exact = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    assert check_vectors(exact, ITEMS, "mine") is exact
    for factor in (0.9955, 0.9995, 1.0001, 1.0045):
        made = check_vectors(exact * np.float32(factor), ITEMS, "mine")
        assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-6)
        assert np.allclose(made, exact, atol=1e-7)
    one = exact * np.array([[1], [1.003]], dtype=np.float32)
    assert np.array_equal(check_vectors(one, ITEMS, "mine")[0], exact[0])


def test_an_async_embedder_is_told_to_be_none() -> None:
    async def embed() -> NDArray[np.float32]:
        return GOOD

    with pytest.raises(ContractError, match=r"^mine: embed is async; make it a function that returns the vectors\.$"):
        check_vectors(embed(), ITEMS, "mine")
