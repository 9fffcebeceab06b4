"""Where a model was most wrong: the query with its picture and box, and the candidates in the order it ranked them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from mmeb_eval.data.cases import Case
from mmeb_eval.data.cases import read as read_cases
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.images import open_rgb
from mmeb_eval.data.tasks import Task
from mmeb_eval.embedder import Item
from mmeb_eval.report.summary import KINDS, Kind, is_floor
from mmeb_eval.run.results import Result, models_of
from mmeb_eval.templates.fused import DATA_TOKEN, get_layout
from scar.common.files import hash_file
from scar.common.html import Shown, pieces, reduced
from scar.formats.parquet import row_file
from scar.sample import Box, Caption, Sample

LARGEST_SIDE = 480
"""Pixels to which a query's picture is reduced; the box keeps the coordinates of the original."""

LARGEST_CANDIDATE = 112
"""Pixels to which a candidate's picture is reduced."""


@dataclass(frozen=True, slots=True)
class Line:
    """A candidate.

    Attributes:
        rank: where the model put it, 1 = best.
        gold: whether it is the right one.
        kind: gold, or the part in which it differs from the right one; empty where that is not known.
        pieces: the elements of its text, each with whether it was replaced.
        picture: what it shows; None for a text.
        also: other models that put it first.
    """

    rank: int
    gold: bool
    kind: Kind | Literal[""]
    pieces: tuple[tuple[str, bool], ...]
    picture: Shown | None
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A query that a model got wrong.

    Attributes:
        model: the model.
        task: the task.
        number: of the query in the data, from 0.
        rank: of the right candidate.
        choices: how many candidates there are.
        margin: score of the right candidate less that of the best wrong one.
        question: the query's text without image tokens.
        subject: the category of the thing in the box; empty where it is not known.
        picture: the query's picture; None for a text.
        box: in pixels of the original; None if there is none.
        lines: the best candidates, best first, and the right one if it is not among them.
    """

    model: str
    task: str
    number: int
    rank: int
    choices: int
    margin: float
    question: str
    subject: str
    picture: Shown | None
    box: Box | None
    lines: tuple[Line, ...]


def failures(results: Sequence[Result], data: Sequence[TaskFiles], count: int) -> list[Failure]:
    """The worst failures of every model: the right candidate scored furthest below the best wrong one.

    Each model has its share of ``count`` and takes it in turn from its tasks. Floors are left out unless there is
    nothing else: they do not look.

    Args:
        results: of any number of models and tasks.
        data: where the tasks' rows lie; results that were computed on other files show nothing.
        count: most failures over all models.

    Raises:
        EvalError: rows or pictures that cannot be used.
        ScarError: likewise, in a SCaR folder.
    """
    hashes = {files.task.name: {path.name: hash_file(path) for path in files.files} for files in data}
    known = [result for result in results if result.settings.get("files") == hashes.get(result.task, ())]
    models = [model for model in models_of(known) if not is_floor(model)] or models_of(known)
    picked: dict[tuple[str, str], set[int]] = {}
    for place, model in enumerate(models):
        share = count // len(models) + (place < count % len(models))
        for task, number in _worst([result for result in known if result.model == model], share):
            picked.setdefault((model, task), set()).add(number)
    shown = []
    for files in data:
        own = [result for result in known if result.task == files.task.name]
        for result in own:
            if numbers := picked.get((result.model, result.task)):
                shown += _failures(result, own, files, numbers)
    return sorted(
        shown, key=lambda failure: (models.index(failure.model), failure.margin, failure.task, failure.number)
    )


def _worst(results: Sequence[Result], count: int) -> list[tuple[str, int]]:
    """(task, query) of one model's worst failures, each task's worst before any task's second worst."""
    turns = []
    for result in results:
        wrong = [number for number, rank in enumerate(result.ranks) if rank > 1]
        wrong.sort(key=lambda number: (result.margins[number], -result.ranks[number], number))
        turns += [(turn, result.margins[number], result.task, number) for turn, number in enumerate(wrong[:count])]
    return [(task, number) for _, _, task, number in sorted(turns)[:count]]


