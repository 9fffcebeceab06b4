"""A table that is too wide for a terminal is printed in parts; no cell is cut or left out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from scar.common.narrow_tables import print_table, split_table


def make_table(columns: int, model: str = "clip:openai/clip-vit-base-patch32") -> Table:
    table = Table(title="scores", caption="note")
    table.add_column("task", no_wrap=True)
    for number in range(columns):
        table.add_column(f"{model}-{number}", justify="right")
    for task in ("VOC2007", "SCAR_RefCOCO_plus_val"):
        table.add_row(task, *(f"0.{number:03} [0.123, 0.456]*" for number in range(columns)))
    return table


def show(table: Table, width: int) -> str:
    output = io.StringIO()
    print_table(table, Console(file=output, width=width))
    return output.getvalue()


@pytest.mark.parametrize("width", [60, 80, 240])
def test_nothing_is_cut_and_no_line_is_too_wide(width: int) -> None:
    shown = show(make_table(9), width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    for number in range(9):
        assert shown.count(f"0.{number:03} [0.123, 0.456]*") == 2
    assert (shown.count("scores"), shown.count("note")) == (1, 1)


def test_a_table_that_fits_stays_as_it_is() -> None:
    table = make_table(1)
    assert split_table(table, 80) == [table]


def test_a_long_name_is_folded() -> None:
    shown = show(make_table(2, "m" * 200), 80)
    assert "…" not in shown
    assert shown.count("m") == 400
