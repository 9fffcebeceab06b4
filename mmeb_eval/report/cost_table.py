"""What the vectors of each model cost, as a table for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmeb_eval.run.cost import Cost
from scar.common.files import format_bytes

COST_HEADINGS = ("model", "tasks", "items", "seconds", "items/s", "batch", "vector width", "peak memory", "peak on GPU")
"""Headings of the columns."""

COST_NOTE = (
    "What the vectors cost in the runs that made them: items that were stored already are not counted. Seconds are "
    "those in the model, waits for images and servers included; batch is the largest number of items in one call; "
    "memory is the peak of the process."
)

UNKNOWN = "-"


def make_cost_rows(costs: Mapping[tuple[str, str], Cost]) -> list[tuple[str, ...]]:
    """A row of texts for each model, under `COST_HEADINGS`: sums over its tasks, and the peaks of memory.

    Args:
        costs: (model, task) -> what its vectors cost; tasks that nobody measured are left out.
    """
    by_model: dict[str, list[Cost]] = {}
    for (model, _), cost in costs.items():
        by_model.setdefault(model, []).append(cost)
    return [(model, *_format_costs(own)) for model, own in by_model.items()]


def _format_costs(costs: Sequence[Cost]) -> tuple[str, ...]:
    items, seconds = sum(cost.items for cost in costs), sum(cost.seconds for cost in costs)
    rate = items / seconds if seconds else 0.0
    batch = max(cost.batch_size for cost in costs)
    widths = "/".join(str(width) for width in dict.fromkeys(cost.vector_width for cost in costs))
    peaks = ([cost.peak_memory for cost in costs], [cost.peak_device_memory for cost in costs])
    memory = [max((peak for peak in own if peak is not None), default=None) for own in peaks]
    texts = [UNKNOWN if peak is None else format_bytes(peak) for peak in memory]
    rate_text = f"{rate:,.1f}" if seconds else UNKNOWN
    return f"{len(costs):,}", f"{items:,}", f"{seconds:,.1f}", rate_text, f"{batch:,}", widths, *texts
