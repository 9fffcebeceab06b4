"""The loop: cases -> distinct items, each embedded once -> scores -> `Result`."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
import platform

from mmeb_eval.cases import read
from mmeb_eval.data import TaskFiles, sha256
from mmeb_eval.embedder import Embedder, Item, layout_of, prompts_of, settings_of
from mmeb_eval.layouts import Layout, get_layout
from mmeb_eval.results import Result
from mmeb_eval.tasks import Task

LIBRARIES = ("scar-virtue", "numpy", "pillow", "torch", "torchvision", "transformers", "sam2")
"""Distributions whose versions can move a score."""


def evaluate(embedder: Embedder, files: TaskFiles, *, batch_size: int = 32, progress: bool = False) -> Result:
    """Score an embedder on a task.

    Args:
        embedder: what is scored.
        files: the task and where its data lie.
        batch_size: most items given to `Embedder.embed` at once.
        progress: whether to draw a bar on stderr.

    Raises:
        DataError: rows or images that cannot be used; nothing is embedded before all rows are read.
        ContractError: vectors that break the contract.
    """
    from mmeb_eval import rank
    from mmeb_eval.embed import embed_items

    layout = get_layout(layout_of(embedder))
    shows_box = "box" in prompts_of(embedder)
    cases = list(read(files, layout, shows_box=shows_box))
    items = sorted({item for case in cases for item in (case.query, *case.candidates)}, key=_order)
    vectors = embed_items(embedder, items, batch_size, files.task.name if progress else None)
    row = {item: index for index, item in enumerate(items)}
    candidates = [[row[item] for item in case.candidates] for case in cases]
    scores = rank.case_scores(vectors, [row[case.query] for case in cases], candidates)
    gold = [case.gold for case in cases]
    ranks = rank.gold_ranks(scores, gold)
    return Result(
        model=embedder.name,
        task=files.task.name,
        metrics={**{f"hit@{k}": rank.hit_at(ranks, k) for k in (1, 5, 10)}, "mrr": rank.mrr(ranks)},
        counts={
            "queries": len(cases),
            "candidates": sum(map(len, candidates)),
            "items": len(items),
            "ties": rank.ties(scores, gold),
        },
        chance=math.fsum(1 / len(own) for own in candidates) / len(cases),
        settings={
            "layout": layout_of(embedder),
            "region": region_told(files.task, layout, shows_box=shows_box),
            "batch_size": batch_size,
            "dataset": files.task.dataset,
            "files": {path.name: sha256(path) for path in files.files},
            "versions": versions(),
            "embedder": settings_of(embedder),
        },
        ranks=tuple(ranks.tolist()),
        top=tuple(rank.top_candidates(scores, gold, ranks).tolist()),
    )


def region_told(task: Task, layout: Layout, *, shows_box: bool) -> str:
    """How the model learns which region is meant: by ``prompt``, ``text`` or both; ``none`` where the task has none."""
    if task.query != "image+text+box":
        return "none"
    if shows_box:
        return "prompt and text" if layout.exact else "prompt"
    return "text"


def versions() -> dict[str, str]:
    """Versions of Python and of those `LIBRARIES` that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _order(item: Item) -> tuple[str, str, int, str]:
    """Puts texts before images, one image's items together and texts of like length together."""
    return str(item.image or ""), repr(item.prompt or ""), len(item.text), item.text
