"""A page of figures holds its tables and charts as they are, whatever they say, and is whole in a real browser."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from scar.common.charts import BarChart
from scar.common.html.figures import save_figures

HOSTILE = "</td><script>alert(1)</script>"


def written(folder: Path) -> str:
    table = Table("source", "by", title="What is found")
    table.add_column("share", justify="right")
    table.add_row("Toy/eval", HOSTILE, "0.10")
    chart = BarChart(HOSTILE, {"gold": {"cat": 1, HOSTILE: 2}})
    save_figures(
        folder, "stats", title=HOSTILE, about="All.", tables=[table], charts={"one": chart}, beyond=[f"{HOSTILE} 1"]
    )
    return (folder / "stats.html").read_text()


def test_the_page_says_what_tables_and_charts_do(tmp_path: Path) -> None:
    page = written(tmp_path)
    assert "<script" not in page
    cells = re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", page)
    assert [html.unescape(cell) for cell in cells] == ["source", "by", "share", "Toy/eval", HOSTILE, "0.10"]
    (data,) = re.findall(r'<img src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(data) == (tmp_path / "stats" / "one.png").read_bytes()
    assert "cat: gold 1" in page
    assert written(tmp_path) == page


def test_the_page_is_whole_in_the_browser(browse: Callable[..., str], tmp_path: Path) -> None:
    written(tmp_path)
    dom = browse(tmp_path / "stats.html", "--dump-dom", "--enable-logging=stderr", "--v=0")
    assert dom.count("<img ") == dom.count("<table ") == 1
    assert dom.rstrip().endswith("</html>")
    assert "CONSOLE" not in (tmp_path / "stderr.txt").read_text()
