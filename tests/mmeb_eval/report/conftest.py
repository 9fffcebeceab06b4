"""Fixtures that tests of several reports use."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.common.files import hash_file
from tests.mmeb_eval.report.toy import MINE, NASTY, QUERIES, make_sample, order_candidates
from tests.scar.formats.samples_file import write_samples


@pytest.fixture
def toy_corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name in ("SCaR-eval", "provenance", "images"):
        (folder / name).mkdir(parents=True)
    for number in range(QUERIES):
        Image.new("RGB", (1000, 500), (0, 40 * number, 90)).save(folder / "images" / f"{number}.png")
    file = "SCaR_eval_Toy.parquet"
    samples = [make_sample(number) for number in range(QUERIES)]
    paths = folder / "SCaR-eval" / file, folder / "provenance" / file
    write_samples(samples, "eval", *paths, generator="rules", generator_version="1")
    return folder


@pytest.fixture
def toy_results(toy_corpus: Path) -> list[Result]:
    file = toy_corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    ranks = {"constant": (10,) * QUERIES, MINE: (1, 1, 4, 1, 2, 7)}
    first = {"constant": (1,) * QUERIES, MINE: (0, 0, 5, 0, 8, 3)}
    settings = {"files": {file.name: hash_file(file)}, "layout": "plain", "note": NASTY, "embedder": {"seed": 3}}
    return [
        Result(
            model=model,
            task="Toy",
            metrics={HEADLINE_METRIC: ranks[model].count(1) / QUERIES, "mrr": 0.5},
            counts={"queries": QUERIES, "candidates": 10 * QUERIES, "items": 60, "ties": 5},
            chance=0.1,
            settings=settings,
            ranks=ranks[model],
            top=tuple(order_candidates(best, rank) for best, rank in zip(first[model], ranks[model], strict=True)),
            margins=tuple((1 - rank) / 10 for rank in ranks[model]),
        )
        for model in ranks
    ]
