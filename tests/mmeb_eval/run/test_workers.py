"""Workers know their rank from the launcher, and wait for each other while they live."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mmeb_eval.run import workers
from mmeb_eval.run.workers import Worker, announce_model, find_other_model, heartbeat, read_worker, wait_for_workers
from scar.errors import EvalError


def test_workers_are_told_apart_by_what_the_launcher_says() -> None:
    assert read_worker({}) == Worker(0, 1)
    for environment in ({"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "-1"}, {"RANK": "1"}, {"WORLD_SIZE": "two"}):
        with pytest.raises(EvalError, match=r"RANK=\S+ WORLD_SIZE=\S+: expected a rank below the size"):
            read_worker(environment)


def test_a_worker_alone_leaves_no_file(tmp_path: Path) -> None:
    with heartbeat(tmp_path / "folder", Worker()):
        assert not (tmp_path / "folder").exists()


def test_a_worker_waits_until_the_others_are_done(tmp_path: Path) -> None:
    pending = {1}
    with heartbeat(tmp_path, Worker(0, 2)), heartbeat(tmp_path, Worker(1, 2)):
        assert len(list(tmp_path.iterdir())) == 2
        threading.Timer(0.1, pending.clear).start()
        wait_for_workers(tmp_path, 2, lambda: pending)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_ends_before_its_share_is_done_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "HEARTBEAT_TIMEOUT_S", 0.1)
    with pytest.raises(EvalError, match=r"worker 1 of 2 ended, or its heartbeat stopped"):
        wait_for_workers(tmp_path, 2, lambda: {1})


def test_models_are_compared_at_the_same_point_of_the_run(tmp_path: Path) -> None:
    with heartbeat(tmp_path, Worker(0, 2)), heartbeat(tmp_path, Worker(1, 2)):
        announce_model(tmp_path, 0, "a")
        assert find_other_model(tmp_path, 0, 2) is None  # the other one is still loading
        announce_model(tmp_path, 1, "a")
        announce_model(tmp_path, 1, "b")  # it is already at its second model
        assert find_other_model(tmp_path, 0, 2) is None
        announce_model(tmp_path, 0, "c")
        assert find_other_model(tmp_path, 0, 2) == (1, "b")
        assert find_other_model(tmp_path, 1, 2) == (0, "c")
