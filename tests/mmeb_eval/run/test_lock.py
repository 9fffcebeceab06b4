"""One run at a time in an output folder, whatever processes ask for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.run.lock import lock_folder
from mmeb_eval.run.run import run_evaluations
from mmeb_eval.run.workers import Worker
from scar.errors import EvalError


def test_a_second_process_on_one_output_folder_refuses(corpus: Path, tmp_path: Path) -> None:
    holds = "with lock_folder(Path('out')): print('held', flush=True); input()"
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", f"from pathlib import Path; from mmeb_eval.run.lock import lock_folder\n{holds}"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(EvalError, match=r"out: another mmeb-eval is writing here; wait for it or choose another"):
            run_evaluations([Constant()], find_scar_tasks(corpus), tmp_path / "out")
        other.kill()
    assert len(run_evaluations([Constant()], find_scar_tasks(corpus), tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("worker", "work", "environment"),
    [
        (Worker(0, 1), "work", {}),
        (Worker(1, 3), "work", {"MASTER_PORT": "1"}),
        (Worker(1, 2), "other work", {"MASTER_PORT": "1"}),
        (Worker(1, 2), "work", {"MASTER_PORT": "2"}),
        (Worker(0, 2), "work", {"MASTER_PORT": "1"}),
    ],
    ids=["alone", "of more", "other work", "of another start", "the same one again"],
)
def test_workers_let_nobody_in_who_does_not_belong_to_them(
    tmp_path: Path, worker: Worker, work: str, environment: dict[str, str]
) -> None:
    ours = {"MASTER_PORT": "1"}
    with lock_folder(tmp_path / "out", Worker(0, 2), "work", ours):
        with (
            pytest.raises(EvalError, match=r"out: another mmeb-eval is writing here"),
            lock_folder(tmp_path / "out", worker, work, environment),
        ):
            pass
        with lock_folder(tmp_path / "out", Worker(1, 2), "work", ours):
            pass
    with lock_folder(tmp_path / "out", worker, work, environment):
        pass


def test_a_process_alone_lets_no_worker_in(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path / "out"),
        pytest.raises(EvalError, match=r"out: another mmeb-eval is writing here"),
        lock_folder(tmp_path / "out", Worker(1, 2)),
    ):
        pass
