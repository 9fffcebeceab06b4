"""Tables that are wider than a terminal: no cell is cut, columns that do not fit go into a table below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scar.common.terminal import make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column, Table

MAX_SHARE = 0.5
"""Largest share of the width that one column takes before its cells are folded."""


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table to stdout; if it is too wide, in parts, each of which has the first column. See `split_table`."""
    console = console or make_console()
    for part in split_table(table, console.width):
        console.print(part)


def split_table(table: Table, width: int) -> list[Table]:
    """Split a table by columns into parts that fit into a width; long cells are folded, and none is cut.

    The title stands above the first part, the caption below the last. Returns the table alone if it fits.
    """
    from rich.table import Table

    most = max(8, int(width * MAX_SHARE))
    gap = table.padding[1] + table.padding[3] + (1 if table.box else 0)
    widths = [_measure_column(column) + gap for column in table.columns]
    if sum(widths) + 1 <= width or len(table.columns) < 2:
        return [table]
    folded = [min(own, most) for own in widths]
    groups: list[list[int]] = [[]]
    used = folded[0] + 1
    for index in range(1, len(widths)):
        if groups[-1] and used + folded[index] > width:
            groups.append([])
            used = folded[0] + 1
        groups[-1].append(index)
        used += folded[index]
    parts = []
    for number, group in enumerate(groups):
        part = Table(
            title=table.title if number == 0 else None,
            caption=table.caption if number == len(groups) - 1 else None,
            box=table.box,
            padding=table.padding,
            title_justify=table.title_justify,
            caption_justify=table.caption_justify,
        )
        columns = [table.columns[index] for index in (0, *group)]
        for column in columns:
            part.add_column(column.header, justify=column.justify, overflow="fold")
        for row, cells in zip(table.rows, zip(*(column.cells for column in columns), strict=True), strict=True):
            part.add_row(*cells, style=row.style, end_section=row.end_section)
        parts.append(part)
    return parts


def _measure_column(column: Column) -> int:
    """Width of the widest line in a column."""
    from rich.cells import cell_len
    from rich.text import Text

    texts = [Text.from_markup(str(cell)).plain for cell in (column.header, *column.cells)]
    return max(cell_len(line) for text in texts for line in text.splitlines() or [""])
