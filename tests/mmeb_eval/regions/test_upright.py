"""A published corpus of photographs that EXIF turns is scored like its upright twin, whichever way a region is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.check_data import check_data
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.images import open_rgb, read_image_header
from mmeb_eval.item import Item
from mmeb_eval.regions.robustness import PROBES, iter_perturbed_prompts, read_targets
from mmeb_eval.regions.strategies import IMAGE_STRATEGIES, STRATEGIES, apply_strategy
from mmeb_eval.templates.fused import LAYOUTS
from scar import Recipe, build
from scar.generators.generator import Generator
from tests.scar.common.orientations import TURNED
from tests.scar.turned_world import make_world, publish_stored


@pytest.fixture
def twin(tmp_path: Path, stand_in: Generator) -> Path:
    """A corpus of upright photographs."""
    build(Recipe(sources=(make_world(tmp_path / "world").source(),)), tmp_path / "twin", generator=stand_in)
    return tmp_path / "twin"


class Seen(Constant):
    """Remembers texts, prompts and pixels."""

    name = "seen@1"
    layout = "plain"
    prompts = ("box",)

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        for item in items:
            assert item.image is not None
            image = open_rgb(item.image)
            assert read_image_header(item.image).size == image.size
            self.seen.append((item.text, item.prompt, image.size, image.tobytes()))
        return super().embed(items)

    embed_roi = embed_bare = embed


def see_queries(folder: Path, strategy: str) -> list[tuple[object, ...]]:
    (files,) = find_scar_tasks(folder)
    model = Seen()
    as_prompt = strategy in IMAGE_STRATEGIES or strategy == "roi"
    cases = read_cases(files, LAYOUTS["plain"], box_as_prompt=as_prompt, box_in_text=strategy.startswith("text"))
    apply_strategy(model, strategy).embed([case.query for case in cases])
    return model.seen


def test_every_strategy_shows_the_same(twin: Path, tmp_path: Path) -> None:
    expected = {strategy: see_queries(twin, strategy) for strategy in STRATEGIES}
    for orientation in TURNED:
        published = publish_stored(twin, tmp_path / str(orientation), orientation)
        assert {strategy: see_queries(published, strategy) for strategy in STRATEGIES} == expected
        assert check_data(published).problems == ()


def test_every_probe_asks_the_same(twin: Path, tmp_path: Path) -> None:
    (other,) = find_scar_tasks(twin)
    expected = [list(iter_perturbed_prompts(read_targets(other), probe, 0)) for probe in PROBES.values()]
    for orientation in TURNED:
        (own,) = find_scar_tasks(publish_stored(twin, tmp_path / str(orientation), orientation))
        assert [list(iter_perturbed_prompts(read_targets(own), probe, 0)) for probe in PROBES.values()] == expected
