"""The loop: cases -> distinct items, each embedded once -> scores -> `Result`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmeb_eval.data.cases import Case, read_cases
from mmeb_eval.data.files import JOINED_DATASET, TaskFiles, find_row_format
from mmeb_eval.data.tasks import Task
from mmeb_eval.embedder import SETTINGS, Embedder, get_counts, get_layout_name, get_prompt_kinds, get_settings
from mmeb_eval.item import Item
from mmeb_eval.run.results import Result
from mmeb_eval.run.versions import read_versions
from mmeb_eval.run.workers import Worker
from mmeb_eval.templates.fused import Layout, get_layout
from scar.common.files import hash_file
from scar.errors import ContractError

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import PerturbedPrompts
    from mmeb_eval.run.embed import VectorStore
    from mmeb_eval.run.rank import TieRule


def evaluate(
    embedder: Embedder,
    files: TaskFiles,
    *,
    batch_size: int = 32,
    progress: bool = False,
    ties: TieRule = "against",
    store: VectorStore | None = None,
    worker: Worker = Worker(),  # noqa: B008 - it is frozen
    disturbed: PerturbedPrompts | None = None,
) -> Result:
    """Score an embedder on a task.

    Args:
        embedder: what is scored.
        files: the task and where its data lie.
        batch_size: most items given to `Embedder.embed` at once.
        progress: whether to draw a bar on stderr.
        ties: the rule for equal scores, see `mmeb_eval.run.rank.rank_labels`; ``official`` also ranks twice a candidate
            that is listed twice, so that ``map`` and ``ndcg`` can exceed 1.
        store: where vectors are kept, such as a `VectorCache`; None keeps them for this call.
        worker: which of several processes this one is; they need one `VectorCache` to meet in.
        disturbed: prompts in the place of the boxes, of a kind that the embedder takes; the text tells boxes alone.

    Raises:
        DataError: rows or images that cannot be used; nothing is embedded before all rows are read.
        ContractError: vectors that break the contract.
    """
    from mmeb_eval.run import rank
    from mmeb_eval.run.embed import VectorsInMemory, embed_items

    form = find_row_format(files)
    layout = get_layout(get_layout_name(embedder))
    kind, prompts = ("box", None) if disturbed is None else (disturbed.probe.kind, disturbed.prompts)
    shown = kind in get_prompt_kinds(embedder)
    region = name_region_strategy(files.task, layout, box_as_prompt=shown, strategy=getattr(embedder, "region", None))
    if kind != "box":
        region = "prompt"
    cases = list(read_cases(files, layout, box_as_prompt=shown, box_in_text="text" in region, prompts=prompts))
    items, queries, listed = order_items(cases)
    what = files.task.name if disturbed is None else f"{files.task.name}, {disturbed.probe.title} {disturbed.level}"
    bar = what if progress else None
    with name_failing_row(cases):
        vectors = embed_items(embedder, items, batch_size, bar, store or VectorsInMemory(), worker)
    distinct = [list(dict.fromkeys(own)) for own in listed]
    ranked = listed if ties == "official" else distinct
    ranking = rank.rank_candidates(vectors, queries, ranked, ties)
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
            **get_counts(embedder, items),
        },
        chance=math.fsum(1 / len(own) for own in distinct) / len(cases),
        settings={
            "layout": get_layout_name(embedder),
            "region": region,
            "ties": ties,
            "batch_size": batch_size,
            "dataset": JOINED_DATASET if form == "joined" else files.task.dataset,
            "format": form,
            "files": {path.name: hash_file(path) for path in files.paths},
            "queries": _combine_digests(case.query_digest for case in cases),
            "candidates": _combine_digests(case.query_digest + case.candidates_digest for case in cases),
            "versions": read_versions(),
            "embedder": dict.fromkeys(SETTINGS) | get_settings(embedder),
            **({} if disturbed is None else {"probe": disturbed.settings}),
        },
        ranks=tuple(ranking.ranks.tolist()),
        top=tuple(
            tuple(dict.fromkeys(own.index(all_[place]) for place in top if place >= 0))
            for own, all_, top in zip(distinct, ranked, ranking.top.tolist(), strict=True)
        ),
        margins=tuple(round(margin, 6) for margin in ranking.margins.tolist()),
    )


def name_region_strategy(task: Task, layout: Layout, *, box_as_prompt: bool, strategy: str | None = None) -> str:
    """How the model learns which region is meant; ``none`` where the task has no regions.

    By ``prompt``, ``text`` or ``prompt and text``; or by the strategy that stands between them.
    """
    if task.query != "image+text+box":
        return "none"
    if strategy is not None:
        return strategy
    if box_as_prompt:
        return "prompt and text" if layout.exact else "prompt"
    return "text"


def order_items(cases: Sequence[Case]) -> tuple[list[Item], list[int], list[list[int]]]:
    """The distinct items of cases, in the order in which they are embedded, and where each stands among them.

    Returns:
        The items; for each case the place of its query; for each case the places of its candidates.
    """
    objects = {id(item): item for case in cases for item in (case.query, *case.candidates)}
    items = sorted(set(objects.values()), key=_sort_key)
    place = {item: index for index, item in enumerate(items)}
    by_object = {key: place[item] for key, item in objects.items()}  # an item is hashed once, not once a candidate
    queries = [by_object[id(case.query)] for case in cases]
    return items, queries, [[by_object[id(item)] for item in case.candidates] for case in cases]


@contextmanager
def name_failing_row(cases: Sequence[Case]) -> Iterator[None]:
    """Say of an item whose vector is wrong in which file and row it stands.

    Raises:
        ContractError: as it was raised inside, with the first such row.
    """
    try:
        yield
    except ContractError as error:
        for case in cases:
            if error.item == case.query or error.item in case.candidates:
                raise ContractError(f"{case.where}: {error}", error.item) from error
        raise


def _combine_digests(digests: Iterable[str]) -> str:
    """One digest of several in their order."""
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()


def _sort_key(item: Item) -> tuple[str, str, int, str]:
    """Puts texts before images, one image's items together and texts of like length together."""
    return str(item.image or ""), repr(item.prompt or ""), len(item.text), item.text
