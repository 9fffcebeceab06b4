"""Images are encoded once, kept in bounds, and opened ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from mmeb_eval.item import Item
from scar.common.prefetch import WORKERS
from scar.errors import ItemError
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.inference import image_cache
from virtue_ref.model.virtue import Virtue

Draw = Callable[..., Path]


def test_an_image_that_changed_on_disk_is_another_image(tiny: VirtueEmbedder, picture: Draw) -> None:
    path = picture(90, 70, name="same.png")
    before = tiny.embed([Item("", path)])
    Image.new("RGB", (90, 70), (0, 200, 0)).save(path)
    assert float((before @ tiny.embed([Item("", path)]).T)[0, 0]) < 0.9999


def test_the_feature_cache_is_bounded(tiny: VirtueEmbedder, picture: Draw) -> None:
    small = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "small", cached_images=2)
    images = [picture(60, 60, seed=seed) for seed in range(5)]
    np.testing.assert_allclose(
        small.embed([Item("", image) for image in images]), tiny.embed([Item("", image) for image in images]), atol=2e-6
    )
    assert len(small.image_cache) == 2


def test_few_images_are_opened_ahead(tiny: VirtueEmbedder, picture: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh")
    opened: list[Path] = []
    waiting: list[int] = []
    encoded: list[int] = []
    pictures, look = fresh.collator.open_images, Virtue.encode_images

    def open_(images: list[Path]) -> Any:
        opened.extend(images)
        return pictures(images)

    def look_(self: Virtue, seen: Any) -> Any:
        encoded.append(len(seen.grids))
        waiting.append(len(opened) - sum(encoded))
        return look(self, seen)

    monkeypatch.setattr(fresh.collator, "open_images", open_)
    monkeypatch.setattr(Virtue, "encode_images", look_)
    images = [picture(60, 60, seed=seed) for seed in range(6 * WORKERS)]
    fresh.embed([Item("", image) for image in images])
    assert sorted(opened) == sorted(images)
    assert max(waiting) <= 2 * WORKERS + 1


@pytest.mark.parametrize("profile", ["clean", "official"])
def test_an_image_has_the_same_features_in_a_pass_of_any_size(
    picture: Draw, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    """Bit by bit, so that vectors do not depend on what an earlier call left in the cache."""
    model = load("tiny", profile=profile)
    images = [picture(60 + 13 * seed, 60 + 37 * (seed % 3), seed=seed) for seed in range(7)]
    monkeypatch.setattr(image_cache, "PASS_FLOATS", 0)
    alone = model.image_cache.get_features(images)
    sizes: list[int] = []
    look = Virtue.encode_images

    def count(self: Virtue, seen: Any) -> Any:
        sizes.append(len(seen.grids))
        return look(self, seen)

    monkeypatch.setattr(Virtue, "encode_images", count)
    for limit in (2**20, 2**22):
        monkeypatch.setattr(image_cache, "PASS_FLOATS", limit)
        model.image_cache.clear()
        for one, other in zip(alone, model.image_cache.get_features(images), strict=True):
            assert torch.equal(one.tokens, other.tokens)
            assert torch.equal(cast(torch.Tensor, one.segmenter_map), cast(torch.Tensor, other.segmenter_map))
    assert max(sizes) > 1
    assert sum(sizes) == 14


def test_a_broken_image_among_others_is_named(tiny: VirtueEmbedder, picture: Draw, tmp_path: Path) -> None:
    images = [picture(60, 60, seed=seed) for seed in range(4)]
    images[2].write_bytes(images[2].read_bytes()[:200])
    with pytest.raises(ItemError, match=r"item 3: .*60x60-2\.png"):
        tiny.embed([Item("a cat"), *(Item("", image) for image in images if image != images[3])])
    with pytest.raises(ItemError, match=r"item 2: .*60x60-2\.png"):
        tiny.image_cache.get_features(images)


def test_equal_contents_in_two_files_are_encoded_once(tiny: VirtueEmbedder, picture: Draw) -> None:
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh")
    one, other = picture(60, 60, name="one.png"), picture(60, 60, name="other.png")
    first, second = fresh.image_cache.get_features([one, other])
    assert first is second
    assert len(fresh.image_cache) == 1
