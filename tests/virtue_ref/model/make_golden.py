"""Writes golden/vectors.json, what the tiny model says of some items. Run it when a number is meant to move.

.venv/bin/python tests/virtue_ref/model/make_golden.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmeb_eval.item import Item, Points
from scar.sample import Box, Mask
from virtue_ref.embedder import load

GOLDEN = Path(__file__).parent / "golden" / "vectors.json"
CASES: list[tuple[str, dict[str, Any]]] = [
    ("clean", {}),
    ("official", {}),
    ("official", {"resolution": "low"}),
]


def draw(folder: Path) -> list[Item]:
    """Items of every kind on two small pictures that are the same on every machine."""
    x, y = np.meshgrid(np.arange(90), np.arange(70))
    pixels = np.stack([2 * x, 3 * y, (x * y) % 256], axis=-1).astype(np.uint8)
    pixels[20:40, 30:60] = (250, 10, 20)
    Image.fromarray(pixels).save(folder / "wide.png")
    Image.fromarray(pixels[:, :50]).convert("RGBA").save(folder / "tall.png")
    inside = np.zeros((70, 90), bool)
    inside[20:40, 30:60] = True
    wide, tall = folder / "wide.png", folder / "tall.png"
    question = "<|image_pad|>\nFind the caption that best describes the object."
    return [
        Item("a red square on a table"),
        Item("美しい — 3 boats,\nnear the harbour"),
        Item(question, wide),
        Item(question, tall),
        Item(question, wide, Points(((45, 30),), (1,))),
        Item(question, wide, Points(((45, 30), (5, 5)), (1, 0))),
        Item(question, wide, Box(30, 20, 60, 40)),
        Item(question, wide, Points(((45, 30),), (1,), Box(30, 20, 60, 40))),
        Item(question, wide, Mask.from_array(inside)),
    ]


def compute() -> list[dict[str, Any]]:
    """The golden records."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        items = draw(Path(folder))
        records = []
        for profile, options in CASES:
            vectors = load("tiny", profile=profile, device="cpu", **options).embed(items)
            records.append({"profile": profile, "options": options, "vectors": vectors.round(6).tolist()})
    return records


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    lines = [json.dumps(record).replace("], [", "],\n  [") for record in compute()]
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")
