"""From what an embedder returns to checked rows: arrays, tensors and lists become float32 rows of L2 norm 1."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import Item, describe_item
from scar.errors import ContractError

MAX_ROUNDING = 5e-3
"""Largest difference of a vector's L2 norm from 1 that counts as rounding; bfloat16 arithmetic needs it."""

EXACT = 1e-5
"""A vector whose L2 norm differs from 1 by this or less stays as it is, to the last bit."""


def check_vectors(vectors: object, items: Sequence[Item], embedder_name: str) -> NDArray[np.float32]:
    """Check vectors and return them as (len(items), D) float32 rows.

    Tensors, lists of rows and generators are turned into an array. A row whose L2 norm differs from 1 by more than
    `EXACT` and at most `MAX_ROUNDING`, as after bfloat16 arithmetic, is divided by its norm.

    Args:
        vectors: what an embedder returned for ``items``.
        items: the items, one for each row.
        embedder_name: the embedder's name, for messages.

    Raises:
        ContractError: the type, shape or number format is wrong, a value is not finite, or a row's norm differs more
            from 1; the message names the embedder and, for a wrong row, the item.
    """
    rows = make_rows(vectors, embedder_name, len(items))
    finite = np.isfinite(rows)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = f"{rows[row, column]} at position {column}"
        message = f"{embedder_name}: the vector of {describe_item(items[row])} holds {value}; return finite numbers."
        raise ContractError(message, items[row])
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    off = np.abs(lengths - 1)
    if (off > MAX_ROUNDING).any():
        row = int(np.argmax(off > MAX_ROUNDING))
        advice = "divide it by its L2 norm" if lengths[row] else "zeros have no direction, so return another vector"
        length = f"has length {lengths[row]:.4g}, not 1; {advice}"
        message = f"{embedder_name}: the vector of {describe_item(items[row])} {length}."
        raise ContractError(message, items[row])
    rounded = off > EXACT
    if not rounded.any():
        return rows.astype(np.float32, copy=False)
    lengths[~rounded] = 1
    exact: NDArray[np.float32] = (rows.astype(np.float64) / lengths[:, None]).astype(np.float32)
    return exact


def make_rows(vectors: object, embedder_name: str, count: int) -> NDArray[Any]:
    """(count, D) rows of floats from an array, a tensor, or a list or generator of rows; their norms are not checked.

    Raises:
        ContractError: they are something else, such as whole numbers, several vectors for one item, another number of
            rows than ``count``, or the result of an async function.
    """
    if inspect.isawaitable(vectors):
        if inspect.iscoroutine(vectors):
            vectors.close()
        raise ContractError(f"{embedder_name}: embed is async; make it a function that returns the vectors.")
    if isinstance(vectors, Iterator):
        vectors = list(vectors)
    if isinstance(vectors, list | tuple):
        rows = [_make_array(row, embedder_name, f"{type(vectors).__name__} of ") for row in vectors]
        shapes = list(dict.fromkeys(row.shape for row in rows))
        if any(len(shape) > 1 for shape in shapes) and len(rows) != count:
            kind = f"{type(vectors).__name__} of {len(rows)} arrays of shape {' and '.join(map(str, shapes[:3]))}"
            raise ContractError(f"{embedder_name}: embed returned a {kind}; return one of shape ({count}, D).")
        if any(len(shape) > 1 for shape in shapes):
            raise _many_vectors_error(embedder_name, " and ".join(map(str, shapes[:3])))
        if len(shapes) > 1:
            widths = " and ".join(str(shape[0] if shape else "one number") for shape in shapes[:3])
            raise ContractError(f"{embedder_name}: vectors of different widths: {widths}.")
        array = np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)
    else:
        array = _make_array(vectors, embedder_name)
    if array.ndim > 2:
        raise _many_vectors_error(embedder_name, str(array.shape))
    if array.ndim < 2 or len(array) != count or array.shape[1] == 0:
        shape = f"({count}, D), one row for each item"
        raise ContractError(f"{embedder_name}: embed returned an array of shape {array.shape}; return {shape}.")
    if not np.issubdtype(array.dtype, np.floating):
        raise ContractError(f"{embedder_name}: embed returned numbers of type {array.dtype}; return float32.")
    return array


def _make_array(value: object, embedder_name: str, inside: str = "") -> NDArray[Any]:
    """An array of numbers from an array, a tensor or nested lists, without any change of its shape."""
    kind = f"{inside}{type(value).__name__}"
    advice = "return a numpy array of float32, a tensor or a list of rows"
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of torch
            tensor: Any = value
            tensor = tensor.detach().cpu()
            value = (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()
        elif isinstance(value, np.ma.MaskedArray):
            if np.ma.is_masked(value):
                raise ContractError(f"{embedder_name}: embed returned an array with masked numbers; return all.")
        elif not (isinstance(value, list | tuple | np.ndarray) or hasattr(value, "__array__")):
            raise ContractError(f"{embedder_name}: embed returned {kind}; {advice}.")
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        problem = f"{kind}, which cannot become an array: {' '.join(str(error).split())[:200]}"
        raise ContractError(f"{embedder_name}: embed returned {problem}; {advice}.") from error
    if "bfloat16" in array.dtype.name or "float8" in array.dtype.name:  # numpy's own arithmetic does not know them
        array = array.astype(np.float32)
    if not np.issubdtype(array.dtype, np.number) and isinstance(value, list | tuple):
        raise ContractError(f"{embedder_name}: embed returned {kind} without numbers; {advice}.")
    return array


def _many_vectors_error(embedder_name: str, shapes: str) -> ContractError:
    """The error for a model that gives an item many vectors: no single one may stand for it unasked."""
    return ContractError(
        f"{embedder_name}: several vectors for one item (shape {shapes}), as multi-vector models such as ColPali give; "
        "set multi_vector = True on the embedder to score them by late interaction, or return (N, D)."
    )
