"""The miniature told the region in every way, on drawn worlds that it has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mmeb_eval.data import scar_folder
from mmeb_eval.embedder import Embedder
from mmeb_eval.regions import tell
from mmeb_eval.results import HEADLINE
from mmeb_eval.run import run as evaluate
from mmeb_eval.ways import PROMPT, WAYS, Measured, Stage
from scar.demo import build_demo
from virtue_ref import runs
from virtue_ref.embedder import load
from virtue_ref.errors import CheckpointError
from virtue_ref.miniature.make import PARTS

DRAWS = (11, 12, 13)
"""Seeds of worlds to ask about; those of training begin at `virtue_ref.miniature.make.WORLDS`."""

PICTURES = 240
"""Of a world: a little over 1,000 queries."""


def score(
    run: Path,
    draws: Sequence[int] = DRAWS,
    pictures: int = PICTURES,
    say: Callable[[str], None] = lambda _: None,
) -> list[Measured]:
    """Score a finished run in all ways; worlds, vectors and results stay in ``run/table``, so that it can be stopped.

    Args:
        run: folder of `virtue_ref.miniature.make.make`.
        draws: seeds of worlds.
        pictures: drawn for each.
        say: shows a line to the user.

    Raises:
        CheckpointError: the run is not finished.
    """
    after = runs.named(run / "scar", runs.LAST)
    before = run / PARTS
    if after is None or not before.is_dir():
        absent = run / "scar" / runs.LAST if after is None else before
        raise CheckpointError(f"{absent}: not there; `virtue train demo --out {run}` does what is missing.")
    seed = json.loads((after / f"{runs.STATE}.json").read_text())["facts"]["recipe"]["optimiser"]["seed"]
    models: dict[Stage, Embedder] = {"before": load(before), "after": load(run / "scar")}
    scores: list[Measured] = []
    for draw in draws:
        folder = run / "table" / f"draw-{draw}"
        if not (folder / "corpus" / "build_report.json").exists():
            build_demo(folder / "corpus", pictures, draw)
        for stage, model in models.items():
            told = {way: model if way == PROMPT else tell(model, way) for way in WAYS}
            results = evaluate(list(told.values()), scar_folder(folder / "corpus"), folder / "results")
            for way, result in zip(told, results, strict=True):
                asked = result.counts["queries"]
                hit = result.metrics[HEADLINE]
                scores.append(Measured(way, stage, seed, draw, hit, asked, result.chance, result.model))
                say(f"{stage} the SCaR stage, draw {draw}, {WAYS[way].title}: {hit:.3f} of {asked:,}")
    return scores
