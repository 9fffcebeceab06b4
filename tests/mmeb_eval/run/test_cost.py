"""Costs are sums of what was counted; what nobody measured is None, not 0."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmeb_eval.item import Item
from mmeb_eval.run.cost import EmbedClock, find_peak_device_memory, find_peak_memory

TEXT, IMAGE = Item("a"), Item("", Path("a.png"))


def test_a_cost_is_the_sum_of_its_calls() -> None:
    clock = EmbedClock()
    clock.add_call([TEXT] * 3 + [IMAGE], 2.0)
    clock.add_call([IMAGE] * 2, 4.0)
    cost = clock.make_cost(64)
    assert cost is not None
    assert (cost.items, cost.seconds, cost.items_per_second) == (6, 6.0, 1.0)
    assert (cost.batch_size, cost.vector_width) == (4, 64)
    assert clock.items == [3, 3]
    assert clock.seconds == [1.5, 4.5]  # a mixed batch is shared by the number of items


def test_clocks_add_up() -> None:
    clock, other, both = EmbedClock(), EmbedClock(), EmbedClock()
    clock.add_call([TEXT], 1.0)
    other.add_call([IMAGE] * 5, 3.0)
    both.add_call([TEXT], 1.0)
    both.add_call([IMAGE] * 5, 3.0)
    clock.add_clock(other)
    assert clock == both


def test_nothing_embedded_costs_nothing_and_no_time_divides_by_no_zero() -> None:
    clock = EmbedClock()
    assert clock.make_cost(64) is None
    clock.add_call([TEXT], 0.0)
    cost = clock.make_cost(64)
    assert cost is not None
    assert np.isfinite(cost.items_per_second)


def test_seconds_that_are_left_need_a_rate_for_each_medium() -> None:
    clock = EmbedClock()
    clock.add_call([TEXT] * 2, 1.0)
    assert clock.estimate_seconds(10, 0) == 5.0
    assert clock.estimate_seconds(0, 0) == 0.0
    assert clock.estimate_seconds(10, 1) is None
    clock.add_call([IMAGE], 3.0)
    assert clock.estimate_seconds(10, 2) == 11.0


def test_the_peak_of_memory_grows_and_never_falls() -> None:
    before = find_peak_memory()
    if before is None:
        pytest.skip("this system does not tell")
    block = np.ones(30_000_000 + before // 8)  # more than the peak so far
    grown = find_peak_memory()
    assert grown is not None
    assert grown >= block.nbytes
    del block
    assert find_peak_memory() == grown


def test_memory_of_a_device_is_that_of_the_busiest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(**cuda: Any) -> None:
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(**cuda)))

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert find_peak_device_memory() is None
    put(is_available=lambda: False)
    assert find_peak_device_memory() is None
    put(is_available=lambda: True, is_initialized=lambda: False)
    assert find_peak_device_memory() is None
    put(is_available=lambda: True, is_initialized=lambda: True, device_count=lambda: 2,
        max_memory_allocated=[7, 9].__getitem__)  # fmt: skip
    assert find_peak_device_memory() == 9
    assert "torch" in sys.modules
