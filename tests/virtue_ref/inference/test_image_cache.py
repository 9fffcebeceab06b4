"""Images are encoded once, kept in bounds, and opened ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item
from scar.common.prefetch import WORKERS
from virtue_ref.embedder import VirtueEmbedder
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
    pictures, look = fresh.collator.open_images, Virtue.encode_images

    def open_(images: list[Path]) -> Any:
        opened.extend(images)
        return pictures(images)

    def look_(self: Virtue, seen: Any) -> Any:
        waiting.append(len(opened) - len(waiting))
        return look(self, seen)

    monkeypatch.setattr(fresh.collator, "open_images", open_)
    monkeypatch.setattr(Virtue, "encode_images", look_)
    images = [picture(60, 60, seed=seed) for seed in range(6 * WORKERS)]
    fresh.embed([Item("", image) for image in images])
    assert sorted(opened) == sorted(images)
    assert max(waiting) <= 2 * WORKERS + 1
