"""The position embedding is computed once, and is always that of the weights."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

from virtue_ref.config import Config
from virtue_ref.model.segmenters.segmenter import Segmenter, make_segmenter


@pytest.fixture(params=["sam2", "transformers"])
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    config = Config.read("tiny").with_options(segmenter_package=request.param).segmenter
    assert config is not None
    return make_segmenter(config)


def compute(trunk: Any, size: tuple[int, int]) -> torch.Tensor:
    positions: torch.Tensor = type(trunk)._get_pos_embed(trunk, size)
    return positions


def check_positions(trunk: Any) -> None:
    for size in ((64, 64), (32, 32), (32, 32)):
        for mode in (torch.inference_mode, torch.no_grad):
            with mode():
                torch.testing.assert_close(trunk._get_pos_embed(size), compute(trunk, size), rtol=0, atol=0)


def test_it_follows_every_way_to_change_weights(segmenter: Segmenter) -> None:
    trunk: Any = segmenter.compiled_part
    check_positions(trunk)
    trunk.pos_embed.data += 1  # which no version counts
    check_positions(trunk)
    with torch.no_grad():
        trunk.pos_embed_window.mul_(3).add_(1)
    check_positions(trunk)
    trunk.load_state_dict({key: value + 1 for key, value in trunk.state_dict().items()}, assign=True)
    check_positions(trunk)
    trunk.pos_embed.data = trunk.pos_embed.data.double()
    trunk.pos_embed_window.data = trunk.pos_embed_window.data.double()
    check_positions(trunk)


def test_it_is_computed_once_and_copies_are_their_own(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    trunk: Any = segmenter.compiled_part
    stock = type(trunk)._get_pos_embed
    calls: list[tuple[int, int]] = []

    def count(self: Any, size: tuple[int, int]) -> Any:
        calls.append(size)
        return stock(self, size)

    monkeypatch.setattr(type(trunk), "_get_pos_embed", count)
    with torch.inference_mode():
        for _ in range(3):
            segmenter.encode(torch.zeros(1, 3, segmenter.size, segmenter.size))
    assert len(calls) == 1
    monkeypatch.undo()
    for other in (copy.deepcopy(trunk), pickle.loads(pickle.dumps(trunk))):  # noqa: S301, TID251
        other.pos_embed.data += 1
        check_positions(other)
        check_positions(trunk)


def test_gradients_reach_the_weights(segmenter: Segmenter) -> None:
    trunk: Any = segmenter.compiled_part
    with torch.inference_mode():
        trunk._get_pos_embed((32, 32))
    torch.autograd.backward(trunk._get_pos_embed((32, 32)).sum())
    assert trunk.pos_embed.grad is not None
