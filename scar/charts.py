"""Bars that stand beside each other, drawn once and given out as SVG for pages and as PNG for files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal["paper", "text", "soft", "track", "first", "second", "third", "fourth"]

COLOURS: Mapping[Colour, str] = {
    "paper": "#ffffff",
    "text": "#1d2127",
    "soft": "#5b6470",
    "track": "#ebece8",
    "first": "#17703f",
    "second": "#0c6b85",
    "third": "#6a35b5",
    "fourth": "#a3480b",
}
"""Of PNG files; a page gives its own, as ``--first`` and so on."""

_SERIES: tuple[Colour, ...] = ("first", "second", "third", "fourth")

_WIDTH, _LABELS, _RIGHT, _BAR, _GAP, _SIZE = 640, 190, 62, 14, 9, 13
"""Pixels: of the whole, of the column of labels, beside the bars, of a bar, between groups of bars, of letters."""

_SCALE = 2
"""Pixels of a PNG for one of ours: sharp on dense screens."""


@dataclass(frozen=True)
class Bars:
    """A bar chart; rows go down, the bars of a row's series stand under each other.

    Attributes:
        title: what is counted.
        series: values by row, by name of the series; all have the same rows, at most four series.
        unit: how values are written.
        marks: values that a line shows, by name.
    """

    title: str
    series: Mapping[str, Mapping[str, float]]
    unit: Literal["count", "share"] = "count"
    marks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float
    said: str
    colour: Colour
    anchor: Literal["start", "end"] = "start"
    bold: bool = False


def png(chart: Bars) -> bytes:
    """The chart as a PNG file, twice as large as its SVG."""
    from PIL import Image, ImageDraw, ImageFont

    shapes, height = _drawn(chart)
    image = Image.new("RGB", (_WIDTH * _SCALE, height * _SCALE), COLOURS["paper"])
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_SIZE * _SCALE)
    for shape in shapes:
        x, y = shape.x * _SCALE, shape.y * _SCALE
        if isinstance(shape, _Box):
            corner = (x + max(shape.width * _SCALE - 1, 0), y + shape.height * _SCALE - 1)
            draw.rectangle((x, y, *corner), fill=COLOURS[shape.colour])
        else:
            anchor = "ls" if shape.anchor == "start" else "rs"
            stroke = 0.4 if shape.bold else 0
            draw.text((x, y), shape.said, COLOURS[shape.colour], font, anchor=anchor, stroke_width=stroke)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def save_charts(charts: Mapping[str, Bars], folder: Path) -> None:
    """Write each chart as ``<name>.png``; other charts that were there before are gone."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for name, chart in charts.items():
        partial = folder / f".{name}.partial"
        partial.write_bytes(png(chart))
        partial.replace(folder / f"{name}.png")


def told(chart: Bars) -> str:
    """The chart in words: its title and the values of every row."""
    rows = [
        f"{row}: " + ", ".join(f"{name} {_value(values[row], chart.unit)}" for name, values in chart.series.items())
        for row in _rows(chart)
    ]
    marks = [f"{name} {_value(value, chart.unit)}" for name, value in chart.marks.items()]
    return ". ".join([chart.title, *rows, *marks])


def _rows(chart: Bars) -> list[str]:
    return list(next(iter(chart.series.values()), {}))


def _drawn(chart: Bars) -> tuple[list[_Box | _Text], int]:
    """Shapes and the height of the whole."""
    shapes: list[_Box | _Text] = [_Text(0, 18, chart.title, "text", bold=True)]
    x = 0.0
    for colour, name in zip(_SERIES, chart.series, strict=False):
        shapes += [_Box(x, 30, 10, 10, colour), _Text(x + 15, 40, name, "soft")]
        x += 40 + 7 * len(name)
    top = y = 56
    span = _WIDTH - _LABELS - _RIGHT
    values = [value for series in chart.series.values() for value in series.values()]
    largest = max([*values, *chart.marks.values()], default=0) or 1
    for row in _rows(chart):
        tall = _BAR * len(chart.series)
        shapes.append(_Text(_LABELS - 10, y + tall / 2 + 5, _cut(row), "text", "end"))
        for colour, series in zip(_SERIES, chart.series.values(), strict=False):
            shapes.append(_Box(_LABELS, y + 1, span, _BAR - 3, "track"))
            shapes.append(_Box(_LABELS, y + 1, span * series[row] / largest, _BAR - 3, colour))
            shapes.append(_Text(_WIDTH, y + _BAR - 2.5, _value(series[row], chart.unit), "soft", "end"))
            y += _BAR
        y += _GAP
    for place, (name, value) in enumerate(chart.marks.items()):
        at = _LABELS + span * value / largest
        shapes.append(_Box(at - 1, top - 4, 2, y - top + 4, "text"))
        late = place == len(chart.marks) - 1
        shapes.append(_Text(at + (4 if late else -4), y + 9, name, "text", "start" if late else "end"))
    return shapes, y + (18 if chart.marks else 6)


def _value(value: float, unit: str) -> str:
    return f"{value:,.0f}" if unit == "count" else f"{value:.1%}"


def _cut(label: str) -> str:
    return label if len(label) <= 28 else f"{label[:27]}…"
