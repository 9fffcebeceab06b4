"""Decisions are on the disk when `add` returns, and of two windows one is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scar.errors import InputError
from scar.formats.decisions import Decision
from scar.review.store import DecisionStore, StaleDecision


def decide(number: int, reviewer: str = "ada", verdict: str = "accept") -> Decision:
    return Decision(id=f"Toy/eval/{number}", reviewer=reviewer, verdict=verdict)  # type: ignore[arg-type]


def test_decisions_come_back_in_their_order(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "review.sqlite", "toy")
    given = [decide(1), decide(2), decide(1, verdict="withdrawn"), decide(1, "bob")]
    numbers = [store.add(decision) for decision in given]
    assert numbers == sorted(set(numbers))
    assert store.read_all() == given
    assert store.find_last("Toy/eval/1", "ada", "inspect") == (numbers[2], given[2])
    assert store.find_last("Toy/eval/3", "ada", "inspect") == (0, None)


def test_a_kill_after_add_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from scar.review.store import DecisionStore; "
        "from scar.formats.decisions import Decision; store = DecisionStore(Path(sys.argv[1]), 'toy'); "
        "[store.add(Decision(id=f'Toy/eval/{i}', reviewer='ada', verdict='accept')) for i in range(20)]; os._exit(9)"
    )
    path = tmp_path / "review.sqlite"
    done = subprocess.run([sys.executable, "-c", script, path], check=False)  # noqa: S603 - our own program
    assert done.returncode == 9
    assert DecisionStore(path, "toy").read_all() == [decide(number) for number in range(20)]


def test_of_two_windows_the_second_is_refused(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "review.sqlite", "toy")
    first = store.add(decide(1), seen=0)
    with pytest.raises(StaleDecision, match="another window"):
        store.add(decide(1), seen=0)
    assert store.add(decide(1, verdict="withdrawn"), seen=first) > first
    store.add(decide(1, "bob"), seen=0)


def test_of_many_threads_one_wins(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "review.sqlite", "toy")

    def add(_: int) -> bool:
        try:
            store.add(decide(1), seen=0)
        except StaleDecision:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(64))) == 1
    assert len(store.read_all()) == 1


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    DecisionStore(path, "toy").close()
    with pytest.raises(InputError, match="decisions of another corpus"):
        DecisionStore(path, "other")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE key = 'version'")
    with pytest.raises(InputError, match="another version"):
        DecisionStore(path, "toy")
    (tmp_path / "text").write_text("no database at all, but long enough to be taken for one " * 40)
    with pytest.raises(InputError, match="cannot be used as decisions"):
        DecisionStore(tmp_path / "text", "toy")
    with pytest.raises(InputError, match="cannot be used as decisions"):
        DecisionStore(tmp_path / "no folder" / "review.sqlite", "toy")


def test_taking_in_twice_adds_once(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "review.sqlite", "toy")
    given = [decide(1), decide(2, "bob")]
    assert (store.add_all(given), store.add_all(given)) == (2, 0)
    with pytest.raises(InputError, match="names no reviewer"):
        store.add_all([decide(3), decide(4, " ")])
    assert store.read_all() == given
