"""A run that is not finished is not scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.errors import CheckpointError
from virtue_ref.demo_model.strategy_scores import score_strategies


def test_a_run_that_is_not_finished_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "scar" / "step-000001").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"scar/last: missing; `virtue train demo --out .* finishes the run"):
        score_strategies(tmp_path)
    (tmp_path / "scar" / "last").write_text("step-000001")
    with pytest.raises(CheckpointError, match="parts: missing"):
        score_strategies(tmp_path)
