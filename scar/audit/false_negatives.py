"""Count the negatives that may be true, judged by WordNet or by what the corpus says about the same image."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from scar.audit.findings import SUSPECT_REASONS
from scar.audit.row_blocks import CAPTION_KINDS
from scar.audit.swap_checks import SwapChecks
from scar.sample import PARTS

MAX_EXAMPLES = 5
"""Most examples that are reported for each reason."""


class FalseNegativeCounts:
    """Counts of negatives that may be true in the samples of one file; rows are added block by block."""

    def __init__(self) -> None:
        self._suspect_counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._negative_count = self._object_swap_count = self._elsewhere_count = 0

    def add_rows(self, checks: SwapChecks) -> None:
        """Count the negatives of a block of rows."""
        self._negative_count += len(checks.negative_rows)
        self._object_swap_count += len(checks.object_swaps)
        self._elsewhere_count += int(checks.is_elsewhere.sum())
        for reason, is_suspect in checks.find_suspects().items():
            found = np.flatnonzero(is_suspect)
            for kind, count in enumerate(np.bincount(checks.negative_kinds[found]).tolist()):
                self._suspect_counts[reason, CAPTION_KINDS[kind]] += count
            if len(found):
                examples = self._examples.setdefault(reason, [])
                examples += [checks.describe_example(negative) for negative in found[: MAX_EXAMPLES - len(examples)]]

    def to_figures(self) -> dict[str, Any]:
        """Figures of all counted rows.

        Returns:
            ``negatives``: number of all negatives. Each of `SUSPECT_REASONS`: number of negatives that may be true for
            this reason. ``kinds``: by part, then by reason, number of negatives that replace this part. ``examples``:
            by reason, lines about the first such negatives; a reason without any is left out. ``elsewhere``: share of
            object swaps whose thing is the category of another sample of the image. The image may show more of these
            things, since not every thing has a sample.
        """
        counts = self._suspect_counts
        return {
            "negatives": self._negative_count,
            **{reason: sum(counts[reason, part] for part in PARTS) for reason in SUSPECT_REASONS},
            "kinds": {
                part: {reason: self._suspect_counts[reason, part] for reason in SUSPECT_REASONS} for part in PARTS
            },
            "elsewhere": round(self._elsewhere_count / self._object_swap_count, 4) if self._object_swap_count else 0.0,
            "examples": dict(sorted(self._examples.items())),
        }
