"""Charts are PNG files that show what they are given, whatever the names are, in the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from scar.common.charts import CAPTION_COLOURS, BarChart, describe_chart, draw_png, save_charts

LYING = BarChart("Objects", {"gold": {"cat": 3, "dog": 1}, "object": {"cat": 2, "dog": 4}}, marks={"chance": 2})
UPRIGHT = BarChart("Words", {"gold": {"4": 0.25, "5": 0.75}}, unit="share", axis="words", vertical=True)


def pixels(chart: BarChart) -> Image.Image:
    return Image.open(io.BytesIO(draw_png(chart))).convert("RGB")


def count(image: Image.Image, colour: str) -> int:
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return sum(number for number, value in image.getcolors(1 << 24) or () if value == wanted)


@pytest.mark.parametrize("chart", [LYING, UPRIGHT])
def test_the_same_chart_gives_the_same_bytes(chart: BarChart) -> None:
    assert draw_png(chart) == draw_png(chart)
    assert pixels(chart).width == 1120


def test_areas_of_bars_are_as_their_values() -> None:
    image = pixels(LYING)
    gold, other = count(image, CAPTION_COLOURS["gold"]), count(image, CAPTION_COLOURS["object"])
    assert other / gold == pytest.approx(6 / 4, rel=0.1)
    few = count(pixels(BarChart("t", {"gold": {"4": 1, "5": 0}}, axis="words", vertical=True)), CAPTION_COLOURS["gold"])
    many = count(
        pixels(BarChart("t", {"gold": {"4": 1, "5": 1}}, axis="words", vertical=True)), CAPTION_COLOURS["gold"]
    )
    assert many / few == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("name", ["$x_{", "a $ b $", "\u732b", "<b>", "long " * 40, "\\frac", ""])
def test_names_are_drawn_as_they_are(name: str) -> None:
    for upright in (False, True):
        assert count(
            pixels(BarChart(name, {"gold": {name: 1, "x": 2}}, axis=name, vertical=upright)), CAPTION_COLOURS["gold"]
        )


@pytest.mark.parametrize("series", [{}, {"gold": {}}, {"gold": {"x": 0.0}}])
def test_nothing_to_draw_is_no_error(series: dict[str, dict[str, float]]) -> None:
    for upright in (False, True):
        assert pixels(BarChart("none", series, vertical=upright)).width == 1120


def test_told_says_every_value() -> None:
    assert describe_chart(LYING) == "Objects. cat: gold 3, object 2. dog: gold 1, object 4. chance 2"
    assert describe_chart(UPRIGHT) == "Words. 4: gold 25.0%. 5: gold 75.0%"


def test_a_folder_holds_the_charts_and_no_older_ones(tmp_path: Path) -> None:
    save_charts({"one": LYING, "two": UPRIGHT}, tmp_path / "charts")
    save_charts({"two": UPRIGHT}, tmp_path / "charts")
    assert [path.name for path in (tmp_path / "charts").iterdir()] == ["two.png"]
    assert (tmp_path / "charts" / "two.png").read_bytes() == draw_png(UPRIGHT)
