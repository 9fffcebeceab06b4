"""The loss picks what it should."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from virtue_ref.training.loss import compute_accuracy, info_nce


def test_the_loss_is_the_cross_entropy_of_a_loop() -> None:
    torch.manual_seed(0)
    queries, targets = (nn.functional.normalize(torch.randn(n, 6), dim=-1) for n in (5, 9))
    gold = torch.tensor([3, 0, 8, 3, 1])
    wanted = 0.0
    for query, place in zip(queries, gold, strict=True):
        exponents = [torch.exp(query @ target / 0.02) for target in targets]
        wanted -= float(torch.log(exponents[int(place)] / sum(exponents))) / len(queries)
    assert float(info_nce(queries, targets, gold)) == pytest.approx(wanted, abs=1e-4)


def test_equal_scores_count_against_the_model() -> None:
    same = nn.functional.normalize(torch.ones(4, 3), dim=-1)
    assert compute_accuracy(same, same, torch.arange(4)) == 0.0
    assert compute_accuracy(torch.eye(3), torch.eye(3), torch.arange(3)) == 1.0
