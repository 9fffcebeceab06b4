"""Train the segmenter's mask heads, which `VirtueEmbedder.segment` needs and vectors do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from virtue_ref.demo_model.steps import Progress, Schedule, train_steps
from virtue_ref.demo_model.views import View
from virtue_ref.model.segmenters.segmenter import Segmenter

HEADS = ("output_upscaling", "output_hypernetworks_mlps", "iou_prediction_head", "conv_s0", "conv_s1")
"""Parts of SAM 2's mask decoder that only its masks use: training them changes no vector."""

THINGS = 2
"""Most things of a picture that are segmented in a step."""


class MaskPretraining(nn.Module):
    """A segmenter whose mask heads are trained.

    Args:
        segmenter: SAM 2 of the `sam2` package.

    Attributes:
        heads: the parts of the segmenter that learn.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter
        decoder = cast(nn.Module, segmenter).get_submodule("sam.sam_mask_decoder")
        self.heads = nn.ModuleList(cast(nn.Module, getattr(decoder, name)) for name in HEADS)

    def forward(self, views: Sequence[View], rng: Random) -> tuple[Tensor, float]:
        """Return the loss, a scalar, and the mean intersection over union of the masks with the best scores.

        `rng` draws things of each picture, and their prompts.
        """
        states = self.segmenter.encode_for_masks(torch.stack([view.frame.float() for view in views]))
        losses, overlaps = [], []
        for view, state in zip(views, states, strict=True):
            for thing in rng.sample(range(len(view.colour)), min(THINGS, len(view.colour))):
                prompt = view.draw_prompt(thing, self.segmenter.size, rng)
                (predicted,) = self.segmenter.decode_masks([state], [prompt])
                target = view.frame_shares[thing].expand_as(predicted.logits)  # (M, side / 4, side / 4)
                overlap = _measure_overlap(predicted.logits > 0, target > 0.5)
                # Of the masks of a click, only the nearest learns, as SAM is trained.
                losses.append(_compare(predicted.logits, target).min())
                losses.append(functional.mse_loss(predicted.scores, overlap))
                overlaps.append(float(overlap[0]))
        return torch.stack(losses).sum() / len(overlaps), sum(overlaps) / len(overlaps)


def train_mask_heads(
    part: MaskPretraining, views: Sequence[View], schedule: Schedule, seed: int, report: Progress
) -> None:
    """Train the mask heads of a segmenter; all its other weights stay as they are.

    Args:
        part: the segmenter with its heads; it is changed in place.
        views: pictures to train on.
        schedule: steps, pictures in a step, and learning rate.
        seed: seed of the order of pictures, and of the things and prompts that are drawn.
        report: shows progress.
    """
    rng = Random(seed)  # noqa: S311 - a draw, not a secret

    def compute_loss(chosen: list[int]) -> tuple[Tensor, str]:
        loss, overlap = part([views[index] for index in chosen], rng)
        return loss, f"mask heads: loss {loss.item():.3f}, overlap {overlap:.3f}"

    with _freeze_all_but(part.heads, part):
        train_steps(list(part.heads.parameters()), compute_loss, len(views), schedule, rng, report)


@contextmanager
def _freeze_all_but(heads: nn.Module, whole: nn.Module) -> Iterator[None]:
    """Inside the ``with`` block, weights outside the heads need no gradients."""
    kept = {id(weight) for weight in heads.parameters()}
    frozen = [weight for weight in whole.parameters() if weight.requires_grad and id(weight) not in kept]
    for weight in frozen:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(True)


def _compare(logits: Tensor, target: Tensor) -> Tensor:
    """(M,) losses of M masks: cross entropy of pixels, and dice."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2))
    inside = logits.sigmoid()
    dice = 1 - (2 * (inside * target).sum((1, 2)) + 1) / (inside.sum((1, 2)) + target.sum((1, 2)) + 1)
    return 5 * entropy + dice


def _measure_overlap(one: Tensor, other: Tensor) -> Tensor:
    """(M,) intersections over union."""
    return (one & other).sum((1, 2)) / (one | other).sum((1, 2)).clamp(min=1)
