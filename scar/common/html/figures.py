"""Writes figures of a corpus: charts as PNG files, and an HTML page with tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.charts import BarChart, describe_chart, save_charts
from scar.common.files import write_text
from scar.common.html import make_png_uri, render_page

if TYPE_CHECKING:
    from rich.table import Table


def save_figures(
    folder: Path,
    name: str,
    *,
    title: str,
    about: str,
    tables: Sequence[Table],
    charts: Mapping[str, BarChart],
    beyond: Sequence[str] = (),
) -> None:
    """Write ``<name>/*.png`` and the self-contained page ``<name>.html`` into a folder.

    Args:
        folder: folder of the corpus.
        name: name of the page and of the folder of charts; other PNG files in that folder are removed.
        title: title of the page.
        about: sentence below the title.
        tables: tables that the page shows, the same as those in the terminal.
        charts: file name, without its ending -> chart.
        beyond: figures that exceed their limits, in words.
    """
    pictures = save_charts(charts, folder / name)
    page = render_page(
        "figures.html",
        title=title,
        about=about,
        beyond=beyond,
        tables=[_convert_table(table) for table in tables],
        charts=[(make_png_uri(data), describe_chart(charts[chart])) for chart, data in pictures.items()],
    )
    write_text(page, folder / f"{name}.html")


def _convert_table(table: Table) -> dict[str, Any]:
    """Title, columns and rows of a table, for the template."""
    columns = [{"head": str(column.header), "words": column.justify != "right"} for column in table.columns]
    rows = list(zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True))
    return {"title": str(table.title or ""), "columns": columns, "rows": rows}
