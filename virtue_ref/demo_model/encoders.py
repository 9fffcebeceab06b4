"""Pretraining of the small vision encoder and segmenter, which are frozen afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional

from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from virtue_ref.demo_model.views import View, find_cell_centres, find_learning_rate
from virtue_ref.model.virtue import Virtue

COLOUR_CLASSES, SHAPE_CLASSES = len(COLOURS) + 1, len(SHAPES) + 1
Progress = Callable[[int, int, str], None]


class VisionPretraining(nn.Module):
    """Vision encoder with a head for each token: colour, shape and scene that it shows, and its position."""

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.encoder = model.backbone.visual
        self.head = nn.Linear(model.hidden, COLOUR_CLASSES + SHAPE_CLASSES + len(SCENES) + 2)

    def forward(self, views: Sequence[View], rng: Random) -> tuple[Tensor, float]:
        """The loss, and the share of tokens that show a thing whose shape is predicted correctly."""
        grids = torch.tensor([[1, 2 * view.grid[0], 2 * view.grid[1]] for view in views])
        tokens = self.encoder(torch.cat([view.patches.float() for view in views]), grid_thw=grids).pooler_output
        said = self.head(functional.layer_norm(tokens, tokens.shape[-1:]))
        colour, shape, scene, place = said.split([COLOUR_CLASSES, SHAPE_CLASSES, len(SCENES), 2], dim=1)
        named = [view.label_cells(view.cell_shares) for view in views]
        colours, shapes = (torch.cat(kind) for kind in zip(*named, strict=True))
        scenes = torch.cat([torch.full((view.grid[0] * view.grid[1],), view.scene) for view in views])
        places = torch.cat([find_cell_centres(view.grid) for view in views])
        loss = (
            functional.cross_entropy(colour, colours, _weight_classes(COLOUR_CLASSES), ignore_index=-1)
            + functional.cross_entropy(shape, shapes, _weight_classes(SHAPE_CLASSES), ignore_index=-1)
            + 0.3 * functional.cross_entropy(scene, scenes)
            + functional.mse_loss(place, places)
        )
        return loss, _compute_accuracy(shape, shapes)


class SegmenterPretraining(nn.Module):
    """Segmenter with heads: mask, colour and shape of the prompted thing, and colour and shape of each cell."""

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        if model.segmenter is None or model.config.segmenter is None:
            raise ValueError("this model has no segmenter.")
        self.segmenter = model.segmenter
        self.side = model.config.segmenter.size
        width = model.segmenter.channels
        self.mask_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 16))
        self.name_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(COLOURS) + len(SHAPES)))
        self.cell_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, COLOUR_CLASSES + SHAPE_CLASSES))

    def forward(self, views: Sequence[View], rng: Random) -> tuple[Tensor, float]:
        """The loss, and the mean intersection over union of the masks."""
        maps = self.segmenter.encode(torch.stack([view.frame.float() for view in views]))
        asked = [
            (number, thing)
            for number, view in enumerate(views)
            for thing in rng.sample(range(len(view.colour)), min(5, len(view.colour)))
        ]
        clicks = [views[number].draw_prompt(thing, self.side, rng) for number, thing in asked]
        mixed = self.segmenter([maps[number] for number, _ in asked], clicks).permute(0, 2, 3, 1)  # (R, 16, 16, d)
        count, rows, columns, _ = mixed.shape
        logits = (
            self.mask_head(mixed).reshape(count, rows, columns, 4, 4).permute(0, 1, 3, 2, 4).flatten(3).flatten(1, 2)
        )
        true = torch.stack([views[number].frame_shares[thing] for number, thing in asked])  # (R, 64, 64)
        drawn = logits.sigmoid()
        dice = 1 - (2 * (drawn * true).sum((1, 2)) + 1) / (drawn.sum((1, 2)) + true.sum((1, 2)) + 1)
        share = functional.avg_pool2d(true[:, None], 4)[:, 0]
        share = share / share.sum((1, 2), keepdim=True).clamp(min=1e-6)
        name = self.name_head((mixed * share[..., None]).sum((1, 2)))
        colour = torch.stack([views[number].colour[thing] for number, thing in asked])
        shape = torch.stack([views[number].shape[thing] for number, thing in asked])
        cell = self.cell_head(maps.permute(0, 2, 3, 1)).flatten(0, 2)
        named = [view.label_cells(functional.avg_pool2d(view.frame_shares[None], 4)[0]) for view in views]
        colours, shapes = (torch.cat(kind) for kind in zip(*named, strict=True))
        loss = (
            5 * functional.binary_cross_entropy_with_logits(logits, true)
            + dice.mean()
            + 0.5 * functional.cross_entropy(name[:, : len(COLOURS)], colour)
            + 0.5 * functional.cross_entropy(name[:, len(COLOURS) :], shape)
            + 0.5 * functional.cross_entropy(cell[:, :COLOUR_CLASSES], colours, ignore_index=-1)
            + 0.5 * functional.cross_entropy(cell[:, COLOUR_CLASSES:], shapes, ignore_index=-1)
        )
        both = ((logits > 0) & (true > 0.5)).sum((1, 2)) / ((logits > 0) | (true > 0.5)).sum((1, 2)).clamp(min=1)
        return loss, float(both.mean())


def train_encoder(
    part: VisionPretraining | SegmenterPretraining,
    views: Sequence[View],
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    say: Progress,
) -> None:
    """Train an encoder with its heads; only the encoder is used afterwards."""
    rng = Random(seed)  # noqa: S311 - a draw, not a secret
    optimiser = torch.optim.AdamW(part.parameters(), lr=rate, weight_decay=0.02, betas=(0.9, 0.98))
    part.train()
    order: list[int] = []
    for step in range(steps):
        if len(order) < batch:
            order = rng.sample(range(len(views)), len(views))
        chosen, order = order[:batch], order[batch:]
        for group in optimiser.param_groups:
            group["lr"] = find_learning_rate(step, steps, rate)
        loss, right = part([views[index] for index in chosen], rng)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(part.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            say(step + 1, steps, f"{type(part).__name__.lower()}: loss {loss.item():.3f}, right {right:.3f}")
    part.eval()


def _weight_classes(kinds: int) -> Tensor:
    """Class weights: the class "nothing", which most cells are, counts less."""
    return torch.tensor([0.2] + [1.0] * (kinds - 1))


def _compute_accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels)[labels > 0].float().mean())
