"""Ways to tell a region: what each does to the pixels, and that none is forgotten on the way to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item, Points, Prompt
from mmeb_eval.regions.strategies import (
    IMAGE_STRATEGIES,
    METHOD_STRATEGIES,
    STRATEGIES,
    TEXT_STRATEGIES,
    WHOLE_IMAGE,
    apply_strategy,
    blur_outside,
    crop_to_box,
    draw_red_circle,
    pool_box,
)
from mmeb_eval.run.evaluate import evaluate
from scar.common.image_bytes import ImageBytes
from scar.errors import DataError, EvalError, UnknownName
from scar.sample import Box

BOX = Box(10.4, 5.0, 30.0, 20.6)


@pytest.fixture
def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))


class Seen(Constant):
    """Remembers what it was given, with the pixels."""

    name = "seen@1"
    layout = "plain"
    prompts: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.pixels: list[NDArray[np.uint8]] = []
        self.boxes: list[Prompt | None] = []
        self.bare = False

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.items += items
        self.pixels += [np.asarray(Image.open(item.image)) for item in items if item.image is not None]
        return super().embed(items)

    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.boxes += [item.prompt for item in items]
        return self.embed([replace(item, prompt=None) for item in items])

    def embed_bare(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.bare = True
        return self.embed(items)


class Exact(Seen):
    """Takes boxes and wants the official texts."""

    layout = "qwen2_vl"
    prompts = ("box",)


def test_a_crop_is_the_pixels_that_the_box_touches(noise: Image.Image) -> None:
    assert np.array_equal(np.asarray(crop_to_box(noise, BOX)), np.asarray(noise)[5:21, 10:30])


def test_blur_keeps_the_box_and_changes_the_rest(noise: Image.Image) -> None:
    before, after = np.asarray(noise), np.asarray(blur_outside(noise, BOX))
    assert np.array_equal(after[5:21, 10:30], before[5:21, 10:30])
    outside = np.ones((40, 60), dtype=np.bool_)
    outside[5:21, 10:30] = False
    assert np.abs(np.diff(after.astype(int), axis=1))[:, 31:].mean() < 10
    assert (after != before).any(axis=2)[outside].mean() > 0.95


def test_a_red_circle_goes_around_the_box_and_hides_nothing_else(noise: Image.Image) -> None:
    before, after = np.asarray(noise), np.asarray(draw_red_circle(noise, BOX))
    changed = (before != after).any(axis=2)
    assert (after[changed] == (255, 0, 0)).all()
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 22, 8, 31)
    assert not changed[10:16, 16:24].any()


@pytest.mark.parametrize("box", [Box(-9, -9, 5, 5), Box(50, 30, 99, 99), Box(7, 7, 7, 7), Box(90, 90, 95, 95)])
@pytest.mark.parametrize("strategy", IMAGE_STRATEGIES)
def test_a_box_over_the_edge_or_without_area_still_gives_a_picture(noise: Image.Image, strategy: str, box: Box) -> None:
    assert min(IMAGE_STRATEGIES[strategy](noise, box).size) >= 1


@pytest.mark.parametrize("kind", [Seen, Exact])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_query_tells_its_region_once_and_the_result_says_how(
    corpus: Path, strategy: str, kind: type[Seen]
) -> None:
    inner = kind()
    result = evaluate(apply_strategy(inner, strategy), find_scar_tasks(corpus)[0])
    assert result.settings["region"] == strategy
    assert result.model == f"seen@1+{strategy}"
    queries = [item for item in inner.items if item.image is not None]
    assert len(queries) == (20 if strategy == WHOLE_IMAGE else 40)  # two things of one picture are then one question
    assert all(item.prompt is None for item in inner.items)
    assert all(("object bbox" in item.text) == (strategy in TEXT_STRATEGIES) for item in queries)
    if strategy == "crop":
        assert {pixels.shape for pixels in inner.pixels} <= {(4, 4, 3), (4, 3, 3), (4, 5, 3)}
    assert all(isinstance(item.image, ImageBytes) == (strategy in IMAGE_STRATEGIES) for item in queries)
    assert sum(isinstance(box, Box) for box in inner.boxes) == (40 if strategy == "roi" else 0)
    assert inner.bare == (strategy == "text-bare")


def test_a_task_without_regions_is_asked_as_it_is(tmp_path: Path, noise: Image.Image) -> None:
    noise.save(tmp_path / "whole.png")
    inner = Seen()
    items = [Item("words"), Item(image=tmp_path / "whole.png")]
    assert apply_strategy(inner, "crop").embed(items).shape == (2, 256)
    assert inner.items == items


def test_the_same_picture_with_two_boxes_is_two_pictures(tmp_path: Path, noise: Image.Image) -> None:
    noise.save(tmp_path / "whole.png")
    inner = Seen()
    boxes = [Box(0, 0, 5, 5), Box(9, 9, 20, 20), Box(0, 0, 5, 5)]
    apply_strategy(inner, "crop").embed([Item(image=tmp_path / "whole.png", prompt=box) for box in boxes])
    assert [pixels.shape for pixels in inner.pixels] == [(5, 5, 3), (11, 11, 3), (5, 5, 3)]


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown region strategy 'crob': did you mean crop\?"):
        apply_strategy(Seen(), "crob")
    told: Embedder = apply_strategy(Seen(), "blur")
    with pytest.raises(DataError, match=r"seen@1\+blur takes boxes only"):
        told.embed([Item(image=tmp_path / "a.png", prompt=Points(((1, 2),), (1,)))])
    with pytest.raises(DataError, match=r"a box without an image"):
        told.embed([Item("x", prompt=BOX)])
    with pytest.raises(DataError, match=r"seen@1\+text takes no prompt"):
        apply_strategy(Seen(), "text").embed([Item(image=tmp_path / "a.png", prompt=BOX)])
    for strategy, method in METHOD_STRATEGIES.items():
        with pytest.raises(EvalError, match=rf"constant has no {method}, which {strategy} needs; any .* takes text,"):
            apply_strategy(Constant(), strategy)


@pytest.mark.parametrize("box", [BOX, Box(0, 0, 60, 40), Box(59.5, 0, 70, 0), Box(-5, 38, 2, 50), Box(7, 7, 7, 7)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (5, 4), (7, 9)])
@pytest.mark.parametrize("side", [1, 2, 4])
def test_pooling_is_the_mean_over_many_points_of_each_part(box: Box, rows: int, columns: int, side: int) -> None:
    """By brute force: points spread evenly over the touched pixels ask which cell they lie in."""
    grid = np.random.default_rng(1).standard_normal((rows, columns, 3)).astype(np.float32)
    x0, y0 = max(0, int(np.floor(box.x0))), max(0, int(np.floor(box.y0)))
    x1, y1 = max(x0 + 1, min(60, int(np.ceil(box.x1)))), max(y0 + 1, min(40, int(np.ceil(box.y1))))
    dots = (np.arange(120 * side) + 0.5) / (120 * side)
    across = ((x0 + dots * (x1 - x0)) / 60 * columns).astype(int)
    down = ((y0 + dots * (y1 - y0)) / 40 * rows).astype(int)
    values = grid[down][:, across].astype(np.float64)  # (120 side, 120 side, 3)
    means = values.reshape(side, 120, side, 120, 3).mean(axis=(1, 3)).reshape(side * side, 3)
    made = pool_box(grid, box, (60, 40), side)
    assert made.reshape(side * side, 3) == pytest.approx(means, abs=0.02)
    assert made.dtype == np.float32


@pytest.mark.parametrize("strategy", [*IMAGE_STRATEGIES, "roi"])
def test_a_box_that_cannot_be_meant_is_refused(strategy: str, noise: Image.Image, tmp_path: Path) -> None:
    noise.save(tmp_path / "noise.png")
    for box, problem in (
        (Box(60, 0, 70, 10), "outside the image"),
        (Box(0.1, 0.1, 0.5, 0.5), "fractions"),
        (Box(30, 20, 10, 5), "is it x, y, width, height"),
    ):
        with pytest.raises(DataError, match=problem):
            apply_strategy(Seen(), strategy).embed([Item("what?", tmp_path / "noise.png", box)])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_items_may_come_from_a_generator(strategy: str) -> None:
    seen = Seen()
    assert len(apply_strategy(seen, strategy).embed(Item(text) for text in "abc")) == 3  # type: ignore[arg-type]
