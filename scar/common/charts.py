"""Bar charts as PNG files, drawn by matplotlib, for pages and dataset cards."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scar.common.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION_COLOURS: Mapping[str, str] = {"gold": "#17703f", "scene": "#0c6b85", "relation": "#6a35b5", "object": "#a3480b"}
"""Colour of the gold caption, and of the negatives by the part that they replace, in all charts."""

_OTHERS = ("#3d4fc4", "#8b93a1", "#b8500a", "#0b7a75")
"""Colours of all other series, in order."""

_TEXT, _SOFT, _LINE = "#1b1f25", "#58616d", "#d5d7d2"

_DPI = 160

_WIDTH, _FRAME_HEIGHT, _BAR_HEIGHT, _VERTICAL_HEIGHT = 7.0, 1.0, 0.19, 2.9
"""Inches: width; height of title and axis; height per horizontal bar; height of a chart with vertical bars."""


@dataclass(frozen=True)
class BarChart:
    """A bar chart: each row, such as a category, has one bar for each series.

    Attributes:
        title: what is counted.
        series: name of the series -> name of the row -> value; all series have the same rows.
        unit: how values are written: ``count`` as whole numbers, ``share`` (0 to 1) in percent.
        marks: name -> value at which a line is drawn across the bars; only with horizontal bars.
        axis: label of the axis of rows; only with vertical bars.
        vertical: vertical bars with rows from left to right, for rows with an order; else horizontal bars.
    """

    title: str
    series: Mapping[str, Mapping[str, float]]
    unit: Literal["count", "share"] = "count"
    marks: Mapping[str, float] = field(default_factory=dict)
    axis: str = ""
    vertical: bool = False

    @property
    def rows(self) -> list[str]:
        """Names of the rows, in order."""
        return list(next(iter(self.series.values()), {}))


def draw_png(chart: BarChart) -> bytes:
    """The chart as a PNG file, 1,120 pixels wide; equal charts give equal bytes."""
    from matplotlib.figure import Figure

    rows, series = len(chart.rows), len(chart.series)
    height = _VERTICAL_HEIGHT if chart.vertical else _FRAME_HEIGHT + _BAR_HEIGHT * rows * (series + 0.6)
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    (_draw_vertical if chart.vertical else _draw_horizontal)(axes, chart)
    _style_axes(figure, axes, chart)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # a box is drawn for the letter
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def save_charts(charts: Mapping[str, BarChart], folder: Path) -> dict[str, bytes]:
    """Write each chart as ``<name>.png`` into a folder; all other PNG files of the folder are removed.

    The folder is made if its parent exists.

    Returns:
        Name of the chart -> bytes of its file.

    Raises:
        WriteError: see `scar.common.files.write_bytes`.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        if old.stem not in charts:
            old.unlink()
    pictures = {name: draw_png(chart) for name, chart in charts.items()}
    for name, data in pictures.items():
        write_bytes(data, folder / f"{name}.png")
    return pictures


def describe_chart(chart: BarChart) -> str:
    """The chart in words, for screen readers: its title and all values."""
    rows = [
        f"{row}: "
        + ", ".join(f"{name} {_format_value(values[row], chart.unit)}" for name, values in chart.series.items())
        for row in chart.rows
    ]
    marks = [f"{name} {_format_value(value, chart.unit)}" for name, value in chart.marks.items()]
    return ". ".join([chart.title, *rows, *marks])


def _draw_horizontal(axes: Axes, chart: BarChart) -> None:
    """Draw horizontal bars, each with its value; the first row is at the top."""
    thick = 0.8 / max(len(chart.series), 1)
    for index, (name, values) in enumerate(chart.series.items()):
        at = [row + (index - (len(chart.series) - 1) / 2) * thick for row in range(len(values))]
        bars = axes.barh(at, list(values.values()), height=thick * 0.9, color=_choose_colour(name, index), label=name)
        labels = [_format_value(value, chart.unit) for value in values.values()]
        background = {
            "facecolor": "white",
            "edgecolor": "none",
            "pad": 0.8,
        }  # hides the line of a mark
        axes.bar_label(bars, labels, padding=3, fontsize=7, color=_SOFT, bbox=background)
    axes.set_yticks(range(len(chart.rows)), [_shorten_label(row, 32) for row in chart.rows], parse_math=False)
    axes.set_ylim(len(chart.rows) - 0.4, -0.6)
    for name, value in chart.marks.items():
        axes.axvline(value, color=_TEXT, linewidth=1, linestyle="--" if name == "chance" else "-")
        top = axes.get_xaxis_transform()
        axes.text(value, 1.005, name, fontsize=7.5, color=_TEXT, va="bottom", ha="center", transform=top)
    largest = max([*(v for values in chart.series.values() for v in values.values()), *chart.marks.values()], default=0)
    axes.set_xlim(0, (largest or 1) * 1.12)
    axes.grid(axis="x", color=_LINE, linewidth=0.6)


def _draw_vertical(axes: Axes, chart: BarChart) -> None:
    """Draw vertical bars; those of one row stand side by side."""
    wide = 0.86 / max(len(chart.series), 1)
    for index, (name, values) in enumerate(chart.series.items()):
        at = [row + (index - (len(chart.series) - 1) / 2) * wide for row in range(len(values))]
        axes.bar(at, list(values.values()), width=wide * 0.94, color=_choose_colour(name, index), label=name)
    named = range(0, len(chart.rows), 1 + len(chart.rows) // 30)
    axes.set_xticks(named, [_shorten_label(chart.rows[row], 12) for row in named], parse_math=False)
    axes.set_xlabel(_shorten_label(chart.axis, 80), color=_SOFT, fontsize=8, parse_math=False)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=_LINE, linewidth=0.6)


def _style_axes(figure: Figure, axes: Axes, chart: BarChart) -> None:
    """Set the title, the legend and the style that all charts share."""
    from matplotlib.ticker import MaxNLocator

    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(colors=_SOFT, labelsize=8, length=0)
    values = axes.yaxis if chart.vertical else axes.xaxis
    values.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=chart.unit == "count"))
    values.set_major_formatter(lambda value, _: f"{value:,.0f}" if chart.unit == "count" else f"{100 * value:.3g}%")
    for label in (axes.get_xticklabels if chart.vertical else axes.get_yticklabels)():
        label.set_color(_TEXT)
    axes.set_axisbelow(True)
    title: dict[str, Any] = {"fontsize": 10, "fontweight": "bold", "color": _TEXT, "parse_math": False}
    figure.suptitle(_shorten_label(chart.title, 56), x=0.012, ha="left", **title)
    if len(chart.series) > 1:
        figure.legend(loc="outside upper right", ncols=len(chart.series), frameon=False, fontsize=8, handlelength=1)


def _choose_colour(name: str, index: int) -> str:
    return CAPTION_COLOURS.get(name, _OTHERS[index % len(_OTHERS)])


def _format_value(value: float, unit: str) -> str:
    return f"{value:,.0f}" if unit == "count" else f"{value:.1%}"


def _shorten_label(label: str, max_length: int) -> str:
    return label if len(label) <= max_length else f"{label[: max_length - 1]}…"
