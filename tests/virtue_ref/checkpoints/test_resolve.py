"""From a name to a checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from virtue_ref.embedder import load


def test_a_hub_repository_is_a_folder_once_fetched(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = official.parent / "models--Sony--VIRTUE" / "snapshots" / "0123456789abcdef"
    shutil.copytree(official, snapshot)
    monkeypatch.setattr("virtue_ref.checkpoints.resolve.snapshot_download", lambda name, **_: str(snapshot))
    assert load("Sony/VIRTUE-2B-SCaR").name == "VIRTUE-2B-SCaR-official@0123456789ab"
