"""Corpora as earlier builds wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq


def drop_reasons(folder: Path) -> Path:
    """Make a build one that does not say why its gold captions are true: no column, no counts in its report."""
    for path in (folder / "provenance").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["reason"]), path)
    report = json.loads((folder / "build_report.json").read_text())
    for entry in report["sources"].values():
        entry.pop("golds", None)
        entry.pop("sha256", None)  # it is of other bytes
    (folder / "build_report.json").write_text(json.dumps(report))
    return folder
