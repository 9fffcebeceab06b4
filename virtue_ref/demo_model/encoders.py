"""Pretrain the small vision encoder and segmenter, which are frozen afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from virtue_ref.demo_model.steps import Progress, Schedule, train_steps
from virtue_ref.demo_model.views import View, find_cell_centres
from virtue_ref.model.backbones.qwen_vl import QwenVl
from virtue_ref.model.virtue import Virtue

COLOUR_CLASSES, SHAPE_CLASSES = len(COLOURS) + 1, len(SHAPES) + 1
"""Number of classes of a cell: one for each colour or shape, and one for "no thing"."""


class VisionPretraining(nn.Module):
    """The vision encoder with a head for pretraining.

    For each image token, the head predicts the token's position, the colour and shape of the thing that it shows, and
    the scene of the picture.

    Args:
        model: the model whose vision encoder is trained, in place.
    """

    title = "vision encoder"

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.encoder = cast(QwenVl, model.backbone).visual
        self.head = nn.Linear(model.hidden, COLOUR_CLASSES + SHAPE_CLASSES + len(SCENES) + 2)

    def forward(self, views: Sequence[View], rng: Random) -> tuple[Tensor, float]:
        """Return the loss, a scalar, and the share of tokens on a thing whose shape is predicted correctly.

        `rng` is not used.
        """
        grids = torch.tensor([[1, 2 * view.grid[0], 2 * view.grid[1]] for view in views])
        tokens = self.encoder(torch.cat([view.patches.float() for view in views]), grid_thw=grids).pooler_output
        logits = self.head(functional.layer_norm(tokens, tokens.shape[-1:]))
        colour, shape, scene, position = logits.split([COLOUR_CLASSES, SHAPE_CLASSES, len(SCENES), 2], dim=1)
        labels = [view.label_cells(view.cell_shares) for view in views]
        colours, shapes = (torch.cat(kind) for kind in zip(*labels, strict=True))
        scenes = torch.cat([torch.full((view.grid[0] * view.grid[1],), view.scene) for view in views])
        positions = torch.cat([find_cell_centres(view.grid) for view in views])
        loss = (
            functional.cross_entropy(colour, colours, _weight_classes(COLOUR_CLASSES), ignore_index=-1)
            + functional.cross_entropy(shape, shapes, _weight_classes(SHAPE_CLASSES), ignore_index=-1)
            + 0.3 * functional.cross_entropy(scene, scenes)
            + functional.mse_loss(position, positions)
        )
        return loss, _compute_accuracy(shape, shapes)


class SegmenterPretraining(nn.Module):
    """The segmenter with heads for pretraining.

    The heads predict mask, colour and shape of a thing from a map with its prompt, and colour and shape at each cell
    from a map without a prompt.

    Args:
        model: the model whose segmenter is trained, in place.

    Raises:
        ValueError: the model has no segmenter.
    """

    title = "segmenter"

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        if model.segmenter is None:
            raise ValueError("this model has no segmenter.")
        self.segmenter = model.segmenter
        self.side = model.segmenter.size
        width = model.segmenter.channels
        self.mask_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 16))
        self.name_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(COLOURS) + len(SHAPES)))
        self.cell_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, COLOUR_CLASSES + SHAPE_CLASSES))

    def forward(self, views: Sequence[View], rng: Random) -> tuple[Tensor, float]:
        """Return the loss, a scalar, and the mean intersection over union of the predicted masks.

        `rng` draws up to five things of each picture, and their prompts.
        """
        maps = self.segmenter.encode(torch.stack([view.frame.float() for view in views]))
        prompted = [
            (index, thing)
            for index, view in enumerate(views)
            for thing in rng.sample(range(len(view.colour)), min(5, len(view.colour)))
        ]
        prompts = [views[index].draw_prompt(thing, self.side, rng) for index, thing in prompted]
        decoded = self.segmenter.decode([maps[index] for index, _ in prompted], prompts)  # (R, d, 16, 16)
        decoded = decoded.permute(0, 2, 3, 1)  # (R, 16, 16, d)
        count, rows, columns, _ = decoded.shape
        logits = (
            self.mask_head(decoded).reshape(count, rows, columns, 4, 4).permute(0, 1, 3, 2, 4).flatten(3).flatten(1, 2)
        )
        target = torch.stack([views[index].frame_shares[thing] for index, thing in prompted])  # (R, 64, 64)
        predicted = logits.sigmoid()
        dice = 1 - (2 * (predicted * target).sum((1, 2)) + 1) / (predicted.sum((1, 2)) + target.sum((1, 2)) + 1)
        share = functional.avg_pool2d(target[:, None], 4)[:, 0]
        share = share / share.sum((1, 2), keepdim=True).clamp(min=1e-6)
        name = self.name_head((decoded * share[..., None]).sum((1, 2)))
        colour = torch.stack([views[index].colour[thing] for index, thing in prompted])
        shape = torch.stack([views[index].shape[thing] for index, thing in prompted])
        cell = self.cell_head(maps.permute(0, 2, 3, 1)).flatten(0, 2)
        labels = [view.label_cells(functional.avg_pool2d(view.frame_shares[None], 4)[0]) for view in views]
        colours, shapes = (torch.cat(kind) for kind in zip(*labels, strict=True))
        loss = (
            5 * functional.binary_cross_entropy_with_logits(logits, target)
            + dice.mean()
            + 0.5 * functional.cross_entropy(name[:, : len(COLOURS)], colour)
            + 0.5 * functional.cross_entropy(name[:, len(COLOURS) :], shape)
            + 0.5 * functional.cross_entropy(cell[:, :COLOUR_CLASSES], colours, ignore_index=-1)
            + 0.5 * functional.cross_entropy(cell[:, COLOUR_CLASSES:], shapes, ignore_index=-1)
        )
        overlap = ((logits > 0) & (target > 0.5)).sum((1, 2)) / ((logits > 0) | (target > 0.5)).sum((1, 2)).clamp(min=1)
        return loss, float(overlap.mean())


def train_encoder(
    part: VisionPretraining | SegmenterPretraining,
    views: Sequence[View],
    schedule: Schedule,
    seed: int,
    report: Progress,
) -> None:
    """Train an encoder together with its heads; only the encoder is used afterwards.

    Args:
        part: the encoder with its heads; it is changed in place.
        views: pictures to train on.
        schedule: steps, pictures in a step, and learning rate.
        seed: seed of the order of pictures, and of the things and prompts that are drawn.
        report: shows progress.
    """
    rng = Random(seed)  # noqa: S311 - a draw, not a secret

    def compute_loss(chosen: list[int]) -> tuple[Tensor, str]:
        loss, right = part([views[index] for index in chosen], rng)
        return loss, f"{part.title}: loss {loss.item():.3f}, right {right:.3f}"

    part.train()
    train_steps(list(part.parameters()), compute_loss, len(views), schedule, rng, report)
    part.eval()


def _weight_classes(kinds: int) -> Tensor:
    """Class weights: the class "nothing", which most cells are, counts less."""
    return torch.tensor([0.2] + [1.0] * (kinds - 1))


def _compute_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of correct predictions among the cells that show a thing."""
    return float((logits.argmax(dim=1) == labels)[labels > 0].float().mean())
