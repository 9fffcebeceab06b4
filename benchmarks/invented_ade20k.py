"""Write invented files in the format of ADE20K's challenge release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from invented_pictures import THINGS, WORDS, make_rng, scale_count
from PIL import Image

ADE_SIZE = (683, 512)
ADE = {"training": 20_210, "validation": 2_000}


def write_ade(root: Path, split: str, count: int) -> None:
    """Write grey images of tiles, and the two PNG files of each: the class of each pixel, and its thing."""
    width, height = ADE_SIZE
    prefix = {"training": "train", "validation": "val"}[split]
    folders = [root / kind / split for kind in ("images", "annotations", "annotations_instance")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        rng = np.random.default_rng([len(split), number])
        classes, things = np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8)
        edges = np.sort(rng.integers(0, height, 4))
        for index, label in enumerate(rng.integers(1, 60, 4)):
            classes[edges[index] :] = label  # wall, ceiling, floor
        names = rng.integers(60, 151, 6)
        for thing in range(1, 4 + int(rng.integers(0, 12))):
            w, h = int(rng.integers(12, 260)), int(rng.integers(12, 260))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            label = int(rng.choice(names))
            ramp = (np.arange(w) * h // (3 * w))[None, :]
            inside = (np.arange(h)[:, None] >= ramp) & (np.arange(h)[:, None] < h - ramp)
            classes[y : y + h, x : x + w][inside] = label
            things[y : y + h, x : x + w][inside] = (label - 50, thing, 0)
        tiles = Image.fromarray(rng.integers(60, 200, (8, 9), np.uint8)).resize(ADE_SIZE, Image.Resampling.NEAREST)
        tiles.save(folders[0] / f"ADE_{prefix}_{number:08}.jpg", quality=10)
        Image.fromarray(classes).save(folders[1] / f"ADE_{prefix}_{number:08}.png", compress_level=1)
        Image.fromarray(things).save(folders[2] / f"ADE_{prefix}_{number:08}.png", compress_level=1)


def write_ade_lists(root: Path, scale: float) -> None:
    names = [*THINGS, *WORDS["nouns"]] * 2
    lines = ["Idx\tRatio\tTrain\tVal\tStuff\tName"]
    lines += [f"{i}\t0.1\t100\t10\t{int(i < 60)}\t{names[i]}, thing" for i in range(1, 151)]
    (root / "objectInfo150.txt").write_text("\n".join(lines) + "\n")
    rng, rows = make_rng("ade"), []
    for split, count in ADE.items():
        prefix = {"training": "train", "validation": "val"}[split]
        rows += [f"ADE_{prefix}_{i:08} {rng.choice(WORDS['places'])}" for i in range(1, scale_count(count, scale) + 1)]
    (root / "sceneCategories.txt").write_text("\n".join(rows) + "\n")
