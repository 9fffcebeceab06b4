"""The table's numbers are those of the scores, and the paper's are the published ones."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmeb_eval.regions.strategies import STRATEGIES
from mmeb_eval.report.strategy_table import (
    PROMPT_STRATEGY,
    REGION_STRATEGIES,
    STAGES,
    StrategyScore,
    make_strategy_table,
    read_strategy_scores,
    write_strategy_scores,
)
from scar.errors import DataError
from tests.shared import SHARED

HITS = {11: 0.25, 12: 0.5, 13: 0.75}


def measured() -> list[StrategyScore]:
    """Of two seeds; a draw scores more the later the way and the stage stand."""
    return [
        StrategyScore(way, stage, seed, draw, (hit + place + 10 * late) / 100, 1000 + draw, 0.1, "m")
        for seed in (1, 0)
        for late, stage in enumerate(STAGES)
        for place, way in enumerate(REGION_STRATEGIES)
        for draw, hit in HITS.items()
    ]


def test_every_way_is_one_that_can_be_asked_for() -> None:
    assert set(REGION_STRATEGIES) - {PROMPT_STRATEGY} <= set(STRATEGIES)


def test_cells_are_means_and_deviations_over_draws() -> None:
    ways = make_strategy_table(measured())
    assert ways.columns == ((0, "before"), (0, "after"), (1, "before"), (1, "after"))
    for place, row in enumerate(ways.rows):
        for (_, stage), cell in zip(ways.columns, row.cells, strict=True):
            hits = [(hit + place + 10 * (stage == "after")) / 100 for hit in HITS.values()]
            assert cell is not None
            assert (cell.mean, cell.deviation) == pytest.approx((np.mean(hits), np.std(hits, ddof=1)))
    assert "3 draws of 1,011 to 1,013 held-out queries (seeds 11, 12, 13), chance 0.100" in ways.about
    alone = make_strategy_table([measured()[0]])
    assert [cell.deviation for row in alone.rows for cell in row.cells if cell] == [None]


def test_the_paper_stands_beside_as_it_is_published() -> None:
    path = SHARED / "published" / "paper_scar_results.csv"
    if not path.is_file():
        pytest.skip(f"no published scores at {path}")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))

    def overall(model: str, variant: str) -> float:
        return next(float(r["Overall"]) / 100 for r in rows if r["model"].startswith(model) and r["variant"] == variant)

    printed = {
        way: row.published_scores
        for way, row in zip(REGION_STRATEGIES, make_strategy_table(measured()).rows, strict=True)
    }
    shares = {way: tuple(score and score.share for score in paper) for way, paper in printed.items()}
    assert shares == {
        PROMPT_STRATEGY: (overall("VIRTUE-2B", ""), overall("VIRTUE-2B", "+SCaR-train")),
        "whole-image": (None, None),
        "text": (None, None),
        "text-bare": (overall("VLM2Vec-2B", ""), overall("VLM2Vec-2B", "+SCaR-train")),
        "crop": (overall("VIRTUE-2B", "+Cropping"), None),
        "red-circle": (overall("CLIP", "+ Red Circle"), None),
    }


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_strategy_scores(measured(), tmp_path / "table.json")
    assert read_strategy_scores(tmp_path / "table.json") == measured()


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(DataError, match=r"table\.json: not readable scores"):
        read_strategy_scores(path)
    write_strategy_scores([replace(measured()[0], way="smell")], path)
    with pytest.raises(DataError, match=r"table\.json, score 0: expected chance, .*'smell'"):
        read_strategy_scores(path)
    path.write_text(json.dumps({"hit": 1}))
    with pytest.raises(DataError, match=r"table\.json, score 0: expected chance"):
        read_strategy_scores(path)
    with pytest.raises(DataError, match="no scores"):
        make_strategy_table([])
