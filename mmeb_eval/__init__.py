"""Scores any embedder on the 36 MMEB and 5 SCaR tasks."""

from mmeb_eval.check import check
from mmeb_eval.data.tasks import Task, tasks
from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item, Points, Prompt
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import Result
from scar.errors import EvalError

__all__ = ["Embedder", "EvalError", "Item", "Points", "Prompt", "Result", "Task", "check", "evaluate", "tasks"]
