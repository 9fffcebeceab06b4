"""InfoNCE: each query has to pick its own target among all targets of the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.02
"""Temperature of the loss in the paper."""


def info_nce(queries: Tensor, targets: Tensor, gold: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Compute the mean cross-entropy, a scalar, of picking the gold target of each query by cosine similarity.

    Positives of other queries and all hard negatives count as negatives.

    Args:
        queries: (Q, D) vectors of norm 1.
        targets: (T, D) vectors of norm 1, positives and hard negatives in any order. Equal items are there once: if two
            images have the caption "a dog", it is the positive of both and a negative of neither.
        gold: (Q,) int64 index into `targets` of each query's positive.
        temperature: number that similarities are divided by.

    Source: InfoNCE, arXiv 1807.03748; temperature and hard negatives as in VIRTUE, arXiv 2510.00523.

    >>> round(info_nce(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), 1.0).item(), 4)
    0.3133
    """
    return functional.cross_entropy(queries @ targets.T / temperature, gold)


@torch.no_grad()
def compute_accuracy(queries: Tensor, targets: Tensor, gold: Tensor) -> float:
    """Compute the share of queries whose gold target is more similar than every other target; a tie counts as wrong.

    The arguments are those of `info_nce`.
    """
    scores = queries @ targets.T  # (Q, T)
    own = scores.gather(1, gold[:, None])  # (Q, 1)
    rivals = scores.scatter(1, gold[:, None], -torch.inf)
    return float((own > rivals.max(dim=1, keepdim=True).values).float().mean())
