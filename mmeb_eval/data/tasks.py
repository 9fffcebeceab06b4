"""`Task`, the table of all tasks in ``tasks.toml``, and the groups whose means a leaderboard shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from scar.common.tables import make_record, read_toml
from scar.errors import DataError, UnknownName

TASK_TABLE = Path(__file__).with_name("tasks.toml")

Benchmark: TypeAlias = Literal["MMEB", "SCaR", "own"]
TaskFamily: TypeAlias = Literal["classification", "vqa", "retrieval", "grounding", "region"]
Domain: TypeAlias = Literal["IND", "OOD", ""]
QueryParts: TypeAlias = Literal["text", "image", "image+text", "image+text+box"]
Join: TypeAlias = Literal["space", "newline", "text", "region"]
CandidateParts: TypeAlias = Literal["text", "image", "image+text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A row of ``tasks.toml``: what a query and a candidate are made of, and how their texts are joined.

    Attributes:
        name: name of the task, as in the official evaluators and result files.
        benchmark: the benchmark that the task belongs to; ``own`` for one of a user's task file.
        family: the group of tasks whose scores are averaged together.
        domain: IND (in domain) if MMEB trains on its training split, OOD (out of domain) if not; empty for SCaR.
        dataset: id of its data set on the hub, in which the task's name is the configuration; empty for a user's own
            corpus.
        source: name of the SCaR source, as in the name of its file; empty for MMEB.
        train: name of the task's subset in MMEB's training data; empty if it has none.
        images: folder of the images below the data folder, as in the official release; empty means the data folder.
        queries: number of queries in the official data; 0 for a user's own corpus.
        query: what a query is made of.
        join: how a query's instruction and text become one string; a key of `mmeb_eval.templates.fused.JOINS`.
        query_end: text that the official code appends to a query.
        candidates: what a candidate is made of.
        key: the parts that tell candidates apart. Two candidates of the task that agree in them are one.
        bare_end: text that the official code appends to a candidate image without text.
        choices: largest number of candidates of one query.
        lite: whether the task belongs to the subset ``lite``, whose mean ranks models nearly as the mean over all of
            MMEB does.
        licence: licence of the release, as its card says; the images keep the terms of the data sets they are from.
        languages: languages of the texts, as ISO 639-1 codes.
        citation: the paper that published the task.
        revision: commit of the data set that scores stand for; empty if none is pinned here. `mmeb-eval fetch` writes
            the commit that it downloaded into the data folder.
    """

    name: str
    benchmark: Benchmark
    family: TaskFamily
    domain: Domain = ""
    dataset: str = ""
    source: str = ""
    train: str = ""
    images: str = ""
    queries: int = 0
    query: QueryParts
    join: Join
    query_end: str = "\n"
    candidates: CandidateParts
    key: CandidateParts
    bare_end: str = ""
    choices: int
    lite: bool = False
    licence: str = ""
    languages: tuple[str, ...] = ()
    citation: str = ""
    revision: str = ""


GROUPS: Mapping[str, tuple[str, str | bool]] = {
    "classification": ("family", "classification"),
    "vqa": ("family", "vqa"),
    "retrieval": ("family", "retrieval"),
    "grounding": ("family", "grounding"),
    "IND": ("domain", "IND"),
    "OOD": ("domain", "OOD"),
    "MMEB": ("benchmark", "MMEB"),
    "SCaR": ("benchmark", "SCaR"),
    "lite": ("lite", True),
}
"""Name of a group -> a field of `Task`, and the value of that field that the group's tasks share."""

TASK_SETS = ("all", *GROUPS)
"""Names that stand for several tasks: all of the table, or those of a group; small and capital letters are equal."""


def read_task_table(table: Path = TASK_TABLE) -> dict[str, Task]:
    """Read a task table: name of each task -> the task, in the order of the file.

    Raises:
        DataError: the file cannot be read, or `Task` has no such column or value; the message names the row.
    """
    rows = read_toml(table, DataError)
    defaults = rows.pop("defaults", {})
    return {name: _parse_task(name, columns, defaults, table) for name, columns in rows.items()}


