"""A new family is a class and a row: a toy enters by the table and embeds items as the real ones do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmeb_eval.item import Item
from scar.errors import ConfigError
from scar.sample import Box
from tests.virtue_ref.model import toys
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.config import Config
from virtue_ref.embedder import load
from virtue_ref.model.backbones import backbone

TOY = {"model_type": "toy", "hidden": 16, "vocabulary": 300, "image_token_id": 268}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setitem(backbone.BACKBONES, "toy", f"{toys.__name__}:ToyBackbone")
    return dataclasses.replace(Config.read("tiny"), backbone=TOY)


def test_a_toy_embeds_items_end_to_end(config: Config, picture: Callable[..., Path], tmp_path: Path) -> None:
    write_checkpoint(resolve.make_random_checkpoint(config), tmp_path / "toy")
    model = load(tmp_path / "toy")
    image = picture(90, 70)
    items = [Item("a cat"), Item("which?", image), Item("which?", image, Box(5, 5, 60, 50)), Item("", picture(64, 64))]
    vectors = model.embed(items)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors, np.concatenate([model.embed([item]) for item in items]), atol=2e-6)
    assert (vectors @ vectors.T - np.eye(len(items))).max() < 1 - 1e-6


def test_what_a_family_takes_of_an_image_besides_its_tokens_reaches_it(
    config: Config, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_checkpoint(resolve.make_random_checkpoint(config), tmp_path / "toy")
    item = Item("which?", picture(90, 70), Box(5, 5, 60, 50))
    with_extra = load(tmp_path / "toy").embed([item])
    forward = toys.ToyBackbone.forward
    monkeypatch.setattr(
        toys.ToyBackbone, "forward", lambda self, rows, positions, _: forward(self, rows, positions, [])
    )
    assert np.abs(load(tmp_path / "toy").embed([item]) - with_extra).max() > 1e-4


def test_a_family_that_is_not_in_the_table(config: Config) -> None:
    with pytest.raises(ConfigError, match="unknown backbone 'llama': it is one of qwen2_vl, qwen2_5_vl"):
        backbone.make_backbone(dataclasses.replace(config, backbone={"model_type": "llama"}))
