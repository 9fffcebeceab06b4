"""Time of training beyond its arithmetic: with the gradient cache, and for `virtue train` as a whole.

The floor is the time of the same modules over prepared tensors: the frozen encoders' pass over the batch's images, then
forward and backward through all trained modules and those between them. The floor reads no files and has no
tokenizer, no order of rows, no optimiser and no log. All works take turns on the same batches, so that a busy machine
slows each of them.

    python benchmarks/train_speed.py --threads 2
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from scar.demo.corpus import build_demo
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.training.batches import make_batch_layout, make_parts
from virtue_ref.training.loss import info_nce
from virtue_ref.training.pairs import Pair, PairSource, open_source
from virtue_ref.training.recipe import TrainingRecipe, parse_recipe
from virtue_ref.training.setup import make_mixer, prepare_training
from virtue_ref.training.step import run_step
from virtue_ref.training.train import train

TINY_RATE = 1e-12
"""Learning rate with which the timed steps leave the weights as they are."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--part", type=int, default=96)
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--checkpointing", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start = resolve.read_checkpoint(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        build_demo(data, images=80, seed=0)
        source = open_source("demo", sorted(data.glob("SCaR-train/*.parquet")), data, all_negatives=True)
        recipe = parse_recipe(
            {
                "about": "a benchmark",
                "model": arguments.model,
                "optimiser": {
                    "steps": arguments.batches,
                    "batch": arguments.batch,
                    "part": arguments.part,
                    "dtype": "float32",
                    "checkpointing": arguments.checkpointing,
                },
                "watch": {"log": 1},
                "sources": [{"name": "demo", "files": "SCaR-train/*.parquet", "all_negatives": True}],
            },
            "speed",
            "speed.toml",
        )
        bench = TrainingBench(recipe, start, source)
        least: dict[str, float] = {}
        for round_ in range(arguments.repeat):
            run = Path(folder) / f"run-{round_}"
            took = {
                "plain step": bench.time_steps(cached=False),
                "cached step": bench.time_steps(cached=True),
                "floor": bench.time_floor(),
                "virtue train, plain": bench.time_train(run / "plain", cached=False),
                "virtue train, cached": bench.time_train(run / "cached", cached=True),
            }
            least = {name: min(seconds, least.get(name, math.inf)) for name, seconds in took.items()}
        print(
            json.dumps(
                vars(arguments) | {"items a batch": bench.items} | summarise_times(least, arguments.batches), indent=2
            )
        )


class TrainingBench:
    """A model to train, and the batches on which each variant is timed."""

    def __init__(self, recipe: TrainingRecipe, start: Checkpoint, source: PairSource) -> None:
        self.recipe, self.start, self.source = recipe, start, source
        self.ready = prepare_training(recipe.with_options(rate=TINY_RATE), start, cpu=True)
        self.model, self.collator = self.ready.model, self.ready.collator
        mixer = make_mixer(recipe, [source])
        self.batches: list[list[Pair]] = [
            [source.read_row(row) for _, row in mixer.next_batch()] for _ in range(recipe.optimiser.steps)
        ]
        self.prepared = [self._prepare_batch(pairs) for pairs in self.batches]
        self.items = sum(len(make_batch_layout(pairs, 1).items[0]) for pairs in self.batches) / len(self.batches)

    def time_steps(self, *, cached: bool) -> float:
        """Seconds of one training step for each batch, with reading files and frozen encoders."""
        settings = self.recipe.with_options(cached=cached).optimiser
        began = time.perf_counter()
        for number, pairs in enumerate(self.batches):
            run_step(self.ready, pairs, settings, number)
        return time.perf_counter() - began

    def time_floor(self) -> float:
        """Seconds of the floor: bare passes over the prepared tensors of all batches."""
        began = time.perf_counter()
        for parts, row, layout in self.prepared:
            vectors = []
            for part, images in parts:
                if images is not None:
                    with torch.no_grad():
                        part.features = self.model.encode_images(images)
                vectors.append(self.model(part.batch, part.features))
            every = torch.cat(vectors)[row]
            loss = info_nce(
                every[layout.queries], every[layout.targets], layout.gold, self.recipe.optimiser.temperature
            )
            torch.autograd.backward(loss)
            self.model.zero_grad()
        return time.perf_counter() - began

    def time_train(self, run: Path, *, cached: bool) -> float:
        """Seconds of as many steps of `virtue train`, as its log gives them.

        Args:
            run: folder of the run, to be made.
            cached: whether the gradient cache is used.
        """
        train(
            self.recipe.with_options(cached=cached), self.start, [self.source], run, trackers=("tensorboard",), cpu=True
        )
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        return sum(float(line["seconds"]) for line in lines)

    def _prepare_batch(self, pairs: Sequence[Pair]) -> tuple[list[tuple[Any, Any]], Any, Any]:
        layout = make_batch_layout(pairs, 1)
        parts, row = make_parts(layout.items[0], self.collator, self.recipe.optimiser.part, torch.device("cpu"))
        images = [self.collator.open_images(part.images) if part.images else None for part in parts]
        return list(zip(parts, images, strict=True)), row, layout


def summarise_times(least: dict[str, float], batches: int) -> dict[str, Any]:
    """Seconds per step, and the ratios beside their promised limits."""
    return {
        "seconds a step": {name: round(seconds / batches, 3) for name, seconds in least.items()},
        "cached step / plain step (promised 1.5)": round(least["cached step"] / least["plain step"], 2),
        "virtue train / floor (promised 1.3)": round(least["virtue train, plain"] / least["floor"], 2),
        "virtue train, cached / floor": round(least["virtue train, cached"] / least["floor"], 2),
    }


if __name__ == "__main__":
    main()
