"""Pooled vision tokens in the segment tokens' place, against a brute force over pixels, and the settings of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmeb_eval.item import Item, Points
from mmeb_eval.regions.strategies import apply_strategy
from scar.errors import ItemError, VirtueError
from scar.sample import Box
from virtue_ref.config import ImageRules
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.backbones.qwen_images import count_patches
from virtue_ref.model.roi import make_roi_weights

TEXT = "<|image_pad|>\nwhich one?"


@pytest.mark.parametrize("box", [Box(0, 0, 112, 84), Box(10, 20, 66, 62), Box(100.5, 80, 140, 90), None])
def test_tokens_are_pooled_over_equal_parts_of_the_box(box: Box | None) -> None:
    """By brute force: each dot of a fine net in a part votes with the token whose patches it lies on."""
    size, rules, side = (112, 84), ImageRules(), 3
    rows, columns = (patches // 2 for patches in count_patches(size, rules))
    assert (rows, columns) == (3, 4)
    tokens = torch.randn(rows * columns, 5, generator=torch.Generator().manual_seed(0))
    inside = box or Box(0, 0, 112, 84)
    x0, y0, x1, y1 = int(inside.x0), int(inside.y0), min(112, int(inside.x1)), min(84, int(inside.y1))
    expected = []
    for part in range(side * side):
        down, across = divmod(part, side)
        y = y0 + (down + (np.arange(120) + 0.5) / 120) / side * (y1 - y0)
        x = x0 + (across + (np.arange(120) + 0.5) / 120) / side * (x1 - x0)
        picked = (y / 84 * rows).astype(int)[:, None] * columns + (x / 112 * columns).astype(int)
        expected.append(tokens[picked.ravel()].mean(dim=0))
    np.testing.assert_allclose(
        make_roi_weights(box, size, (rows, columns), side) @ tokens, torch.stack(expected), atol=0.02
    )


def test_a_box_of_one_token_says_that_token_everywhere() -> None:
    tokens = torch.randn(12, 5)
    pooled = make_roi_weights(Box(28, 56, 56, 84), (112, 84), (3, 4), 4) @ tokens
    np.testing.assert_allclose(pooled, tokens[9].expand(16, 5), rtol=1e-6)


def test_they_stand_where_segment_tokens_would(tiny: VirtueEmbedder, picture: Callable[..., Path]) -> None:
    """With the pooled tokens put where the model makes segment tokens, its own pass gives the same vectors."""
    image, box = picture(120, 90), Box(10, 10, 70, 60)
    items = [Item("a text"), Item(TEXT, image, box), Item(TEXT, image)]
    config = tiny.model.config
    with torch.inference_mode():
        tokens = tiny.image_cache.get_features([image])[0].tokens
    side = int(tiny.model.segment_count**0.5)
    rows, columns = (patches // config.image.merge for patches in count_patches((120, 90), config.image))
    segments = torch.stack([make_roi_weights(each, (120, 90), (rows, columns), side) @ tokens for each in (box, None)])
    plain = tiny.embed(items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny.model, "make_segment_tokens", lambda batch, seen: segments)
        expected = tiny.embed(items)
    made = tiny.embed_roi(items)
    np.testing.assert_allclose(made, expected, atol=2e-6)
    np.testing.assert_allclose(made[0], plain[0], atol=2e-6)
    assert np.abs(made[1:] - plain[1:]).max(axis=1).min() > 1e-3, "these are no segment tokens"
    for index, item in enumerate(items):
        np.testing.assert_allclose(tiny.embed_roi([item])[0], made[index], atol=2e-6)


@pytest.mark.parametrize("profile", ["clean", "official"])
def test_without_segment_tokens_the_backbone_alone_answers(profile: str, picture: Callable[..., Path]) -> None:
    model, plain = load("tiny", profile=profile), load("tiny", profile=profile, segmenter_package="none")
    items = [Item("a text"), Item(TEXT, picture(120, 90))]
    bare = apply_strategy(model, "text-bare").embed(items)
    np.testing.assert_allclose(bare, plain.embed(items), atol=2e-6)
    assert np.abs(bare[1] - model.embed(items)[1]).max() > 1e-3
    with pytest.raises(ItemError, match=r"item 0: the item has a prompt, but segment tokens are switched off"):
        model.embed_bare([Item(TEXT, items[1].image, Box(0, 0, 9, 9))])


def test_the_strategy_reaches_the_model_and_other_prompts_are_refused(
    tiny: VirtueEmbedder, picture: Callable[..., Path]
) -> None:
    item = Item(TEXT, picture(90, 70), Box(5, 5, 40, 40))
    told = apply_strategy(tiny, "roi")
    assert told.name == f"{tiny.name}+roi"
    np.testing.assert_allclose(told.embed([item]), tiny.embed_roi([item]))
    with pytest.raises(ItemError, match=r"1.*image tokens can be pooled only inside a box"):
        tiny.embed_roi([item, Item(TEXT, item.image, Points(((5, 5),), (1,)))])
    with pytest.raises(VirtueError, match="no segment tokens that pooled image tokens could replace"):
        load("tiny", segmenter_package="none").embed_roi([item])


def test_settings_say_what_changes_vectors(tiny: VirtueEmbedder) -> None:
    settings = tiny.settings
    assert settings["profile"] == tiny.model.config.profile.name
    assert (settings["dtype"], settings["dim"], settings["segmenter"]) == ("float32", tiny.dim, "sam2")
    assert settings["revision"] in tiny.name
    other = load("tiny", max_pixels=100_352, truncate_dim=8).settings
    assert {key for key in settings if settings[key] != other[key]} == {"max_pixels", "dim"}
