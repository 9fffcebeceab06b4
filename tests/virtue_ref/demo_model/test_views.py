"""What a view says of its picture is true."""

from __future__ import annotations

import numpy as np
import pytest

from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.world import draw_picture
from virtue_ref.config import Config
from virtue_ref.demo_model.make import CONFIG_PATH
from virtue_ref.demo_model.views import DIRECTIONS, draw_view


@pytest.fixture(scope="module")
def config() -> Config:
    return Config.read(CONFIG_PATH)


def test_a_view_tells_what_was_drawn(config: Config) -> None:
    for index in range(4):
        drawing, seen = draw_picture(index, 5, "train"), draw_view(index, 5, config, 64)
        names = [f"{list(COLOURS)[c]} {list(SHAPES)[s]}" for c, s in zip(seen.colour, seen.shape, strict=True)]
        assert names == [thing.name for thing in drawing.things]
        assert seen.patches.shape[0] == 4 * seen.grid[0] * seen.grid[1]
        area = seen.cell_shares.mean(dim=(1, 2)) * drawing.image.width * drawing.image.height
        assert area.tolist() == pytest.approx(
            [float(mask.sum()) for mask in drawing.masks], rel=0.05
        )  # windows of cells overlap by a pixel
        for box, mask in zip(seen.boxes, drawing.masks, strict=True):
            inside = np.zeros_like(mask)
            inside[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
            assert (mask & ~inside).sum() == 0


def test_related_things_are_the_facts(config: Config) -> None:
    seen = draw_view(3, 5, config, 64)
    for thing in range(len(seen.colour)):
        told = seen.label_relations(thing).reshape(len(DIRECTIONS), len(COLOURS), len(SHAPES))
        wanted = {
            (direction, int(seen.colour[other]), int(seen.shape[other]))
            for subject, direction, other in seen.relations
            if subject == thing
        }
        assert {tuple(place) for place in told.nonzero().tolist()} == wanted
        labels, asked = seen.label_neighbours(thing)
        assert labels.shape == (seen.grid[0] * seen.grid[1], 5)
        assert labels[asked, 0].sum() > 0
