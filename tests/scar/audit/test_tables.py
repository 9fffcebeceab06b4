"""Tables of an audit fit a terminal."""

from __future__ import annotations

import io
from pathlib import Path

from scar import audit
from scar.audit.tables import make_tables


def test_tables_fit_a_terminal(leaky: Path) -> None:
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    for table in make_tables(audit(leaky, trained_on=50)):
        console.print(table)
    text = console.export_text()
    assert "lighthouse" in text
    assert "…" not in text
