"""Each family of Qwen's models has the hidden states of transformers' own forward, alone and in batches."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from mmeb_eval.item import Item
from scar.sample import Box
from tests.virtue_ref.model.backbones.tiny_qwens import CONFIGS
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import build_model
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.info import describe_model
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.backbones.backbone import BACKBONES
from virtue_ref.model.backbones.qwen3_vl import Qwen3Vl
from virtue_ref.model.backbones.qwen_vl import QwenVl
from virtue_ref.model.tokens import read_tokenizer

Draw = Callable[..., Path]


def make_embedder(family: str, **options: Any) -> VirtueEmbedder:
    stored = resolve.make_random_checkpoint(CONFIGS[family])
    return VirtueEmbedder(build_model(stored), read_tokenizer(stored.files, family), family, **options)


@pytest.fixture(scope="module", params=BACKBONES)
def embedder(request: pytest.FixtureRequest) -> VirtueEmbedder:
    return make_embedder(request.param)


def run_own_forward(embedder: VirtueEmbedder, text: str, image: Path | None) -> NDArray[np.float32]:
    """The last state of transformers' own model, at norm 1."""
    backbone = cast(QwenVl, embedder.model.backbone)
    stored = embedder.model.config.backbone
    config = type(backbone).kind.config_class(**{key: value for key, value in stored.items() if key != "model_type"})
    own = type(backbone).kind(config).eval()
    own.load_state_dict(backbone.state_dict())
    ids = embedder.collator.tokenizer.encode(text).ids
    given: dict[str, Any] = {}
    if image is not None:
        with Image.open(image) as opened:
            prepared = backbone.prepare(opened.convert("RGB"))
        count = np.prod(prepared.grid) // 4
        place = ids.index(backbone.image_token)
        ids = [*ids[:place], *[backbone.image_token] * count, *ids[place + 1 :]]
        given = {"pixel_values": prepared.patches, "image_grid_thw": torch.tensor([prepared.grid])}
    tokens = torch.tensor([ids])
    if isinstance(backbone, Qwen3Vl):
        given["mm_token_type_ids"] = (tokens == backbone.image_token).int()
    else:
        given["position_ids"] = torch.arange(len(ids)).expand(3, 1, -1)  # as in the published VIRTUE
    with torch.inference_mode():
        last = own(input_ids=tokens, **given).last_hidden_state[0, -1].numpy()
    vector: NDArray[np.float32] = last / np.linalg.norm(last)
    return vector


@pytest.mark.parametrize("size", [(90, 70), (200, 40), (64, 300), None])
def test_states_are_those_of_the_models_own_forward(
    embedder: VirtueEmbedder, picture: Draw, size: tuple[int, int] | None
) -> None:
    image = None if size is None else picture(*size)
    text = "a red square" if size is None else "look: <|image_pad|> which one?"
    (ours,) = embedder.embed_bare([Item(text, image)])
    np.testing.assert_allclose(ours, run_own_forward(embedder, text, image), rtol=0, atol=2e-6)


def test_items_of_a_batch_are_embedded_as_alone(embedder: VirtueEmbedder, picture: Draw) -> None:
    image, wide = picture(90, 70), picture(300, 60, seed=2)
    items = [
        Item("a cat"),
        Item("which one?", image),
        Item("which one is it?", image, Box(10, 10, 60, 50)),
        Item("", wide),
    ]
    alone = []
    for item in items:
        embedder.image_cache.clear()
        alone.append(embedder.embed([item]))
    embedder.image_cache.clear()
    np.testing.assert_allclose(embedder.embed(items), np.concatenate(alone), rtol=0, atol=2e-6)
    vectors = np.concatenate(alone)
    assert (vectors @ vectors.T - np.eye(len(items))).max() < 1 - 1e-5


def test_every_family_is_stored_and_described(embedder: VirtueEmbedder, tmp_path: Path) -> None:
    write_checkpoint(resolve.make_random_checkpoint(embedder.model.config), tmp_path / "ours")
    np.testing.assert_array_equal(load(tmp_path / "ours").embed([Item("a cat")]), embedder.embed([Item("a cat")]))
    family = embedder.model.config.backbone["model_type"]
    assert str(describe_model(tmp_path / "ours")["language model"]).startswith(f"{family}, ")


@pytest.mark.parametrize("changed", ["deeper features", "positions"])
def test_deeper_features_and_positions_reach_the_language_model(
    picture: Draw, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    item = Item("which?", picture(90, 70), Box(5, 5, 60, 50))
    with_both = make_embedder("qwen3_vl").embed([item])
    encode = Qwen3Vl.encode_images

    def encode_otherwise(self: Qwen3Vl, *given: Any) -> Any:
        features = encode(self, *given)
        if changed == "positions":
            return [dataclasses.replace(each, extra=(0 * each.extra[0], *each.extra[1:])) for each in features]
        return [
            dataclasses.replace(each, extra=(each.extra[0], *(0 * level for level in each.extra[1:])))
            for each in features
        ]

    monkeypatch.setattr(Qwen3Vl, "encode_images", encode_otherwise)
    assert np.abs(make_embedder("qwen3_vl").embed([item]) - with_both).max() > 1e-4


def test_the_projection_of_patches_is_the_convolution_of_transformers(embedder: VirtueEmbedder) -> None:
    backbone = cast(QwenVl, embedder.model.backbone)
    projection = copy.deepcopy(cast(nn.Module, backbone.visual.patch_embed)).double()  # no rounding is in the way
    convolution = cast(nn.Conv3d, projection.proj)
    kernel = convolution.weight.shape[1:]
    patches = torch.randn(9, kernel.numel(), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.inference_mode():
        convolved = convolution(patches.reshape(-1, *kernel)).flatten(1)
        torch.testing.assert_close(projection(patches), convolved, atol=1e-12, rtol=1e-12)
