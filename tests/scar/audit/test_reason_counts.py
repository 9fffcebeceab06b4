"""Reasons and shared gold captions are counted as by a loop over samples, however the rows are cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from scar.audit import row_blocks
from scar.audit.reason_counts import ReasonCounts
from scar.audit.row_blocks import iter_row_blocks
from scar.sample import REASONS
from tests.scar.audit.toy_corpus import draw_samples, write_file


@pytest.mark.parametrize("rows_per_block", [3, 10_000])
@pytest.mark.parametrize("known", [0.0, 0.6, 1.0])
def test_counts_are_those_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: float, rows_per_block: int
) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", rows_per_block)
    rng = Random(3)
    samples = [
        msgspec.structs.replace(sample, reason=rng.choice(REASONS) if rng.random() < known else None)
        for sample in draw_samples(2, "eval", 0.7)
    ]
    counts = ReasonCounts()
    for block in iter_row_blocks(write_file(tmp_path, samples, "eval")):
        counts.add_rows(block)
    reasons = Counter(sample.reason for sample in samples if sample.reason)
    ranking = sum(sample.reason in ("position", "ordinal") for sample in samples)
    golds = Counter((sample.image, sample.gold.text) for sample in samples)
    shared = sum(golds[sample.image, sample.gold.text] > 1 for sample in samples)
    assert shared
    assert counts.to_figures() == {
        "counts": dict(reasons),
        "ranking": round(ranking / reasons.total(), 4) if reasons else None,
        "shared": round(shared / len(samples), 4),
    }


def test_no_rows_have_no_shares() -> None:
    assert ReasonCounts().to_figures() == {"counts": {}, "ranking": None, "shared": 0.0}
