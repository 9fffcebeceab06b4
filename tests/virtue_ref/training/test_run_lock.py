"""One run a folder: a second process is refused while the first is alive, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scar.errors import TrainError
from virtue_ref.training.run_lock import lock_run

HOLD = """
import sys
from pathlib import Path
from virtue_ref.training.run_lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_elsewhere(run: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLD, str(run)]
    with subprocess.Popen(  # noqa: S603
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_while_the_first_is_alive(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "run") as process:
        with (
            pytest.raises(TrainError, match=r"run: another process trains here; wait for it, or name another folder"),
            lock_run(tmp_path / "run"),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with lock_run(tmp_path / "run"), lock_run(tmp_path / "run"):
            pass


def test_processes_of_one_launch_share_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock_run(tmp_path / "run"), held_elsewhere(tmp_path / "run", RANK="1"):
        pass
    with held_elsewhere(tmp_path / "run", RANK="0"):
        monkeypatch.setenv("RANK", "1")
        with lock_run(tmp_path / "run"):
            pass