@cache
def tasks() -> Mapping[str, Task]:
    """The tasks by name: those of MMEB in the paper's order, then those of SCaR, as the table has them."""
    return read_task_table()


def get_task(name: str) -> Task:
    """The task of that name in the table.

    Raises:
        UnknownName: there is no such task; the message proposes the nearest name.
    """
    try:
        return tasks()[name]
    except KeyError:
        raise UnknownName("task", name, tasks(), "`mmeb-eval tasks` shows them all.") from None


def get_tasks(
    names: str | Sequence[str] = "all",
    *,
    family: str | None = None,
    benchmark: str | None = None,
    domain: str | None = None,
) -> list[Task]:
    """Tasks of the table; a task is listed once.

    Args:
        names: names of tasks or of `TASK_SETS`, in a list or separated by commas.
        family: keep those of this family, such as ``vqa``.
        benchmark: keep those of this benchmark, such as ``SCaR``.
        domain: keep those of this domain, ``IND`` or ``OOD``.

    Raises:
        UnknownName: there is no such task, set, family, benchmark or domain.

    >>> [task.name for task in get_tasks("VOC2007, lite")][:3]
    ['VOC2007', 'Place365', 'ImageNet-R']
    >>> len(get_tasks(family="grounding", benchmark="MMEB")), get_tasks("VOC2007")[0].citation
    (4, 'arXiv 2410.05160')
    """
    found: dict[str, Task] = {}
    for name in split_names(names if isinstance(names, str) else ",".join(names)):
        found |= {task: tasks()[task] for task in _list_set(name)} or {name: get_task(name)}
    kept = list(found.values())
    for column, value in (("family", family), ("benchmark", benchmark), ("domain", domain)):
        if value is None:
            continue
        known = dict.fromkeys(getattr(task, column) for task in tasks().values())
        if value not in known:
            raise UnknownName(column, value, known, f"it is one of {', '.join(filter(None, known))}.")
        kept = [task for task in kept if getattr(task, column) == value]
    return kept


def split_names(names: str) -> list[str]:
    """The names in a list with commas, with or without spaces; an empty one, as behind a last comma, is left out."""
    return [name.strip() for name in names.split(",") if name.strip()] or [names]


def is_task_name(name: str) -> bool:
    """Whether a name is that of a task of the table or of one of `TASK_SETS`."""
    return name in tasks() or bool(_list_set(name))


def _list_set(name: str) -> tuple[str, ...]:
    """Names of the tasks of one of `TASK_SETS`; empty if there is no such set, or a task has that name."""
    if name in tasks():
        return ()
    if name.lower() == "all":
        return tuple(tasks())
    groups = [group for group in GROUPS if group.lower() == name.lower()]
    return list_group_tasks(groups[0]) if groups else ()


def make_scar_task(source: str) -> Task:
    """The task of a SCaR source, such as ``RefCOCOg``: one of the table's five, or a new one for a user's own source.

    A new task is named like its source, or ``SCaR <source>`` if a task of the table has that name.
    """
    official = {task.source: task for task in tasks().values() if task.source}
    if source in official:
        return official[source]
    name = source if source not in tasks() else f"SCaR {source}"
    defaults = read_toml(TASK_TABLE, DataError)["defaults"]
    return _parse_task(name, {"benchmark": "SCaR", "source": source, "dataset": ""}, defaults, TASK_TABLE)


def list_group_tasks(name: str) -> tuple[str, ...]:
    """Names of the tasks of a group, a key of `GROUPS`, in the order of the table."""
    column, value = GROUPS[name]
    return tuple(task.name for task in tasks().values() if getattr(task, column) == value)


def _parse_task(name: str, columns: object, defaults: Any, table: Path) -> Task:
    """Make a task from a row and the defaults of its benchmark; every column and value is checked."""
    where = f"{table.name}, [{name}]"
    if not isinstance(columns, dict):
        raise DataError(f"{where}: {columns!r} is not a table of columns.")
    row = {**defaults.get(columns.get("benchmark"), {}), **columns}
    return make_record(row, Task, where, DataError, what="column", given={"name": name})
