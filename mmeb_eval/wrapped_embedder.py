"""An embedder around another one: what region strategies and probes of the instruction share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmeb_eval.embedder import Embedder, find_refusal, get_counts, get_layout_name, get_settings
from mmeb_eval.item import Item


class WrappedEmbedder:
    """Base of an embedder that changes what another one gets, or which of its methods is called.

    All but the name is that of the inner embedder, unless a subclass says otherwise; subclasses add ``embed``.

    Args:
        inner: the embedder that is wrapped.
        suffix: what is added to its name.

    Attributes:
        inner: the embedder that is wrapped.
        name: its name with the suffix, as results show it.
        layout, stored, multi_vector, max_batch_size: those of the inner embedder; see `mmeb_eval.embedder.Embedder`.
    """

    def __init__(self, inner: Embedder, suffix: str) -> None:
        self.inner = inner
        self.name = f"{inner.name}{suffix}"
        self.layout = get_layout_name(inner)
        self.stored: bool = getattr(inner, "stored", True)
        self.multi_vector: bool = getattr(inner, "multi_vector", False)
        self.max_batch_size: int | None = getattr(inner, "max_batch_size", None)

    @property
    def settings(self) -> dict[str, Any]:
        """The inner embedder's settings."""
        return get_settings(self.inner)

    def find_refusal(self, item: Item) -> str | None:
        """Why the inner embedder does not take an item; None if it takes it."""
        return find_refusal(self.inner, item)

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """The inner embedder's counts of these items, such as how many texts are cut."""
        return get_counts(self.inner, items)


def unwrap_embedder(embedder: Embedder) -> Embedder:
    """The embedder inside all of our wrappers; the embedder itself if it is none of them."""
    while isinstance(embedder, WrappedEmbedder):
        embedder = embedder.inner
    return embedder