def _failures(result: Result, results: Sequence[Result], files: TaskFiles, numbers: set[int]) -> list[Failure]:
    """Failures of a result, read from its task's rows; ``results`` are those of all models on the task."""
    layout = get_layout(result.settings["layout"])
    cases = islice(read_cases(files, layout, shows_box=True, tells_box=False), max(numbers) + 1)
    samples = _samples(files, numbers)
    firsts = {other.model: other.top for other in results if other.model != result.model}
    task = files.task
    return [
        _failure(
            result, number, case, samples.get(number), {name: top[number][0] for name, top in firsts.items()}, task
        )
        for number, case in enumerate(cases)
        if number in numbers
    ]


def _failure(
    result: Result, number: int, case: Case, sample: Sample | None, firsts: Mapping[str, int], task: Task
) -> Failure:
    """One of them; ``firsts`` are what the other models put first."""
    token = get_layout(result.settings["layout"]).image or DATA_TOKEN
    items = list(dict.fromkeys(case.candidates))
    made = _made(items, sample, token, fixed=task.benchmark == "SCaR")
    ranked = list(enumerate(result.top[number], start=1))
    if 0 not in result.top[number]:
        ranked.append((result.ranks[number], 0))
    lines = [
        Line(
            rank=rank,
            gold=place == 0,
            kind=made[place][0],
            pieces=made[place][1],
            picture=None if (shown := items[place].image) is None else reduced(open_rgb(shown), LARGEST_CANDIDATE),
            also=tuple(model for model, first in firsts.items() if first == place),
        )
        for rank, place in ranked
    ]
    return Failure(
        model=result.model,
        task=result.task,
        number=number,
        rank=result.ranks[number],
        choices=len(items),
        margin=result.margins[number],
        question=_plain(case.query.text, token),
        subject=sample.region.category if sample else "",
        picture=None if case.query.image is None else reduced(open_rgb(case.query.image), LARGEST_SIDE),
        box=case.query.prompt if isinstance(case.query.prompt, Box) else None,
        lines=tuple(lines),
    )


def _made(
    items: Sequence[Item], sample: Sample | None, token: str, *, fixed: bool
) -> list[tuple[Kind | Literal[""], tuple[tuple[str, bool], ...]]]:
    """Kind and pieces of each candidate; where nobody wrote them down, places tell, as in `KINDS`."""
    known = _captions(sample)
    made: list[tuple[Kind | Literal[""], tuple[tuple[str, bool], ...]]] = []
    for place, item in enumerate(items):
        text = _plain(item.text, token)
        if text in known:
            kind, caption = known[text]
            made.append((kind, pieces(caption, None if kind == "gold" else kind)))
        elif fixed and len(items) == len(KINDS):
            made.append((KINDS[place], ((text, False),)))
        else:
            made.append(("gold" if place == 0 else "", ((text, False),) if text else ()))
    return made


def _samples(files: TaskFiles, numbers: set[int]) -> dict[int, Sample]:
    """The samples behind a SCaR task's rows, where provenance says how their captions were made."""
    if files.task.benchmark != "SCaR":
        return {}
    (rows,) = files.files
    folder = rows.parent.parent if rows.parent.name == "SCaR-eval" else rows.parent
    file = row_file(rows, folder)
    samples = islice(file.samples(), max(numbers) + 1 if file.sidecar else 0)
    return {number: sample for number, sample in enumerate(samples) if number in numbers}


def _captions(sample: Sample | None) -> dict[str, tuple[Kind, Caption]]:
    """Text -> its kind and its elements; equal captions are one candidate, the first of them."""
    if sample is None:
        return {}
    captions: list[tuple[Kind, Caption]] = [(negative.part, negative.caption) for negative in sample.negatives]
    return {
        _plain(caption.text, DATA_TOKEN): (kind, caption)
        for kind, caption in reversed([("gold", sample.gold), *captions])
    }


def _plain(text: str, token: str) -> str:
    """A text as a person reads it."""
    return " ".join(text.replace(token, " ").split())
