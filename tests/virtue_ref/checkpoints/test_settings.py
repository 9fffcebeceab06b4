"""Every setting survives the way to the official layout and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from tests.virtue_ref.checkpoints.layouts import put, rewrite
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
from virtue_ref.checkpoints.settings import OFFICIAL_SETTINGS_FILE
from virtue_ref.config import Config, ImageRules
from virtue_ref.embedder import load

ODD_IMAGE = ImageRules(6272, 40_000, "low", (0.1, 0.2, 0.3), (0.9, 0.8, 0.7))
CHANGES: dict[str, dict[str, Any]] = {
    "profile": {"profile": "official"},
    "limits": {"min_pixels": 6272, "max_pixels": 40_000},
    "resolution": {"resolution": "low"},
    "length": {"max_length": 9},
    "package": {"segmenter_package": "transformers"},
    "no segmenter": {"segmenter_package": "none"},
    "nothing": {},
}


def without_name(config: Config) -> Config:
    """A checkpoint is named after its folder, and its config.json says more than the config that it was made from."""
    return dataclasses.replace(config, name="", backbone={})


def there_and_back(checkpoint: Checkpoint, folder: Path) -> list[Checkpoint]:
    """The checkpoint as read from the official layout, from ours made of it, and from the official made of that."""
    found, write = [checkpoint], (write_official, write_checkpoint, write_official)
    for number, write_layout in enumerate(write):
        write_layout(found[-1], folder / str(number))
        found.append(resolve.read_checkpoint(folder / str(number)))
    return found[1:]


@pytest.mark.parametrize("name", CHANGES)
def test_a_config_survives_both_layouts(stored: Checkpoint, tmp_path: Path, name: str) -> None:
    config = stored.config.with_options(**CHANGES[name])
    for found in there_and_back(dataclasses.replace(stored, config=config), tmp_path):
        assert without_name(found.config) == without_name(config)


def test_image_rules_and_grid_survive_both_layouts(stored: Checkpoint, tmp_path: Path) -> None:
    """Also where they differ from what preprocessor_config.json and an earlier virtue_sam say."""
    assert stored.config.segmenter is not None
    grid = dataclasses.replace(stored.config.segmenter, points_per_side=5)
    config = dataclasses.replace(stored.config, image=ODD_IMAGE, segmenter=grid)
    write_official(stored, tmp_path / "first")
    first = resolve.read_checkpoint(tmp_path / "first")
    for found in there_and_back(dataclasses.replace(first, config=config), tmp_path):
        assert without_name(found.config) == without_name(config)


def test_a_segmenter_that_was_left_out_stays_out(stored: Checkpoint, items: list[Item], tmp_path: Path) -> None:
    write_official(stored, tmp_path / "first")
    first = resolve.read_checkpoint(tmp_path / "first")
    config = first.config.with_options(segmenter_package="none")
    write_official(dataclasses.replace(first, config=config, connector={}, segmenter={}), tmp_path / "bare")
    expected = load(tmp_path / "first", segmenter_package="none").embed(items[:2])
    np.testing.assert_array_equal(load(tmp_path / "bare").embed(items[:2]), expected)


def test_vectors_survive_both_layouts(stored: Checkpoint, items: list[Item], tmp_path: Path) -> None:
    config = stored.config.with_options(max_pixels=4000, max_length=3)
    write_checkpoint(dataclasses.replace(stored, config=config), tmp_path / "ours")
    expected = load(tmp_path / "ours").embed(items)
    write_official(resolve.read_checkpoint(tmp_path / "ours"), tmp_path / "official")
    np.testing.assert_array_equal(load(tmp_path / "official").embed(items), expected)


def test_the_release_s_own_settings_need_no_file(stored: Checkpoint, tmp_path: Path) -> None:
    config = dataclasses.replace(stored.config.with_options(profile="official"), image=ImageRules())
    write_official(dataclasses.replace(stored, config=config), tmp_path / "out")
    assert not (tmp_path / "out" / OFFICIAL_SETTINGS_FILE).exists()


def test_licences_go_along(stored: Checkpoint, tmp_path: Path) -> None:
    write_official(stored, tmp_path / "first")
    (tmp_path / "first" / "LICENSE").write_text("yours")
    write_checkpoint(resolve.read_checkpoint(tmp_path / "first"), tmp_path / "ours")
    assert (tmp_path / "ours" / "LICENSE").read_text() == "yours"


def test_damaged_settings_are_named(stored: Checkpoint, tmp_path: Path) -> None:
    write_official(stored, tmp_path / "out")
    settings = json.loads((tmp_path / "out" / OFFICIAL_SETTINGS_FILE).read_text())
    assert settings["profile"] == "clean"
    rewrite(OFFICIAL_SETTINGS_FILE, lambda table: table.pop("image"))(tmp_path / "out")
    with pytest.raises(CheckpointError, match=r"virtue_settings\.json: not our settings \('image'\)"):
        load(tmp_path / "out")
    put(OFFICIAL_SETTINGS_FILE, "{")(tmp_path / "out")
    with pytest.raises(CheckpointError, match=r"virtue_settings\.json: not JSON"):
        load(tmp_path / "out")
