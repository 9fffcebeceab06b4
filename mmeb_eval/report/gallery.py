"""Worst failures of models: each query with its image and box, and the candidates as the model ranked them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from mmeb_eval.data.cases import Case
from mmeb_eval.data.cases import read_cases as read_cases
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.images import open_rgb
from mmeb_eval.data.tasks import Task
from mmeb_eval.item import Item
from mmeb_eval.report.summary import CAPTION_KINDS, CaptionKind, is_baseline
from mmeb_eval.run.results import Result, list_models
from mmeb_eval.templates.fused import DATA_IMAGE_TOKEN, get_layout
from scar.common.files import hash_file
from scar.common.html import EmbeddedImage, embed_image, split_caption
from scar.formats.reader import make_row_file
from scar.sample import Box, Caption, Sample

LARGEST_SIDE = 480
"""Pixels of the longer side of a query's reduced image; the box keeps the coordinates of the original."""

LARGEST_CANDIDATE = 112
"""Pixels of the longer side of a candidate's reduced image."""


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A candidate of a failed query.

    Attributes:
        rank: its rank by the model, 1 = best.
        gold: whether it is the right candidate.
        kind: ``gold`` for the right candidate; on a SCaR task, for a wrong one, the part in which the caption differs
            from the right one; empty if that is not known.
        pieces: its text in pieces, in order: (piece, whether it replaces a part of the right caption).
        picture: its image; None for text alone.
        also_first_for: names of the other models that rank it first.
    """

    rank: int
    gold: bool
    kind: CaptionKind | Literal[""]
    pieces: tuple[tuple[str, bool], ...]
    picture: EmbeddedImage | None
    also_first_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A query for which a model ranks a wrong candidate first.

    Attributes:
        model: name of the model.
        task: name of the task.
        query_index: index of the query's row in the task's data, from 0.
        rank: rank of the right candidate, 1 = best.
        candidate_count: number of distinct candidates.
        margin: similarity of query and right candidate minus that of query and best wrong candidate; at most 0.
        question: text of the query without image tokens and line breaks.
        category: category of the thing in the box; empty if it is not known.
        picture: image of the query; None for a query of text alone.
        box: box of the query in pixels of the displayed image; None if it has none.
        candidates: the best candidates, best first, then the right one if it is not among them.
    """

    model: str
    task: str
    query_index: int
    rank: int
    candidate_count: int
    margin: float
    question: str
    category: str
    picture: EmbeddedImage | None
    box: Box | None
    candidates: tuple[RankedCandidate, ...]


def find_failures(results: Sequence[Result], data: Sequence[TaskFiles], max_failures: int) -> list[Failure]:
    """The worst failures of every model: those whose right candidate scores furthest below the best wrong one.

    Every model gets an equal share of ``max_failures`` and fills it from its tasks in turn. Baselines are left out
    unless there is no other model. Failures are sorted by model, then by margin, the worst first.

    Args:
        results: results of any number of models and tasks.
        data: tasks with their data. A result on another task, or on files of another SHA-256, is left out.
        max_failures: largest number of failures over all models.

    Raises:
        EvalError: rows or images cannot be used.
        ScarError: a SCaR folder cannot be read.
    """
    hashes = {files.task.name: {path.name: hash_file(path) for path in files.paths} for files in data}
    on_this_data = [
        result
        for result in results
        if result.margins and result.settings.get("files") == hashes.get(result.task, ())  # early versions have none
    ]
    models = [model for model in list_models(on_this_data) if not is_baseline(model)] or list_models(on_this_data)
    picked: dict[tuple[str, str], set[int]] = {}
    for index, model in enumerate(models):
        share = max_failures // len(models) + (index < max_failures % len(models))
        for task, query_index in _select_worst([result for result in on_this_data if result.model == model], share):
            picked.setdefault((model, task), set()).add(query_index)
    failures = []
    for files in data:
        of_task = [result for result in on_this_data if result.task == files.task.name]
        for result in of_task:
            if query_indices := picked.get((result.model, result.task)):
                failures += _read_failures(result, of_task, files, query_indices)
    return sorted(
        failures, key=lambda failure: (models.index(failure.model), failure.margin, failure.task, failure.query_index)
    )


def _select_worst(results: Sequence[Result], count: int) -> list[tuple[str, int]]:
    """(task, query index) of one model's worst failures: the worst of each task, then the second worst of each."""
    turns = []
    for result in results:
        wrong = [index for index, rank in enumerate(result.ranks) if rank > 1]
        wrong.sort(key=lambda index: (result.margins[index], -result.ranks[index], index))
        turns += [(turn, result.margins[index], result.task, index) for turn, index in enumerate(wrong[:count])]
    return [(task, index) for _, _, task, index in sorted(turns)[:count]]


