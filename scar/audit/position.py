"""Where captions stand in the rows: who breaks ties by order must not profit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.parquet as pq

from scar.parquet import RowFile
from scar.sample import Sample


def position(file: RowFile) -> dict[str, Any]:
    """Where the gold caption of eval rows stands, and which of the negatives train rows show.

    Returns:
        ``gold``: share of the rows by place, from 0 (by format it is always 0, so a model must not be ranked by the
        order of equal scores); or ``negative``: share of the train rows by the place of their negative among all.
    """
    columns = ["tgt_text"] if file.split == "eval" else ["neg_text"]
    places: Counter[str] = Counter()
    rows = pq.ParquetFile(file.path).iter_batches(batch_size=1000, columns=columns)
    values = (value for batch in rows for value in batch.column(0).to_pylist())
    for sample, value in zip(file.samples(), values, strict=True):
        places[_place(sample, value)] += 1
    shares = {place: round(places[place] / places.total(), 4) for place in sorted(places)}
    return {"gold" if file.split == "eval" else "negative": shares}


def _place(sample: Sample, value: Any) -> str:
    if isinstance(value, list):
        return str(value.index(sample.gold.text)) if sample.gold.text in value else "none"
    texts = [negative.caption.text for negative in sample.negatives]
    return str(texts.index(value)) if value in texts else "none"
