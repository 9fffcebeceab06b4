"""Lay out the pairs of a step: which process embeds which items, and which vectors are queries and targets.

Every process computes this layout for the whole batch from texts and paths, so processes exchange only vectors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator, PreparedItem, list_images, sort_items
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ItemBatch
from virtue_ref.training.pairs import Pair


@dataclass
class BatchPart:
    """Some items of a batch that are embedded in one pass.

    Attributes:
        batch: the items, as the model takes them.
        images: paths of the distinct images of the items.
        features: features of `images` from the frozen encoders, in the same order; empty until they are computed.
    """

    batch: ItemBatch
    images: tuple[ImageFile, ...]
    features: list[ImageFeatures] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """Which process embeds which items of a batch, and what their vectors are.

    The V vectors of a batch are those of the first process, then those of the second, and so on. An item that several
    processes need is there once for each.

    Attributes:
        items: for each process its distinct items, one for each of its vectors.
        queries: (Q,) for each pair, index of its query's vector among the V vectors.
        targets: (T,) index of each target's vector among the V vectors. Each distinct target is there once, positives
            first, then hard negatives.
        gold: (Q,) for each pair, index into `targets` of its positive.
    """

    items: tuple[tuple[Item, ...], ...]
    queries: Tensor
    targets: Tensor
    gold: Tensor

    @property
    def counts(self) -> list[int]:
        """Number of vectors of each process."""
        return [len(own) for own in self.items]


def make_batch_layout(pairs: Sequence[Pair], processes: int) -> BatchLayout:
    """Distribute the pairs of a batch, in their order, over processes as evenly as possible; each gets at least one.

    Raises:
        ItemError: there are fewer pairs than processes.
    """
    if len(pairs) < processes:
        raise ItemError(f"{len(pairs)} pairs for {processes} processes: a batch needs one for each.")
    edges = [len(pairs) * rank // processes for rank in range(processes + 1)]
    shares = [pairs[first:last] for first, last in itertools.pairwise(edges)]
    items = tuple(tuple(dict.fromkeys(item for pair in share for item in pair.items)) for share in shares)
    row: dict[Item, int] = {}
    own_rows: list[dict[Item, int]] = []
    first = 0
    for own in items:
        own_rows.append({item: first + index for index, item in enumerate(own)})
        row = own_rows[-1] | row  # the first process that has an item embeds it for all
        first += len(own)
    queries = [rows[pair.query] for rows, share in zip(own_rows, shares, strict=True) for pair in share]
    positives = [pair.positive for pair in pairs]
    targets = list(dict.fromkeys([*positives, *(item for pair in pairs for item in pair.negatives)]))
    target_index = {item: index for index, item in enumerate(targets)}
    return BatchLayout(
        items=items,
        queries=torch.tensor(queries),
        targets=torch.tensor([row[item] for item in targets]),
        gold=torch.tensor([target_index[item] for item in positives]),
    )


def make_parts(
    items: Sequence[Item], collator: Collator, size: int, device: torch.device
) -> tuple[list[BatchPart], Tensor]:
    """Sort items by length and image, and cut them into parts.

    Args:
        items: the items of one process.
        collator: collator of the model.
        size: most items in a part.
        device: device that the tensors of the parts are moved to.

    Returns:
        The parts, without features. And (len(items),) int64: for each item, its row among the rows of all parts
        together.

    Raises:
        ItemError: an item cannot be embedded; the message has its text and image.
    """
    prepared = [_prepare_item(collator, item, index) for index, item in enumerate(items)]
    order = sort_items(prepared)
    parts = []
    for start in range(0, len(order), size):
        some = [prepared[index] for index in order[start : start + size]]
        images = list_images(some)
        parts.append(BatchPart(collator.make_batch(some, images).to(device), tuple(images)))
    row = torch.empty(len(items), dtype=torch.int64)
    row[torch.tensor(order)] = torch.arange(len(items))
    return parts, row


def _prepare_item(collator: Collator, item: Item, index: int) -> PreparedItem:
    try:
        return collator.prepare_item(item, index)
    except ItemError as error:
        raise ItemError(f"{item.text[:60]!r} with {item.image or 'no image'}: {error.reason}") from error
