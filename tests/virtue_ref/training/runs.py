"""A small recipe, and what its runs leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECIPE: dict[str, Any] = {
    "about": "a test",
    "model": "tiny",
    "optimiser": {
        "steps": 4,
        "batch": 6,
        "part": 4,
        "rate": 1e-2,
        "warm_up": 2,
        "dtype": "float32",
        "checkpointing": False,
    },
    "adapter": {"rank": 2, "alpha": 4, "dropout": 0.1},
    "watch": {"log": 1, "save": 2},
    "sources": [{"name": "demo", "files": "SCaR-train/*.parquet", "all_negatives": True}],
}


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]
