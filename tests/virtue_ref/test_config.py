"""Configs that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.errors import ConfigError
from virtue_ref.embedder import load


def test_a_config_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("profile = ")
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML"):
        load(tmp_path / "broken.toml")
    (tmp_path / "short.toml").write_text('profile = "clean"')
    with pytest.raises(ConfigError, match=r"short\.toml: no key backbone"):
        load(tmp_path / "short.toml")
