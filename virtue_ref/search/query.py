"""A query as one unit vector: of a text, an image, a region, or a weighted mix of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from scar.errors import ItemError

Query: TypeAlias = str | Item | Sequence[tuple[str | Item, float]]
"""A text; an item, such as an image with a box; or (text or item, weight) pairs. A weight below 0 pushes away."""


def embed_query(embedder: Embedder, query: Query, instruction: str = "") -> NDArray[np.float32]:
    """Embed a query.

    Args:
        embedder: the embedder.
        query: the query. The vectors of a mix are multiplied by their weights and added.
        instruction: text of items that have an image and no text.

    Returns:
        (D,) unit vector.

    Raises:
        ItemError: the query is empty or of no known kind, a weight is no finite number, the weights cancel each other,
            or an item cannot be embedded.
    """
    pairs = [(query, 1.0)] if isinstance(query, str | Item) else list(query)
    items, weights = [], []
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str | Item)):
            raise ItemError(f"a query is a text, an item or (text or item, weight) pairs, not {str(pair)[:60]!r}.")
        part, weight = pair
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise ItemError(f"weight {weight!r} of {str(part)[:60]!r} is no finite number.")
        item = Item(part) if isinstance(part, str) else part
        items.append(dataclasses.replace(item, text=instruction) if item.image is not None and not item.text else item)
        weights.append(float(weight))
    if not items:
        raise ItemError("an empty query: give a text, an image or a mix.")
    mixed = np.array(weights, np.float64) @ np.asarray(embedder.embed(items), np.float64)
    length = float(np.linalg.norm(mixed))
    if length < 1e-6:
        raise ItemError(f"the weights {weights} cancel each other: their vectors add up to nothing.")
    unit: NDArray[np.float32] = (mixed / length).astype(np.float32)
    return unit
