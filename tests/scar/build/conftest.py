"""Two drawn sources, and their build in one process and one shard a source."""

from __future__ import annotations

import pytest

from scar import Recipe, Source, build
from scar.build import plan
from scar.demo.world import draw_world
from tests.scar.build.small_build import IMAGES
from tests.shared import read_files


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A drawn world as a source of each split."""
    sources = []
    for split in ("eval", "train"):
        folder = tmp_path_factory.mktemp("world") / split
        draw_world(folder, IMAGES, 0, split)
        sources.append(
            Source(
                name="Drawn",
                split=split,
                instances=folder / "instances.json",
                captions=folder / "captions.json",
                images=folder / "images",
            )
        )
    return Recipe(sources=tuple(sources), seed=2)


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of it in one shard a source."""
    out = tmp_path_factory.mktemp("whole")
    build(recipe, out)
    return read_files(out)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SHARD_IMAGES", 3)
