"""A plan tells the items, and the requests of a model behind a server."""

from __future__ import annotations

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.run.plan import describe_plan
from mmeb_eval.run.progress import Workload


class Served(Constant):
    """Sends a request for each item with an image and one for 10 texts."""

    name = "served"

    def count_requests(self, texts: int, images: int, batch_size: int) -> int:
        return images + -(-texts // batch_size)


def test_a_plan_counts_items_and_requests() -> None:
    work = [Workload(15, 3), Workload(5, 0)]
    assert describe_plan(Constant(), work, 10) == (
        "constant: at most 23 items, 3 of them with an image; stored vectors are not made again."
    )
    assert "23 items, 3 of them with an image, in at most 6 requests;" in describe_plan(Served(), work, 10)
