"""The reference VIRTUE embedder: Qwen2-VL, SAM 2.1 and the connector between them.

`load` makes an embedder, `Config` has a model's sizes and settings, `Virtue` is the torch module.

>>> import virtue_ref
>>> model = virtue_ref.load("tiny")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from virtue_ref.config import Config
    from virtue_ref.embedder import load
    from virtue_ref.model.virtue import Virtue

__all__ = ["Config", "Virtue", "load"]

_HOME = {"Config": "virtue_ref.config", "Virtue": "virtue_ref.model.virtue", "load": "virtue_ref.embedder"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, because importing torch and transformers takes seconds."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
