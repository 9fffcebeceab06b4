"""Drawn pictures as tensors, with labels for each cell."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.world import draw_picture
from scar.sample import Box
from virtue_ref.config import Config
from virtue_ref.model.backbones.qwen_images import make_patches, make_pixels
from virtue_ref.model.images import make_segmenter_input
from virtue_ref.model.prompts import FIRST_CORNER, POSITIVE, SECOND_CORNER, PointPrompt

DIRECTIONS = ("to the left of", "to the right of", "above", "below", "in front of", "behind")
SHOWN_SHARE, HIDDEN_SHARE = 0.25, 0.08
"""A cell shows a thing if the thing covers more than `SHOWN_SHARE` of it.

It shows none if no thing covers more than `HIDDEN_SHARE`. Cells in between are ignored.
"""


@dataclass(frozen=True, slots=True)
class View:
    """A drawn picture with N things, back to front. Its rows x columns cells are the vision encoder's tokens.

    Attributes:
        patches: (4 * rows * columns, width) float16, input of the vision encoder; four patches are a cell.
        grid: (rows, columns), the numbers of cells.
        frame: (3, side, side) float16, input of the segmenter.
        size: (width, height) of the picture in pixels.
        scene: index of the scene in `SCENES`.
        colour: (N,) index of each thing's colour in `COLOURS`.
        shape: (N,) index of each thing's shape in `SHAPES`.
        boxes: box around the visible part of each thing, in pixels of the picture.
        cell_shares: (N, rows, columns) share of each cell that a thing covers.
        frame_shares: (N, side / 4, side / 4) share of each 4 x 4 square of the frame that a thing covers.
        relations: (subject, direction, object) of each relation: index of a thing, index in `DIRECTIONS`, index of
            another thing.
    """

    patches: Tensor
    grid: tuple[int, int]
    frame: Tensor
    size: tuple[int, int]
    scene: int
    colour: Tensor
    shape: Tensor
    boxes: tuple[Box, ...]
    cell_shares: Tensor
    frame_shares: Tensor
    relations: tuple[tuple[int, int, int], ...]

    def label_cells(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Label cells with the colour and the shape that they show.

        Args:
            shares: (N, rows, columns) share of each cell that a thing covers, for any size of cells.

        Returns:
            Two (rows * columns,) int64 tensors, colour and shape: the index + 1; 0 for no thing; -1 for a cell that no
            thing fills enough, which a loss ignores.
        """
        best, which = shares.max(dim=0)
        return tuple(  # type: ignore[return-value]
            torch.where(best > SHOWN_SHARE, kind[which] + 1, torch.where(best > HIDDEN_SHARE, -1, 0)).flatten()
            for kind in (self.colour, self.shape)
        )

    def label_neighbours(self, thing: int) -> tuple[Tensor, Tensor]:
        """Label the vision encoder's cells that show a thing or a neighbour of it.

        Args:
            thing: index of the thing.

        Returns:
            (cells, 5) labels, 1 or 0: whether the cell shows the thing itself, or something that the thing is to the
            left of, to the right of, above or below. And (cells,) booleans: whether the cell shows any thing.
        """
        best, which = self.cell_shares.max(dim=0)
        labels = torch.zeros(len(self.colour), 5)
        labels[thing, 0] = 1
        for subject, direction, other in self.relations:
            if subject == thing and direction < 4:
                labels[other, 1 + direction] = 1
        return labels[which.flatten()], (best > SHOWN_SHARE).flatten()

    def label_relations(self, thing: int) -> Tensor:
        """Return (directions * colours * shapes,) labels: 1 if the thing has this relation to such a thing, else 0."""
        table = torch.zeros(len(DIRECTIONS), len(COLOURS), len(SHAPES))
        for subject, direction, other in self.relations:
            if subject == thing:
                table[direction, self.colour[other], self.shape[other]] = 1
        return table.flatten()

    def draw_prompt(self, thing: int, side: int, rng: Random) -> PointPrompt:
        """Draw a random prompt for a thing: a click (40 %), its box (30 %), or its box moved by up to 5 % (30 %).

        Args:
            thing: index of the thing.
            side: side of the segmenter's square in pixels, in which the prompt's points are.
            rng: draws.
        """
        box, chance = self.boxes[thing], rng.random()
        if chance < 0.4:
            inside = (self.frame_shares[thing] > 0.8).nonzero().tolist() or [
                divmod(int(self.frame_shares[thing].argmax()), side // 4)
            ]
            row, column = rng.choice(inside)
            return PointPrompt(((4 * column + 2, 4 * row + 2),), (POSITIVE,))
        corners = [box.x0, box.y0, box.x1, box.y1]
        if chance < 0.7:
            corners = [corner + rng.uniform(-0.05, 0.05) * box.width for corner in corners]
        x0, x1 = (min(max(corners[i] / self.size[0], 0), 1) * side for i in (0, 2))
        y0, y1 = (min(max(corners[i] / self.size[1], 0), 1) * side for i in (1, 3))
        return PointPrompt(((x0, y0), (x1, y1)), (FIRST_CORNER, SECOND_CORNER))


def draw_view(index: int, seed: int, config: Config, side: int) -> View:
    """Draw one picture of a training world.

    Args:
        index: number of the picture in the world, from 0.
        seed: seed of the world.
        config: the model's config, for the vision encoder's input.
        side: side of the segmenter's square in pixels.
    """
    drawing = draw_picture(index, seed, "train")
    vision = make_pixels(drawing.image, config.image)
    rows, columns = vision.shape[1] // config.image.factor, vision.shape[2] // config.image.factor
    masks = torch.from_numpy(np.stack(drawing.masks)).float()[None]
    boxes = []
    for mask in drawing.masks:
        y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append(Box(float(x[0]), float(y[0]), float(x[-1] + 1), float(y[-1] + 1)))
    colours, shapes = list(COLOURS), list(SHAPES)
    return View(
        patches=make_patches(vision, config.image).half(),
        grid=(rows, columns),
        frame=make_segmenter_input(drawing.image, vision, side, config.profile).half(),
        size=drawing.image.size,
        scene=SCENES.index(drawing.scene),
        colour=torch.tensor([colours.index(thing.colour) for thing in drawing.things]),
        shape=torch.tensor([shapes.index(thing.shape) for thing in drawing.things]),
        boxes=tuple(boxes),
        cell_shares=functional.interpolate(masks, size=(rows, columns), mode="area")[0],
        frame_shares=functional.interpolate(masks, size=(side // 4, side // 4), mode="area")[0],
        relations=tuple(
            (subject, DIRECTIONS.index(direction), other)
            for subject, direction, other in drawing.relations
            if direction in DIRECTIONS
        ),
    )


def find_cell_centres(grid: tuple[int, int]) -> Tensor:
    """Return (cells, 2): y and x of each cell's centre, row by row, from -1 (top or left edge) to 1."""
    rows, columns = grid
    y = (torch.arange(rows) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns) + 0.5) / columns * 2 - 1
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).reshape(-1, 2)
