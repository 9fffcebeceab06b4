"""An exception in a user's embedder names the item; one in our own code keeps its traceback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.baselines import Random
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.run.call_embedder import call_embedder
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.templates.instructions import apply_instruction_probe
from scar.errors import ContractError, DataError, ItemError

ITEMS = [Item("a cat"), Item("a dog"), Item("a bus")]


class Fails(Random):
    """A user's embedder that cannot embed some batches."""

    name = "fails@1"

    def __init__(self, fails: Any, error: BaseException | None = None) -> None:
        super().__init__()
        self._fails, self._error = fails, error or KeyError("pixel_values")

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if self._fails(items):
            raise self._error
        return super().embed(items)


def test_a_sound_embedder_is_called_once_and_its_vectors_are_checked() -> None:
    vectors: Any = call_embedder(Random(), ITEMS)
    assert np.array_equal(vectors, Random().embed(ITEMS))


def test_the_item_that_fails_alone_too_is_named() -> None:
    embedder = Fails(lambda items: any("dog" in item.text for item in items))
    with pytest.raises(
        ContractError,
        match=r"^fails@1: embed raised KeyError: 'pixel_values' \(test_call_embedder.py, line \d+\); --debug shows the "
        r"traceback; it failed on the item \(text 'a dog'\)\.$",
    ) as caught:
        call_embedder(embedder, ITEMS)
    assert caught.value.item == ITEMS[1]
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_exit_is_an_error_too() -> None:
    embedder = Fails(lambda items: any("dog" in item.text for item in items), SystemExit(3))
    with pytest.raises(ContractError, match=r"embed raised SystemExit: 3 .*on the item \(text 'a dog'\)\.$"):
        call_embedder(embedder, ITEMS)


def test_a_batch_whose_items_pass_alone_is_told_of_its_size() -> None:
    embedder = Fails(lambda items: len(items) > 2, KeyError())
    with pytest.raises(
        ContractError, match=r"KeyError \(.*on 3 items at once, though each passes alone; a smaller --ba"
    ):
        call_embedder(embedder, ITEMS)


def test_a_wrapped_embedder_is_still_the_users() -> None:
    with pytest.raises(ContractError, match=r"fails@1\+text: embed raised KeyError"):
        call_embedder(apply_strategy(Fails(lambda _: True), "text"), ITEMS)


def test_a_bug_of_ours_and_a_failure_that_was_expected_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Random, "_draw_vector", lambda self, item: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_embedder(Random(), ITEMS)
    with pytest.raises(DataError, match=r"^said so$"):
        call_embedder(Fails(lambda _: True, DataError("said so")), ITEMS)
    with pytest.raises(KeyboardInterrupt):
        call_embedder(Fails(lambda _: True, KeyboardInterrupt()), ITEMS)


def test_the_index_of_an_item_becomes_the_item() -> None:
    with pytest.raises(DataError, match=r"^fails@1: the item \(text 'a bus'\): the box is empty$") as caught:
        call_embedder(Fails(lambda _: True, ItemError("the box is empty", 2)), ITEMS)
    assert caught.value.item == ITEMS[2]


@pytest.mark.parametrize("image_only", [False, True])
def test_an_evaluation_names_file_and_row(image_only: bool, corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    image = Path()

    def fails(items: Sequence[Item]) -> bool:
        nonlocal image
        image = next((item.image for item in items if isinstance(item.image, Path)), Path())
        return image != Path()

    class BrokenImage(Fails):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            if fails(items):
                raise DataError(f"{image}: not an image that can be decoded: truncated")
            return super().embed(items)

    embedder = BrokenImage(lambda _: False) if image_only else Fails(fails)
    with pytest.raises(DataError if image_only else ContractError, match=r"SCaR_eval_Toy.parquet, row \d+: "):
        evaluate(embedder, files)


def test_an_exception_behind_two_wrappers_is_that_of_the_users_code() -> None:
    class Broken:
        name = "broken"

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            raise ZeroDivisionError

    wrapped = apply_instruction_probe(apply_strategy(Broken(), "text"), "none")
    assert wrapped.name == "broken+text+instruction-none"
    with pytest.raises(ContractError, match=r"broken\+text\+instruction-none: embed raised ZeroDivisionError"):
        call_embedder(wrapped, [Item("a")])
