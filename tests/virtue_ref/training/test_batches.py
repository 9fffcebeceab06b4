"""Which process embeds which items, and which rows are queries, targets and gold."""

from __future__ import annotations

import pytest
import torch

from mmeb_eval.item import Item
from scar.errors import ItemError
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.training.batches import make_batch_layout, make_parts
from virtue_ref.training.pairs import Pair


def make_pair(query: str, positive: str, *negatives: str) -> Pair:
    return Pair(Item(query), Item(positive), tuple(Item(text) for text in negatives), "here")


PAIRS = [make_pair("a", "x", "y"), make_pair("b", "x"), make_pair("c", "z", "x", "w")]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_row_is_the_item_that_it_stands_for(processes: int) -> None:
    layout = make_batch_layout(PAIRS, processes)
    assert len(layout.items) == processes
    rows = [item for own in layout.items for item in own]
    assert sum(layout.counts) == len(rows)
    assert [rows[row] for row in layout.queries] == [pair.query for pair in PAIRS]
    targets = [rows[row] for row in layout.targets]
    assert [item.text for item in targets] == ["x", "z", "y", "w"], "each distinct target once, positives first"
    assert [targets[index] for index in layout.gold] == [pair.positive for pair in PAIRS]


def test_each_process_needs_a_pair() -> None:
    with pytest.raises(ItemError, match="3 pairs for 4 processes: a batch needs one for each"):
        make_batch_layout(PAIRS, 4)


def test_parts_hold_all_items_and_say_where_each_is(tiny: VirtueEmbedder) -> None:
    items = [Item(text) for text in ("a long text", "a", "abc", "ab", "a longer text")]
    parts, row = make_parts(items, tiny.collator, 2, torch.device("cpu"))
    assert [len(part.batch.ids) for part in parts] == [2, 2, 1]
    lengths = torch.cat([part.batch.lengths for part in parts])
    assert lengths.tolist() == sorted(lengths.tolist())
    assert lengths[row].tolist() == [tiny.collator.prepare_item(item, 0).length for item in items]
