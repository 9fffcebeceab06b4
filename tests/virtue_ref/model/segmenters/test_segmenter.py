"""A new segmenter is a class and a row: a toy enters by the table and embeds items as SAM 2 does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmeb_eval.item import Item, Points
from scar.errors import ConfigError
from scar.sample import Box, Mask
from tests.virtue_ref.model import toys
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.info import describe_model
from virtue_ref.config import Config, SegmenterConfig
from virtue_ref.embedder import load
from virtue_ref.model.segmenters import segmenter


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setitem(segmenter.SEGMENTERS, "toy", f"{toys.__name__}:ToySegmenter")
    return dataclasses.replace(Config.read("tiny"), segmenter=SegmenterConfig({}, package="toy"))


def test_a_toy_embeds_items_end_to_end(config: Config, picture: Callable[..., Path], tmp_path: Path) -> None:
    write_checkpoint(resolve.make_random_checkpoint(config), tmp_path / "toy")
    model = load(tmp_path / "toy")
    assert model.model.segment_count == 4
    image = picture(90, 70)
    inside = np.zeros((70, 90), bool)
    inside[10:40, 20:50] = True
    items = [
        Item("a cat"),
        Item("which?", image),
        Item("which?", image, Box(5, 5, 60, 50)),
        Item("which?", image, Points(((30, 30), (80, 60)), (1, 0))),
        Item("which?", image, Mask.from_array(inside)),
    ]
    vectors = model.embed(items)
    np.testing.assert_allclose(vectors, np.concatenate([model.embed([item]) for item in items]), atol=2e-6)
    assert (vectors @ vectors.T - np.eye(len(items))).max() < 1 - 1e-6
    pooled = model.embed_roi(items[:3])
    np.testing.assert_allclose(pooled[0], vectors[0], atol=2e-6)


def test_the_size_that_is_described_is_the_segmenters_own(config: Config, tmp_path: Path) -> None:
    write_checkpoint(resolve.make_random_checkpoint(config), tmp_path / "toy")
    assert describe_model(tmp_path / "toy")["segmenter"].startswith("64 x 64 pixels, 4 tokens a region")


def test_a_package_that_is_not_in_the_table() -> None:
    with pytest.raises(ConfigError, match="unknown segmenter package 'sam9': it is one of sam2, transformers"):
        segmenter.make_segmenter(SegmenterConfig({}, package="sam9"))
