"""Scores any embedder on the 36 tasks of MMEB and the 5 tasks of SCaR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmeb_eval.contract import check
    from mmeb_eval.data.tasks import Task, get_tasks, tasks
    from mmeb_eval.embedder import Embedder
    from mmeb_eval.item import Item, Lasso, Phrase, Points, Polygon, Prompt, Scribble
    from mmeb_eval.run.results import Result
    from mmeb_eval.scoring import ResultList, compare, evaluate, write_report
    from scar.errors import EvalError

__all__ = [
    "Embedder",
    "EvalError",
    "Item",
    "Lasso",
    "Phrase",
    "Points",
    "Polygon",
    "Prompt",
    "Result",
    "ResultList",
    "Scribble",
    "Task",
    "check",
    "compare",
    "evaluate",
    "get_tasks",
    "tasks",
    "write_report",
]

_MODULES = {
    "Embedder": "mmeb_eval.embedder",
    "EvalError": "scar.errors",
    "Item": "mmeb_eval.item",
    "Lasso": "mmeb_eval.item",
    "Phrase": "mmeb_eval.item",
    "Points": "mmeb_eval.item",
    "Polygon": "mmeb_eval.item",
    "Prompt": "mmeb_eval.item",
    "Result": "mmeb_eval.run.results",
    "ResultList": "mmeb_eval.scoring",
    "Scribble": "mmeb_eval.item",
    "Task": "mmeb_eval.data.tasks",
    "check": "mmeb_eval.contract",
    "compare": "mmeb_eval.scoring",
    "evaluate": "mmeb_eval.scoring",
    "get_tasks": "mmeb_eval.data.tasks",
    "tasks": "mmeb_eval.data.tasks",
    "write_report": "mmeb_eval.scoring",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that the command line starts without numpy."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
