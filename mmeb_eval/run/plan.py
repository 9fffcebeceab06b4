"""Says before a run how much it will embed, and in how many requests to a server."""

from __future__ import annotations

from collections.abc import Iterable

from mmeb_eval.embedder import Embedder
from mmeb_eval.run.progress import Workload
from mmeb_eval.wrapped_embedder import unwrap_embedder


def describe_plan(embedder: Embedder, workloads: Iterable[Workload], batch_size: int) -> str:
    """One line: the most items that an embedder will get, and the most requests that this takes.

    Args:
        embedder: the embedder.
        workloads: the work of each task.
        batch_size: largest number of items in one call of `Embedder.embed`.
    """
    tasks = list(workloads)
    texts, images = sum(task.texts for task in tasks), sum(task.images for task in tasks)
    line = f"{embedder.name}: at most {texts + images:,} items, {images:,} of them with an image"
    if (requests := count_requests(embedder, tasks, batch_size)) is not None:
        line += f", in at most {requests:,} requests"
    return f"{line}; stored vectors are not made again."


def count_requests(embedder: Embedder, workloads: Iterable[Workload], batch_size: int) -> int | None:
    """The most requests that an embedder sends for tasks; None if it sends none.

    An embedder behind a server has a method ``count_requests(texts, images, batch_size)``.
    """
    count = getattr(unwrap_embedder(embedder), "count_requests", None)
    return None if count is None else sum(count(task.texts, task.images, batch_size) for task in workloads)
