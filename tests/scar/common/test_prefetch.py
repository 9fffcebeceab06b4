"""Values come in the order in which they are asked for, are loaded once, and never pile up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from scar.common.prefetch import WORKERS, Prefetcher


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS) as made:
        yield made


def test_every_value_is_loaded_once_and_right(pool: ThreadPoolExecutor) -> None:
    loaded: list[int] = []

    def load(key: int) -> int:
        loaded.append(key)
        return key * key

    values = Prefetcher(load, range(100), pool, limit=3, weigh=lambda _: 1)
    assert [values.take(key) for key in range(100)] == [key * key for key in range(100)]
    assert sorted(loaded) == list(range(100))


def test_no_more_wait_than_the_limit_allows(pool: ThreadPoolExecutor) -> None:
    started = threading.Semaphore(0)
    loaded: list[int] = []

    def load(key: int) -> int:
        loaded.append(key)
        started.release()
        return key

    values = Prefetcher(load, range(50), pool, limit=WORKERS, weigh=lambda _: 1)
    values.start_loading()
    started.acquire()
    for key in range(50):
        values.take(key)
        assert len(loaded) - (key + 1) <= 2 * WORKERS


def test_nothing_is_loaded_before_it_is_asked_for(pool: ThreadPoolExecutor) -> None:
    loaded: list[int] = []
    Prefetcher(loaded.append, range(9), pool, limit=1, weigh=lambda _: 1)
    assert loaded == []


def test_an_unexpected_key_is_loaded_and_errors_are_raised_where_they_are_asked_for(pool: ThreadPoolExecutor) -> None:
    def load(key: int) -> int:
        if key == 1:
            raise ValueError("no such thing")
        return key

    values = Prefetcher(load, [0, 1, 2], pool, limit=9, weigh=lambda _: 1)
    assert (values.take(0), values.take(7)) == (0, 7)
    with pytest.raises(ValueError, match="no such thing"):
        values.take(1)
    assert values.take(2) == 2


def test_after_a_stop_only_what_is_asked_for_is_loaded(pool: ThreadPoolExecutor) -> None:
    loaded: list[int] = []

    def load(key: int) -> int:
        loaded.append(key)
        return key

    values = Prefetcher(load, range(100), pool, limit=1, weigh=lambda _: 1)
    values.take(0)
    values.stop()
    pool.shutdown()
    before = len(loaded)
    assert before < 100
    assert values.take(99) == 99
    assert len(loaded) == before + 1
