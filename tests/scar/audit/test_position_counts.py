"""Positions of captions are those of a loop over rows, however the rows are cut."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from scar.audit import row_blocks
from scar.audit.position_counts import PositionCounts
from scar.audit.row_blocks import iter_row_blocks
from scar.sample import Split
from tests.scar.audit.toy_corpus import draw_samples, write_file


@pytest.mark.parametrize("split", ["eval", "train"])
@pytest.mark.parametrize("provenance", [True, False])
@pytest.mark.parametrize("rows_per_block", [3, 10_000])
def test_positions_are_those_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split, provenance: bool, rows_per_block: int
) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", rows_per_block)
    file = write_file(tmp_path, list(draw_samples(2, split, 0.7)), split)
    if not provenance:
        file = dataclasses.replace(file, sidecar=None)
    counts = PositionCounts(split)
    for block in iter_row_blocks(file):
        counts.add_rows(block)
    positions: Counter[str] = Counter()
    for (columns, _), sample in zip(file.iter_rows(), file.iter_samples(), strict=True):
        listed = columns["tgt_text"] if split == "eval" else [each.caption.text for each in sample.negatives]
        positions[str(listed.index(sample.gold.text if split == "eval" else columns["neg_text"]))] += 1
    shares = {position: round(count / positions.total(), 4) for position, count in positions.items()}
    assert counts.to_figures() == {"gold" if split == "eval" else "negative": shares}
