"""Pooled vision tokens in the segment tokens' place, against a brute force over pixels, and the settings of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmeb_eval.embedder import Item, Points
from mmeb_eval.regions import tell
from scar.sample import Box
from virtue_ref.config import ImageRules
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.errors import InputError, VirtueError
from virtue_ref.images import grid_of
from virtue_ref.roi import roi_tokens

TEXT = "<|image_pad|>\nwhich one?"


@pytest.mark.parametrize("box", [Box(0, 0, 112, 84), Box(10, 20, 66, 62), Box(100.5, 80, 140, 90), None])
def test_tokens_are_pooled_over_equal_parts_of_the_box(box: Box | None) -> None:
    """By brute force: each dot of a fine net in a part votes with the token whose patches it lies on."""
    size, rules, side = (112, 84), ImageRules(), 3
    rows, columns = (patches // 2 for patches in grid_of(size, rules))
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
    np.testing.assert_allclose(roi_tokens(tokens, size, box, rules, side), torch.stack(expected), atol=0.02)


def test_a_box_of_one_token_says_that_token_everywhere() -> None:
    tokens = torch.randn(12, 5)
    pooled = roi_tokens(tokens, (112, 84), Box(28, 56, 56, 84), ImageRules(), 4)
    np.testing.assert_allclose(pooled, tokens[9].expand(16, 5), rtol=1e-6)


def test_a_pass_with_them_is_the_models_own_with_other_segment_tokens(
    tiny: VirtueEmbedder, picture: Callable[..., Path]
) -> None:
    image, box = picture(120, 90), Box(10, 10, 70, 60)
    items = [Item("a text"), Item(TEXT, image, box), Item(TEXT, image)]
    config = tiny.model.config
    assert config.segmenter is not None
    requests = [tiny.collator.request(item, index) for index, item in enumerate(items)]
    with torch.inference_mode():
        seen = tiny.memory.see(image)
        side = int(config.segmenter.tokens**0.5)
        segments = [roi_tokens(seen.tokens, (120, 90), each, config.image, side) for each in (box, None)]
        batch = tiny.collator.batch(requests, [None, 0, 0])
        expected = tiny.model(batch, [seen], torch.stack(segments))
    made = tiny.embed_roi(items)
    np.testing.assert_allclose(made, expected, atol=2e-6)
    plain = tiny.embed(items)
    np.testing.assert_allclose(made[0], plain[0], atol=2e-6)
    assert np.abs(made[1:] - plain[1:]).max(axis=1).min() > 1e-3, "these are no segment tokens"
    for index, item in enumerate(items):
        np.testing.assert_allclose(tiny.embed_roi([item])[0], made[index], atol=2e-6)


def test_the_strategy_reaches_the_model_and_other_prompts_are_refused(
    tiny: VirtueEmbedder, picture: Callable[..., Path]
) -> None:
    item = Item(TEXT, picture(90, 70), Box(5, 5, 40, 40))
    told = tell(tiny, "roi")
    assert told.name == f"{tiny.name}+roi"
    np.testing.assert_allclose(told.embed([item]), tiny.embed_roi([item]))
    with pytest.raises(InputError, match=r"1.*vision features are pooled inside a box and nothing else"):
        tiny.embed_roi([item, Item(TEXT, item.image, Points(((5, 5),), (1,)))])
    with pytest.raises(VirtueError, match="no segment tokens whose place pooled features could take"):
        load("tiny", segmenter_package="none").embed_roi([item])


def test_settings_say_what_changes_vectors(tiny: VirtueEmbedder) -> None:
    settings = tiny.settings
    assert settings["profile"] == tiny.model.config.profile.name
    assert (settings["dtype"], settings["dim"], settings["segmenter"]) == ("float32", tiny.dim, "sam2")
    assert settings["revision"] in tiny.name
    other = load("tiny", max_pixels=100_352, truncate_dim=8).settings
    assert {key for key in settings if settings[key] != other[key]} == {"max_pixels", "dim"}
