"""The loop: cases -> distinct items, each embedded once -> scores -> `Result`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmeb_eval.data.cases import Case, read
from mmeb_eval.data.files import JOINED_DATASET, TaskFiles, row_format
from mmeb_eval.data.tasks import Task
from mmeb_eval.embedder import SETTINGS, Embedder, Item, counts_of, layout_of, prompts_of, settings_of
from mmeb_eval.run.results import Result
from mmeb_eval.run.versions import versions
from mmeb_eval.run.workers import Worker
from mmeb_eval.templates.fused import Layout, get_layout
from scar.common.files import hash_file
from scar.errors import ContractError

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import Disturbed
    from mmeb_eval.run.embed import Store
    from mmeb_eval.run.rank import TieRule


def evaluate(
    embedder: Embedder,
    files: TaskFiles,
    *,
    batch_size: int = 32,
    progress: bool = False,
    ties: TieRule = "against",
    store: Store | None = None,
    worker: Worker = Worker(),  # noqa: B008 - it is frozen
    disturbed: Disturbed | None = None,
) -> Result:
    """Score an embedder on a task.

    Args:
        embedder: what is scored.
        files: the task and where its data lie.
        batch_size: most items given to `Embedder.embed` at once.
        progress: whether to draw a bar on stderr.
        ties: the rule for equal scores, see `mmeb_eval.run.rank.label_ranks`; ``official`` also ranks twice a candidate
            that is listed twice, so that ``map`` and ``ndcg`` can exceed 1.
        store: where vectors are kept, such as a `VectorCache`; None keeps them for this call.
        worker: which of several processes this one is; they need one `VectorCache` to meet in.
        disturbed: prompts in the place of the boxes, of a kind that the embedder takes; the text tells boxes alone.

    Raises:
        DataError: rows or images that cannot be used; nothing is embedded before all rows are read.
        ContractError: vectors that break the contract.
    """
    from mmeb_eval.run import rank
    from mmeb_eval.run.embed import Memory, embed_items

    form = row_format(files)
    layout = get_layout(layout_of(embedder))
    kind, prompts = ("box", None) if disturbed is None else (disturbed.probe.kind, disturbed.prompts)
    shown = kind in prompts_of(embedder)
    region = region_told(files.task, layout, shows_box=shown, strategy=getattr(embedder, "region", None))
    if kind != "box":
        region = "prompt"
    cases = list(read(files, layout, shows_box=shown, tells_box="text" in region, prompts=prompts))
    items, queries, listed = laid_out(cases)
    what = files.task.name if disturbed is None else f"{files.task.name}, {disturbed.probe.title} {disturbed.level}"
    bar = what if progress else None
    with naming_rows(cases):
        vectors = embed_items(embedder, items, batch_size, bar, store or Memory(), worker)
    distinct = [list(dict.fromkeys(own)) for own in listed]
    ranked = listed if ties == "official" else distinct
    ranking = rank.rank(vectors, queries, ranked, ties)
    return Result(
        model=embedder.name,
        task=files.task.name,
        metrics=ranking.metrics,
        counts={
            "queries": len(cases),
            "candidates": sum(map(len, distinct)),
            "items": len(items),
            "ties": ranking.ties,
            "repeats": sum(own.count(own[0]) > 1 for own in listed),
            **counts_of(embedder, items),
        },
        chance=math.fsum(1 / len(own) for own in distinct) / len(cases),
        settings={
            "layout": layout_of(embedder),
            "region": region,
            "ties": ties,
            "batch_size": batch_size,
            "dataset": JOINED_DATASET if form == "joined" else files.task.dataset,
            "format": form,
            "files": {path.name: hash_file(path) for path in files.files},
            "queries": _fingerprint(case.asked for case in cases),
            "candidates": _fingerprint(case.asked + case.listed for case in cases),
            "versions": versions(),
            "embedder": dict.fromkeys(SETTINGS) | settings_of(embedder),
            **({} if disturbed is None else {"probe": disturbed.settings}),
        },
        ranks=tuple(ranking.ranks.tolist()),
        top=tuple(
            tuple(dict.fromkeys(own.index(all_[place]) for place in top if place >= 0))
            for own, all_, top in zip(distinct, ranked, ranking.top.tolist(), strict=True)
        ),
        margins=tuple(round(margin, 6) for margin in ranking.margins.tolist()),
    )


def region_told(task: Task, layout: Layout, *, shows_box: bool, strategy: str | None = None) -> str:
    """How the model learns which region is meant; ``none`` where the task has no regions.

    By ``prompt``, ``text`` or ``prompt and text``; or by the strategy that stands between them.
    """
    if task.query != "image+text+box":
        return "none"
    if strategy is not None:
        return strategy
    if shows_box:
        return "prompt and text" if layout.exact else "prompt"
    return "text"


def laid_out(cases: Sequence[Case]) -> tuple[list[Item], list[int], list[list[int]]]:
    """The distinct items of cases, in the order in which they are embedded, and where each stands among them.

    Returns:
        The items; for each case the place of its query; for each case the places of its candidates.
    """
    objects = {id(item): item for case in cases for item in (case.query, *case.candidates)}
    items = sorted(set(objects.values()), key=_order)
    place = {item: index for index, item in enumerate(items)}
    by_object = {key: place[item] for key, item in objects.items()}  # an item is hashed once, not once a candidate
    queries = [by_object[id(case.query)] for case in cases]
    return items, queries, [[by_object[id(item)] for item in case.candidates] for case in cases]


@contextmanager
def naming_rows(cases: Sequence[Case]) -> Iterator[None]:
    """Say of an item whose vector is wrong in which file and row it stands.

    Raises:
        ContractError: as it was raised inside, with the first such row.
    """
    try:
        yield
    except ContractError as error:
        for case in cases:
            if error.item == case.query or error.item in case.candidates:
                raise ContractError(f"{case.place}: {error}", error.item) from error
        raise


def _fingerprint(digests: Iterable[str]) -> str:
    """One digest of several in their order."""
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()


def _order(item: Item) -> tuple[str, str, int, str]:
    """Puts texts before images, one image's items together and texts of like length together."""
    return str(item.image or ""), repr(item.prompt or ""), len(item.text), item.text
