"""Scores any embedder on the 36 tasks of MMEB and the 5 tasks of SCaR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmeb_eval.contract import check
    from mmeb_eval.data.tasks import Task, tasks
    from mmeb_eval.embedder import Embedder
    from mmeb_eval.item import Item, Points, Prompt
    from mmeb_eval.run.evaluate import evaluate
    from mmeb_eval.run.results import Result
    from scar.errors import EvalError

__all__ = ["Embedder", "EvalError", "Item", "Points", "Prompt", "Result", "Task", "check", "evaluate", "tasks"]

_MODULES = {
    "Embedder": "mmeb_eval.embedder",
    "EvalError": "scar.errors",
    "Item": "mmeb_eval.item",
    "Points": "mmeb_eval.item",
    "Prompt": "mmeb_eval.item",
    "Result": "mmeb_eval.run.results",
    "Task": "mmeb_eval.data.tasks",
    "check": "mmeb_eval.contract",
    "evaluate": "mmeb_eval.run.evaluate",
    "tasks": "mmeb_eval.data.tasks",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that the command line starts without numpy."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
