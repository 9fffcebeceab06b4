"""Negatives that may be true: what WordNet, and what the corpus itself says of the same image, have against them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from scar.audit.findings import SUSPECT_REASONS
from scar.audit.row_blocks import CAPTION_KINDS, RowBlock
from scar.audit.swap_checks import SwapChecks
from scar.sample import PARTS

MAX_EXAMPLES = 5


class FalseNegativeCounts:
    """Counts over the samples of one file."""

    def __init__(self) -> None:
        self._suspects: Counter[tuple[str, str]] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._objects = self._elsewhere = self._negatives = 0

    def add_rows(self, rows: RowBlock) -> None:
        """Count the samples of some images."""
        swaps = SwapChecks(rows)
        self._negatives += len(swaps.negative_rows)
        objects = swaps.select_swaps("object", has_elements=True)
        self._objects += len(objects)
        self._elsewhere += int(swaps.find_elsewhere(objects).sum())
        for reason, suspect in swaps.find_suspects().items():
            found = np.flatnonzero(suspect)
            for kind, count in enumerate(np.bincount(swaps.negative_kinds[found]).tolist()):
                self._suspects[reason, CAPTION_KINDS[kind]] += count
            if len(found):
                examples = self._examples.setdefault(reason, [])
                examples += [swaps.describe_example(negative) for negative in found[: MAX_EXAMPLES - len(examples)]]

    def to_figures(self) -> dict[str, Any]:
        """What was counted.

        Returns:
            ``negatives`` seen; how many are suspect, by reason, under ``kinds`` by part too, and ``examples`` of each;
            ``elsewhere``: share of the object swaps that another sample of the image is about. An image shows more
            than its samples are about, so of all that it shows that is the least share.
        """
        return {
            "negatives": self._negatives,
            **{reason: sum(self._suspects[reason, part] for part in PARTS) for reason in SUSPECT_REASONS},
            "kinds": {part: {reason: self._suspects[reason, part] for reason in SUSPECT_REASONS} for part in PARTS},
            "elsewhere": round(self._elsewhere / self._objects, 4) if self._objects else 0.0,
            "examples": dict(sorted(self._examples.items())),
        }
