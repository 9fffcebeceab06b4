"""Items are tokenised once and sorted in one place; a batch holds at most so many tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from mmeb_eval.item import Item
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.inference.batching import Collator, PreparedItem, iter_batches, list_images, sort_items


@pytest.fixture
def prepared(tiny: VirtueEmbedder, picture: Callable[..., Path]) -> list[PreparedItem]:
    one, two = picture(90, 70), picture(64, 120, seed=2)
    items = [
        Item("which one?", two),
        Item("a long text about a cat"),
        Item("which one?", one, Box(10, 10, 60, 50)),
        Item("a cat"),
        Item("and which one?", two),
        Item("which one?", one),
    ]
    return [tiny.collator.prepare_item(item, index) for index, item in enumerate(items)]


def test_texts_come_first_and_items_of_one_image_together(prepared: list[PreparedItem]) -> None:
    order = sort_items(prepared)
    assert sorted(order) == list(range(len(prepared)))
    assert order[:2] == [3, 1]
    images = [prepared[index].item.image for index in order[2:]]
    assert images[0] == images[1] != images[2] == images[3]
    assert list_images(prepared[index] for index in order) == [images[0], images[2]]


@pytest.mark.parametrize("batch_tokens", [1, 60, 100_000])
def test_batches_hold_every_item_once_and_at_most_so_many_tokens(
    prepared: list[PreparedItem], batch_tokens: int
) -> None:
    batches = list(iter_batches(prepared, batch_tokens))
    assert [index for batch in batches for index in batch] == sort_items(prepared)
    for batch in batches:
        longest = max(prepared[index].prefix_length + prepared[index].length for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= batch_tokens
    assert len(batches) == {1: 6, 100_000: 1}.get(batch_tokens, len(batches))


def test_lengths_are_those_of_the_batch(tiny: VirtueEmbedder, prepared: list[PreparedItem]) -> None:
    batch = tiny.collator.make_batch(prepared, list_images(prepared))
    assert batch.lengths.tolist() == [each.length for each in prepared]
    assert batch.last_index.tolist() == [each.prefix_length + each.length - 1 for each in prepared]
    token = tiny.model.backbone.image_token
    for row, each in enumerate(prepared):
        rows, columns = each.image_grid
        assert (batch.ids[row] == token).sum() == rows * columns
        if each.image_start is not None:
            assert batch.ids[row, each.image_start] == token


def test_a_text_is_tokenised_once(tiny: VirtueEmbedder, picture: Callable[..., Path]) -> None:
    class Counting:
        """A tokenizer that counts its calls."""

        def __init__(self, tokenizer: Tokenizer) -> None:
            self.tokenizer, self.calls = tokenizer, 0

        def encode(self, text: str) -> object:
            self.calls += 1
            return self.tokenizer.encode(text)

    counting = Counting(tiny.collator.tokenizer)
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh")
    fresh.collator = Collator(tiny.model, counting)  # type: ignore[arg-type]
    items = [Item("a cat"), Item("which one?", picture(90, 70)), Item("a cat")]
    fresh.embed(items)
    assert counting.calls == 2
