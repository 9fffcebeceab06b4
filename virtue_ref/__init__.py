"""The reference VIRTUE embedder: Qwen2-VL, SAM 2.1 and the connector between them.

`load` makes an embedder, `Config` has a model's sizes and settings, `Virtue` is the torch module. `build_index` embeds
images or the regions that `read_entries` finds, `open_index` opens what it wrote, `draw_hits` shows what was found.
`DeviceGroup` embeds on several devices. `explain_item` makes masks and a map of similarity for `draw_explanation`.

>>> import virtue_ref
>>> model = virtue_ref.load("tiny")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from virtue_ref.config import Config
    from virtue_ref.device_group import DeviceGroup
    from virtue_ref.embedder import load
    from virtue_ref.explain.explanation import explain_item
    from virtue_ref.explain.picture import draw_explanation
    from virtue_ref.model.virtue import Virtue
    from virtue_ref.search.entries import read_entries
    from virtue_ref.search.index import build_index, open_index
    from virtue_ref.search.sheet import draw_hits

__all__ = [
    "Config",
    "DeviceGroup",
    "Virtue",
    "build_index",
    "draw_explanation",
    "draw_hits",
    "explain_item",
    "load",
    "open_index",
    "read_entries",
]

_HOME = {
    "Config": "virtue_ref.config",
    "DeviceGroup": "virtue_ref.device_group",
    "Virtue": "virtue_ref.model.virtue",
    "build_index": "virtue_ref.search.index",
    "draw_explanation": "virtue_ref.explain.picture",
    "draw_hits": "virtue_ref.search.sheet",
    "explain_item": "virtue_ref.explain.explanation",
    "load": "virtue_ref.embedder",
    "open_index": "virtue_ref.search.index",
    "read_entries": "virtue_ref.search.entries",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, because importing torch and transformers takes seconds."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
