"""What a run records of the code that made it."""

from __future__ import annotations

import pytest

from virtue_ref.training.record import find_commit


def test_a_machine_without_git_records_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert find_commit() is None