def _read_failures(
    result: Result, results: Sequence[Result], files: TaskFiles, query_indices: set[int]
) -> list[Failure]:
    """Read the failures of one result from its task's rows; ``results`` are the results of all models on the task."""
    layout = get_layout(result.settings["layout"])
    cases = islice(read_cases(files, layout, box_as_prompt=True, box_in_text=False), max(query_indices) + 1)
    samples = _read_samples(files, query_indices)
    tops = {other.model: other.top for other in results if other.model != result.model}
    task = files.task
    return [
        _make_failure(
            result, index, case, samples.get(index), {name: top[index][0] for name, top in tops.items()}, task
        )
        for index, case in enumerate(cases)
        if index in query_indices
    ]


def _make_failure(
    result: Result, query_index: int, case: Case, sample: Sample | None, firsts: Mapping[str, int], task: Task
) -> Failure:
    """Make the failure of one query; ``firsts`` holds, by model, the candidate that each other model ranks first."""
    token = get_layout(result.settings["layout"]).image_token or DATA_IMAGE_TOKEN
    items = list(dict.fromkeys(case.candidates))
    labels = _label_candidates(items, sample, token, has_fixed_order=task.benchmark == "SCaR")
    ranked = list(enumerate(result.top[query_index], start=1))
    if 0 not in result.top[query_index]:
        ranked.append((result.ranks[query_index], 0))
    candidates = [
        RankedCandidate(
            rank=rank,
            gold=index == 0,
            kind=labels[index][0],
            pieces=labels[index][1],
            picture=_embed_item_image(items[index], LARGEST_CANDIDATE),
            also_first_for=tuple(model for model, first in firsts.items() if first == index),
        )
        for rank, index in ranked
    ]
    return Failure(
        model=result.model,
        task=result.task,
        query_index=query_index,
        rank=result.ranks[query_index],
        candidate_count=len(items),
        margin=result.margins[query_index],
        question=_strip_token(f"{case.query.instruction}\n{case.query.text}", token),
        category=sample.region.category if sample else "",
        picture=_embed_item_image(case.query, LARGEST_SIDE),
        box=case.query.prompt if isinstance(case.query.prompt, Box) else None,
        candidates=tuple(candidates),
    )


def _embed_item_image(item: Item, side: int) -> EmbeddedImage | None:
    """The image of an item, its longer side reduced to ``side`` pixels; None for an item of text alone."""
    return None if item.image is None else embed_image(open_rgb(item.image), side)


def _label_candidates(
    items: Sequence[Item], sample: Sample | None, token: str, *, has_fixed_order: bool
) -> list[tuple[CaptionKind | Literal[""], tuple[tuple[str, bool], ...]]]:
    """Kind and pieces of each candidate; without provenance, its index gives the kind, as in `CAPTION_KINDS`."""
    by_text = _index_captions(sample)
    labels: list[tuple[CaptionKind | Literal[""], tuple[tuple[str, bool], ...]]] = []
    for index, item in enumerate(items):
        text = _strip_token(item.text, token)
        if text in by_text:
            kind, caption = by_text[text]
            labels.append((kind, split_caption(caption, None if kind == "gold" else kind)))
        elif has_fixed_order and len(items) == len(CAPTION_KINDS):
            labels.append((CAPTION_KINDS[index], ((text, False),)))
        else:
            labels.append(("gold" if index == 0 else "", ((text, False),) if text else ()))
    return labels


def _read_samples(files: TaskFiles, query_indices: set[int]) -> dict[int, Sample]:
    """Samples behind rows of a SCaR task, by query index; empty if the task has no provenance."""
    if files.task.benchmark != "SCaR":
        return {}
    (rows,) = files.paths
    folder = rows.parent.parent if rows.parent.name == "SCaR-eval" else rows.parent
    file = make_row_file(rows, folder)
    samples = islice(file.iter_samples(), max(query_indices) + 1 if file.sidecar else 0)
    return {index: sample for index, sample in enumerate(samples) if index in query_indices}


def _index_captions(sample: Sample | None) -> dict[str, tuple[CaptionKind, Caption]]:
    """Text of each caption of a sample -> its kind and the caption; of equal texts, the first one counts."""
    if sample is None:
        return {}
    captions: list[tuple[CaptionKind, Caption]] = [(negative.part, negative.caption) for negative in sample.negatives]
    return {
        _strip_token(caption.text, DATA_IMAGE_TOKEN): (kind, caption)
        for kind, caption in reversed([("gold", sample.gold), *captions])
    }


def _strip_token(text: str, token: str) -> str:
    """A text without image tokens and line breaks."""
    return " ".join(text.replace(token, " ").split())
