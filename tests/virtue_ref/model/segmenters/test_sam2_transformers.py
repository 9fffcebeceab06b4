"""transformers' SAM 2 gives the tokens that the sam2 package gives, for the same weights and every kind of prompt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmeb_eval.item import Item, Points
from scar.errors import CheckpointError
from scar.sample import Box, Mask
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model, make_checkpoint
from virtue_ref.embedder import load
from virtue_ref.model.prompts import PointPrompt, make_grid_prompt
from virtue_ref.model.segmenters.sam import SamSegmenter

PIXELS = np.zeros((90, 70), bool)
PIXELS[20:50, 10:40] = True
PROMPTS = [
    make_grid_prompt(256, 3),
    PointPrompt(((20.0, 30.0), (200.0, 30.0), (90.5, 3.25)), (1, 0, 0)),
    PointPrompt(((20.0, 30.0), (200.0, 130.0)), (2, 3)),
    PointPrompt((), (), Mask.from_array(PIXELS)),
]
CLICKS = [*PROMPTS, PointPrompt(((20.0, 30.0),), (1,))]


@pytest.fixture(scope="module")
def shaken(stored: Checkpoint) -> Checkpoint:
    """Weights none of which is zero, so that each one counts."""
    torch.manual_seed(0)
    moved = {key: value + 0.05 * torch.randn_like(value) for key, value in stored.segmenter.items()}
    return dataclasses.replace(stored, segmenter=moved)


def with_package(checkpoint: Checkpoint, package: str) -> Checkpoint:
    return dataclasses.replace(checkpoint, config=checkpoint.config.with_options(segmenter_package=package))


@torch.inference_mode()
def test_tokens_are_the_same(shaken: Checkpoint) -> None:
    frames = torch.randn(2, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    tokens = []
    for package in ("sam2", "transformers"):
        model = build_model(with_package(shaken, package))
        assert isinstance(model.segmenter, SamSegmenter)
        assert model.connector is not None
        maps = model.segmenter.encode(frames)
        mixed = model.segmenter.decode([maps[row % 2] for row in range(len(PROMPTS))], PROMPTS)
        tokens.append((maps, model.segmenter.embed_points(PROMPTS[:1]), mixed, model.connector(mixed)))
    for ours, theirs in zip(*tokens, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_masks_are_the_same(shaken: Checkpoint) -> None:
    frame = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    predicted = []
    for package in ("sam2", "transformers"):
        segmenter = build_model(with_package(shaken, package)).segmenter
        assert segmenter is not None
        predicted.append(segmenter.decode_masks(segmenter.encode_for_masks(frame) * len(CLICKS), CLICKS))
    for ours, theirs in zip(*predicted, strict=True):
        torch.testing.assert_close(ours.logits, theirs.logits, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours.scores, theirs.scores, rtol=0, atol=1e-5)
    assert [len(each.scores) for each in predicted[0]] == [1, 1, 1, 1, 3]


def test_vectors_of_the_reference_checkpoint_are_the_same(reference: Path) -> None:
    image = reference / "images" / "p2_320x240.png"
    items = [
        Item("what?", image),
        Item("what?", image, Box(40, 30, 160, 120)),
        Item("x", image, Points(((9, 9),), (1,))),
    ]
    folder = reference / "virtue-tiny"
    ours, theirs = load(folder), load(folder, segmenter_package="transformers")
    np.testing.assert_allclose(theirs.embed(items), ours.embed(items), rtol=0, atol=1e-5)


def test_saving_keeps_all_weights(shaken: Checkpoint) -> None:
    checkpoint = with_package(shaken, "transformers")
    assert make_checkpoint(build_model(checkpoint), origin=checkpoint).segmenter == shaken.segmenter


def test_random_weights_too(picture: Callable[..., Path]) -> None:
    assert load("tiny", segmenter_package="transformers").embed([Item("", picture(90, 70))]).shape == (1, 64)


def test_what_transformers_does_not_know(stored: Checkpoint) -> None:
    assert stored.config.segmenter is not None
    model = {**stored.config.segmenter.model, "pred_obj_scores": False}
    segmenter = dataclasses.replace(stored.config.segmenter, model=model, package="transformers")
    with pytest.raises(CheckpointError, match="transformers supports SAM 2 only with object scores"):
        build_model(dataclasses.replace(stored, config=dataclasses.replace(stored.config, segmenter=segmenter)))
    with pytest.raises(CheckpointError, match="unknown segmenter package 'sam9': it is one of sam2, transformers"):
        build_model(with_package(resolve.read_checkpoint("tiny"), "sam9"))
