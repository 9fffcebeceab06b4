"""Checks stored vectors: a few stored items are embedded again, and must have the vectors that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item, describe_item
from mmeb_eval.multi_vectors import Vectors
from mmeb_eval.run.call_embedder import call_embedder
from mmeb_eval.run.vector_cache import VectorCache
from scar.errors import DataError

MIN_COSINE = 0.999
"""Smallest cosine of a stored vector and the same item's vector now; bfloat16 and other batches keep above it."""

CHECKED_ITEMS = 4
"""Number of stored items of each kind that are embedded again in the first task of a run that has the kind.

A later task checks one item of the kind: with four in each, a run of 41 tasks whose vectors are all stored took
twice as long as without a check.
"""


def check_stored_vectors(embedder: Embedder, item_of: Mapping[bytes, Item], store: VectorCache) -> None:
    """Embed a few stored items of a task again, and compare with what is stored.

    Items are of one kind if they have the same parts, of text, image and a type of prompt: a model can change in one
    kind alone. A change may also show in long texts or in some images only. So in the first task of a run that has a
    kind, `CHECKED_ITEMS` stored items of it are taken evenly, from the first to the last; in each later task, the last
    one. Nothing is checked if the store trusts its vectors.

    Args:
        embedder: the embedder whose vectors are stored.
        item_of: key -> item, for the items of a task, in the order in which they are embedded.
        store: the store; only vectors that this process did not make are checked. It gets the number of checked
            vectors, their kinds and the lowest cosine.

    Raises:
        DataError: the cosine of a stored vector and the item's vector of now is below `MIN_COSINE`, both alone and in
            the batch in which it was made, or their widths differ; the message names the folder and the ways out.
        ContractError: vectors break the contract.
    """
    if store.trusts:
        return
    by_kind: dict[str, list[bytes]] = {}
    for key in store.select_earlier(list(item_of)):
        by_kind.setdefault(_name_kind(item_of[key]), []).append(key)
    keys = [
        key
        for kind, group in by_kind.items()
        for key in _select_evenly(group, 1 if kind in store.checked_kinds else CHECKED_ITEMS)
    ]
    for key in keys:  # one item a call, as the batch size may be 1
        stored, vector = store.get_vectors([key])[0], _embed(embedder, [item_of[key]])[0]
        _compare_widths(embedder, store, stored.shape[-1], vector.shape[-1])
        cosine = _compute_cosine(stored, vector)
        if cosine < MIN_COSINE:
            cosine = max(cosine, _compare_in_batch(embedder, item_of, store, key))
        if cosine < MIN_COSINE:
            raise DataError(
                f"{embedder.name}: {store.folder} holds vectors of another model under this name, or vectors that "
                f"depend on chance or on their batch: the vector of {describe_item(item_of[key])} that is stored and "
                f"the one of now have cosine {cosine:.4f}; rerun with --refresh to make new ones, or with "
                "--trust-stored to use them."
            )
        store.lowest_cosine = min(store.lowest_cosine, cosine)
    store.checked_count += len(keys)
    store.checked_kinds.update(by_kind)


def _select_evenly(keys: Sequence[bytes], count: int) -> list[bytes]:
    """At most ``count`` of the keys, at equal distances, first and last among them; the last alone if count is 1."""
    last = len(keys) - 1
    places = [last * probe // (count - 1) for probe in range(count)] if count > 1 else [last]
    return [keys[place] for place in dict.fromkeys(places)]


def _name_kind(item: Item) -> str:
    """The kind of an item: which of text, image and what prompt it has."""
    prompt = "" if item.prompt is None else type(item.prompt).__name__
    return f"{'text' * bool(item.text)}+{'image' * (item.image is not None)}+{prompt}"


def _embed(embedder: Embedder, items: Sequence[Item]) -> Vectors:
    """Embed items and copy their vectors, as the embedder may reuse its array."""
    return call_embedder(embedder, items).copy()


def _compare_in_batch(embedder: Embedder, item_of: Mapping[bytes, Item], store: VectorCache, key: bytes) -> float:
    """The cosine if the item is embedded in the batch in which it was stored; 0 if that batch is not known."""
    batch = store.get_batch(key)
    if not all(other in item_of for other in batch):
        return 0.0
    vectors = _embed(embedder, [item_of[other] for other in batch])
    return _compute_cosine(store.get_vectors([key])[0], vectors[batch.index(key)])


def _compare_widths(embedder: Embedder, store: VectorCache, stored: int, now: int) -> None:
    """Raise `DataError` if the number of components differs."""
    if stored != now:
        raise DataError(
            f"{embedder.name}: {store.folder} holds vectors of {stored} numbers, and the model now gives {now}; rerun "
            "with --refresh to make new ones."
        )


def _compute_cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """The cosine of two vectors, in float64; of two items with several vectors, their mean, or 0 if T differs."""
    if a.shape != b.shape:
        return 0.0
    x, y = a.astype(np.float64).reshape(-1), b.astype(np.float64).reshape(-1)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))
