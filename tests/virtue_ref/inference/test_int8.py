"""8-bit weights: near the whole ones, smaller, and told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

from mmeb_eval.item import Item
from scar.sample import Box
from virtue_ref.cli import app
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.int8 import Int8Linear, round_linears

Draw = Callable[..., Path]


@pytest.fixture(scope="module")
def small() -> VirtueEmbedder:
    return load("tiny", int8=True)


@settings(deadline=None)
@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e4]), bias=st.booleans())
def test_every_weight_is_rounded_to_the_nearest_of_255(seed: int, scale: float, bias: bool) -> None:
    torch.manual_seed(seed)
    linear = nn.Linear(7, 5, bias=bias)
    linear.weight.data *= scale
    linear.weight.data[1] = 0
    rounded = Int8Linear(linear)
    weight, step = rounded.weight.double() * rounded.scale.double()[:, None], rounded.scale.double()[:, None]
    assert ((weight - linear.weight.double()).abs() <= 0.5001 * step).all()
    assert (weight[1] == 0).all()
    inputs = torch.randn(2, 3, 7)
    expected = functional.linear(inputs, weight.float(), linear.bias)
    torch.testing.assert_close(rounded(inputs), expected, rtol=1e-4, atol=1e-5 * scale)


def test_only_the_language_model_is_rounded(small: VirtueEmbedder) -> None:
    parts = cast(nn.Module, small.model)
    rounded = {name for name, part in parts.named_modules() if isinstance(part, Int8Linear)}
    assert rounded
    assert all(name.startswith("backbone.language_model.") for name in rounded)
    left = [part for part in cast(nn.Module, small.model.backbone.language_model).modules() if type(part) is nn.Linear]
    assert not left
    assert round_linears(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))) == 2


def test_vectors_are_near_and_the_cosine_is_told(small: VirtueEmbedder, tiny: VirtueEmbedder, picture: Draw) -> None:
    items = [Item("a cat"), Item("which?", picture(90, 70)), Item("which?", picture(90, 70), Box(5, 5, 40, 50))]
    cosines = (small.embed(items) * tiny.embed(items)).sum(axis=1)
    assert small.int8_cosine is not None
    assert 0.99 < small.int8_cosine < 1
    assert 0.99 < cosines.min() < 1
    assert tiny.int8_cosine is None
    assert small.name == "virtue-tiny-clean@seed0[int8=True]"
    assert small.settings == {**tiny.settings, "int8_cosine": round(small.int8_cosine, 4)}
    np.testing.assert_array_equal(copy.deepcopy(small).embed(items), small.embed(items))


def test_it_is_smaller_and_goes_with_bfloat16(small: VirtueEmbedder, tiny: VirtueEmbedder) -> None:
    def count_bytes(model: VirtueEmbedder) -> int:
        part = cast(nn.Module, model.model.backbone.language_model)
        layers = [layer for layer in part.modules() if isinstance(layer, nn.Linear | Int8Linear)]
        return sum(layer.weight.numel() * layer.weight.element_size() for layer in layers)

    assert count_bytes(small) * 4 == count_bytes(tiny)
    half = load("tiny", int8=True, dtype="bfloat16")
    assert half.int8_cosine is not None
    assert half.int8_cosine > 0.98
    assert float((half.embed([Item("a cat")]) @ tiny.embed([Item("a cat")]).T)[0, 0]) > 0.98


def test_the_command_says_the_cosine(picture: Draw, tmp_path: Path) -> None:
    out = tmp_path / "vectors.npy"
    words = ["embed", str(picture(90, 70)), "--model", "tiny", "--int8", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "8-bit weights: cosine with whole ones at least 0.99" in done.stderr
    assert json.dumps(np.load(out).shape) == "[1, 64]"
