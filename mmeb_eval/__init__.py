"""Scores any embedder on the 36 MMEB and 5 SCaR tasks."""

from mmeb_eval.embedder import Embedder, Item, Points, Prompt
from mmeb_eval.errors import EvalError

__all__ = ["Embedder", "EvalError", "Item", "Points", "Prompt"]
