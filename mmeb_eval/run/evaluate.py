"""Scores one embedder on one task: reads its cases, embeds each distinct item once, ranks, and makes a `Result`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

from mmeb_eval.data.cases import Case, read_cases
from mmeb_eval.data.files import JOINED_DATASET, RowFormat, TaskFiles, find_row_format
from mmeb_eval.data.tasks import Task
from mmeb_eval.embedder import (
    SETTINGS,
    Embedder,
    find_refusal,
    get_counts,
    get_layout_name,
    get_prompt_kinds,
    get_settings,
)
from mmeb_eval.item import Item, describe_item
from mmeb_eval.multi_vectors import get_width
from mmeb_eval.run.cost import EmbedClock
from mmeb_eval.run.embed import VectorsInMemory, VectorStore, embed_items
from mmeb_eval.run.memory import BatchCaller
from mmeb_eval.run.progress import RunProgress
from mmeb_eval.run.rank import TieRule, rank_candidates
from mmeb_eval.run.region_facts import count_doubtful_queries, describe_leaks
from mmeb_eval.run.results import FINGERPRINT, LIMIT, NOT_FINGERPRINTED, TRUSTED_VECTORS, Result
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.versions import read_versions
from mmeb_eval.run.workers import Worker
from mmeb_eval.templates.fused import Layout, get_layout
from scar.common.files import hash_file, make_count
from scar.errors import ContractError, DataError, InputError, UnsuitedTask

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import PerturbedPrompts

MAX_INSTRUCTIONS = 8
"""Largest number of instructions of a side that stand in a result; a task of the table has one or two."""


def evaluate(
    embedder: Embedder,
    files: TaskFiles,
    *,
    batch_size: int = 32,
    progress: RunProgress | bool = False,
    ties: TieRule = "against",
    store: VectorStore[Any] | None = None,
    worker: Worker = Worker(),  # noqa: B008 - it is frozen
    perturbed: PerturbedPrompts | None = None,
    check_others: Callable[[], None] = lambda: None,
    caller: BatchCaller | None = None,
) -> Result:
    """Score an embedder on a task.

    Args:
        embedder: the embedder to score.
        files: the task and its data.
        batch_size: largest number of items in one call of `Embedder.embed`.
        progress: whether to show progress on stderr; or the progress of a run of several tasks.
        ties: the rule for equal scores, see `mmeb_eval.run.rank.rank_labels`. Under ``official``, a candidate that is
            listed twice is also ranked twice, so that ``map`` and ``ndcg`` can exceed 1.
        store: holds the vectors, such as a `VectorCache`; None keeps them in memory during this call.
        worker: this process among several, which must share one `VectorCache`.
        perturbed: prompts that replace the rows' boxes; rows without one are left out. They must be of a kind that the
            embedder takes, or boxes, which its texts name if it takes none. None keeps the rows' boxes.
        check_others: see `mmeb_eval.run.embed.embed_items`.
        caller: see there, too.

    Returns:
        The scores, with the settings, counts and ranks behind them.

    Raises:
        DataError: rows or images cannot be used; nothing is embedded before all rows are read.
        UnsuitedTask: the embedder does not take some of the items.
        InputError: ``batch_size`` is no whole number above 0, ``files`` is no `TaskFiles`, or ``ties`` is no rule.
        ContractError: vectors, or the embedder's prompts, settings or counts, break the contract.
        EvalError: the embedder's layout is unknown, the store cannot be written, or another worker ends before its
            share is done.
    """
    batch_size = make_count(batch_size, "batch_size")
    if not isinstance(files, TaskFiles):
        raise InputError(
            f"files: a {type(files).__name__} is no TaskFiles; give one of those that `find_scar_tasks` lists."
        )
    if ties not in get_args(TieRule):
        raise InputError(f"ties: {ties!r} is none of {', '.join(get_args(TieRule))}.")
    get_settings(embedder)  # those that results cannot hold are refused before hours of embedding
    layout = get_layout(get_layout_name(embedder))
    kind, prompts = ("box", None) if perturbed is None else (perturbed.probe.kind, perturbed.prompts)
    takes_prompt = kind in get_prompt_kinds(embedder)
    strategy = getattr(embedder, "region", None)
    region = name_region_strategy(files.task, layout, box_as_prompt=takes_prompt, strategy=strategy)
    if kind != "box":
        region = "prompt"
    box_in_text = "text" in region
    instruction_probe: str | None = getattr(embedder, "instruction_probe", None)
    cases = list(
        read_cases(
            files,
            layout,
            box_as_prompt=takes_prompt,
            box_in_text=box_in_text,
            prompts=prompts,
            instruction_probe=instruction_probe,
        )
    )
    items, queries, listed = order_items(cases)
    refuse_unsuited_task(embedder, items, cases, files.task.name)
    title = files.task.name if perturbed is None else f"{files.task.name}, {perturbed.probe.title} {perturbed.level}"
    if isinstance(progress, bool):
        progress = RunProgress(embedder.name, shown=progress)
    clock = EmbedClock()
    with name_failing_row(cases, files.task.name):
        vectors = embed_items(
            embedder,
            items,
            batch_size,
            title,
            store or VectorsInMemory(),
            worker,
            check_others,
            progress=progress,
            clock=clock,
            caller=caller,
        )
    distinct = [list(dict.fromkeys(candidates)) for candidates in listed]
    ranked = listed if ties == "official" else distinct
    ranking = rank_candidates(vectors, queries, ranked, ties)
    return Result(
        model=embedder.name,
        task=files.task.name,
        metrics=ranking.metrics,
        counts={
            "queries": len(cases),
            "candidates": sum(map(len, distinct)),
            "items": len(items),
            "ties": ranking.ties,
            "repeats": sum(candidates.count(candidates[0]) > 1 for candidates in listed),
            **count_doubtful_queries(files, cases),
            **get_counts(embedder, items),
        },
        chance=math.fsum(1 / len(candidates) for candidates in distinct) / len(cases),
        settings={
            "layout": get_layout_name(embedder),
            **_describe_instructions(layout, cases),
            **({"instruction_probe": instruction_probe} if instruction_probe else {}),
            "region": region,
            "ties": ties,
            "batch_size": batch_size,
            **_describe_data(files, find_row_format(files), cases),
            "versions": read_versions(),
            "embedder": dict.fromkeys(SETTINGS) | get_settings(embedder),
            **({} if perturbed is None else {"probe": perturbed.settings}),
            **_describe_vectors(store, items),
            **describe_leaks(files, cases, ranking.ranks),
        },
        ranks=tuple(ranking.ranks.tolist()),
        top=tuple(
            tuple(dict.fromkeys(own.index(candidates[column]) for column in columns if column >= 0))
            for own, candidates, columns in zip(distinct, ranked, ranking.top.tolist(), strict=True)
        ),
        margins=tuple(round(margin, 6) for margin in ranking.margins.tolist()),
        clusters=_number_images(cases),
        cost=clock.make_cost(get_width(vectors)),
    )


def name_region_strategy(task: Task, layout: Layout, *, box_as_prompt: bool, strategy: str | None = None) -> str:
    """How the model learns which region is meant, as the setting ``region`` of a `Result` names it.

    Args:
        task: the task.
        layout: layout of the model.
        box_as_prompt: whether the model takes boxes as prompts.
        strategy: the region strategy in which the model is wrapped; None if it is in none.

    Returns:
        ``none`` for a task without regions, ``strategy`` if it is given, else ``prompt``, ``text`` or
        ``prompt and text``.
    """
    if task.query != "image+text+box":
        return "none"
    if strategy is not None:
        return strategy
    if box_as_prompt:
        return "prompt and text" if layout.exact else "prompt"
    return "text"


def order_items(cases: Sequence[Case]) -> tuple[list[Item], list[int], list[list[int]]]:
    """Collect the distinct items of cases, in the order in which they are embedded.

    This is the one step of an evaluation that removes equal items, and the one that decides which items share a batch:
    items of one side and instruction stand together; among them, texts come before images, items of one image stand
    together, and texts are sorted by length. Inside a batch a model may sort items as it likes.

    Returns:
        The distinct items; for each case, the index of its query among them; and for each case, the indices of its
        candidates among them, repeats included.
    """
    objects = {id(item): item for case in cases for item in (case.query, *case.candidates)}  # few items, many mentions
    items = sorted(set(objects.values()), key=_sort_key)
    index_of = {item: index for index, item in enumerate(items)}
    index_by_id = {key: index_of[item] for key, item in objects.items()}
    queries = [index_by_id[id(case.query)] for case in cases]
    return items, queries, [[index_by_id[id(item)] for item in case.candidates] for case in cases]


def refuse_unsuited_task(embedder: Embedder, items: Sequence[Item], cases: Sequence[Case], task: str) -> None:
    """Check that an embedder takes all items of a task, as far as it says so.

    Args:
        embedder: the embedder.
        items: the distinct items of the cases.
        cases: the task's cases, for the message.
        task: name of the task, for the message.

    Raises:
        UnsuitedTask: it does not; the message names a row, its item and the reason.
    """
    for item in items:
        if (reason := find_refusal(embedder, item)) is not None:
            where = next(case.where for case in cases if item in (case.query, *case.candidates))
            raise UnsuitedTask(f"{task} does not suit {embedder.name}: {where}: {describe_item(item)}: {reason}.", item)


@contextmanager
def name_failing_row(cases: Sequence[Case], task: str) -> Iterator[None]:
    """In the ``with`` block, add file and row to an error about an item's vector or image.

    Raises:
        ContractError: the one raised inside; its message now begins with file and row of the first case that holds the
            item at fault, or with the task if no item is.
        DataError: likewise.
    """
    try:
        yield
    except (ContractError, DataError) as error:
        for case in cases:
            for item in (case.query, *case.candidates):
                if error.item == item or (item.image is not None and str(error).startswith(f"{item.image}:")):
                    raise type(error)(f"{case.where}: {error}", error.item) from error
        raise type(error)(f"{task}: {error}", error.item) from error


def _describe_data(files: TaskFiles, row_format: RowFormat, cases: Sequence[Case]) -> dict[str, Any]:
    """The settings of a `Result` that describe its data."""
    return {
        "dataset": JOINED_DATASET if row_format == "joined" else files.task.dataset,
        "format": files.regions.kind if files.regions else row_format,
        "files": {path.name: hash_file(path) for path in files.paths},
        **({} if files.limit is None else {LIMIT: files.limit}),
        "queries": _combine_digests(case.query_digest for case in cases),
        "candidates": _combine_digests(case.query_digest + case.candidates_digest for case in cases),
    }


def _describe_vectors(store: VectorStore[Any] | None, items: Sequence[Item]) -> dict[str, Any]:
    """The settings of a `Result` that say which model made the vectors, and how many of them were not checked."""
    if not isinstance(store, VectorCache):
        return {}
    trusted = store.count_trusted(store.make_keys(items))
    unread = {NOT_FINGERPRINTED: list(store.unread)} if store.unread else {}
    return {FINGERPRINT: store.fingerprint} | unread | ({TRUSTED_VECTORS: trusted} if trusted else {})


def _describe_instructions(layout: Layout, cases: Sequence[Case]) -> dict[str, Any]:
    """The setting ``instructions`` if the layout wants them apart: those of the queries, and of the candidates.

    Each is listed once, in the order of the data; of many, the first `MAX_INSTRUCTIONS`.
    """
    if not layout.apart:
        return {}
    candidates = {id(item): item for case in cases for item in case.candidates}.values()
    sides = {"query": (case.query for case in cases), "document": candidates}
    return {
        "instructions": {
            side: list(dict.fromkeys(item.instruction for item in items))[:MAX_INSTRUCTIONS]
            for side, items in sides.items()
        }
    }


def _number_images(cases: Sequence[Case]) -> tuple[int, ...]:
    """For each case, the number of its query's image; a query without an image has its own. Empty if all differ."""
    keys = [case.query.image or index for index, case in enumerate(cases)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return tuple(numbers[key] for key in keys) if len(numbers) < len(keys) else ()


def _combine_digests(digests: Iterable[str]) -> str:
    """One digest for a sequence of digests; their order counts."""
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()


def _sort_key(item: Item) -> tuple[str, str, str, str, int, str]:
    """The key by which `order_items` sorts."""
    sent = item.side or "", item.instruction  # first, as many models take one instruction a call
    return *sent, str(item.image or ""), repr(item.prompt or ""), len(item.text), item.text
