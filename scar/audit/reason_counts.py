"""Count gold captions by the evidence for them, and those that are also the gold caption of another thing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from scar.audit.row_blocks import RowBlock
from scar.sample import RANKING_REASONS, REASONS


class ReasonCounts:
    """Counts of the gold captions of one file; rows are added block by block."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._rows = self._shared = 0

    def add_rows(self, rows: RowBlock) -> None:
        """Count the gold captions of a block of rows."""
        self._counts.update(reason for reason in rows.reasons if reason is not None)
        golds = rows.image_groups * len(rows.texts.values) + rows.texts.codes[: rows.count]
        _, times = np.unique(golds, return_counts=True)
        self._rows += rows.count
        self._shared += int(times[times > 1].sum())

    def to_figures(self) -> dict[str, Any]:
        """Figures of all counted rows.

        Returns:
            ``counts``: number of samples by the reason of their gold caption; empty in a corpus that does not say it.
            ``ranking``: share of positions and ordinals among these; None without reasons. ``shared``: share of the
            samples whose gold caption is also that of another sample of the image.
        """
        total = self._counts.total()
        ranking = sum(self._counts[reason] for reason in RANKING_REASONS)
        return {
            "counts": {reason: self._counts[reason] for reason in REASONS if self._counts[reason]},
            "ranking": round(ranking / total, 4) if total else None,
            "shared": round(self._shared / self._rows, 4) if self._rows else 0.0,
        }
