"""The cached gradient is the gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from virtue_ref.training import grad_cache
from virtue_ref.training.loss import info_nce


class Net(nn.Module):
    """Small, with dropout, so that the second pass must draw what the first drew."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Dropout(0.3), nn.Linear(32, 8))

    def forward(self, rows: Tensor) -> Tensor:
        return nn.functional.normalize(self.layers(rows), dim=-1)


def contrast(vectors: Tensor) -> Tensor:
    queries, targets = vectors[:10], vectors[10:]
    return info_nce(queries, targets, torch.arange(10), 0.05)


@pytest.mark.parametrize("sizes", [[30], [10, 10, 10], [7, 7, 7, 7, 2], [1] * 30], ids=str)
def test_the_cached_gradient_is_that_of_the_whole_batch(sizes: list[int]) -> None:
    torch.manual_seed(0)
    net, rows = Net(), torch.randn(30, 12)
    parts = list(torch.split(rows, sizes))

    torch.manual_seed(1)
    whole = contrast(torch.cat([net(part) for part in parts]))
    whole.backward()  # type: ignore[no-untyped-call]
    wanted = {name: weight.grad for name, weight in net.named_parameters()}
    net.zero_grad(set_to_none=True)

    torch.manual_seed(1)
    value = grad_cache.backward_cached(net, parts, contrast)
    torch.testing.assert_close(value, whole.detach(), atol=1e-6, rtol=0)
    for name, weight in net.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, wanted[name], atol=1e-5, rtol=0)


def test_processes_exchange_gradients_once() -> None:
    """All parts but the last run inside of no_sync."""
    entered = []

    class Silent:
        def __enter__(self) -> None:
            entered.append(True)

        def __exit__(self, *_: object) -> None:
            pass

    grad_cache.backward_cached(Net(), list(torch.split(torch.randn(30, 12), 10)), contrast, Silent)
    assert len(entered) == 2


def test_random_numbers_go_on_as_after_one_pass() -> None:
    net, rows = Net(), torch.randn(30, 12)
    torch.manual_seed(3)
    net(rows)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    grad_cache.backward_cached(net, [rows], contrast)
    assert torch.equal(torch.rand(4), wanted)


def test_a_loss_that_is_no_number_changes_nothing() -> None:
    net = Net()
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        grad_cache.backward_cached(net, [torch.randn(30, 12)], lambda vectors: contrast(vectors) * float("nan"))
    assert all(weight.grad is None for weight in net.parameters())
