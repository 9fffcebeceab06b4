"""Charts are PNG files that show what they are given, whatever the names are, in the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from scar.common.charts import COLOURS, Bars, png, save_charts, told

LYING = Bars("Objects", {"gold": {"cat": 3, "dog": 1}, "object": {"cat": 2, "dog": 4}}, marks={"chance": 2})
UPRIGHT = Bars("Words", {"gold": {"4": 0.25, "5": 0.75}}, unit="share", axis="words", upright=True)


def pixels(chart: Bars) -> Image.Image:
    return Image.open(io.BytesIO(png(chart))).convert("RGB")


def count(image: Image.Image, colour: str) -> int:
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return sum(number for number, value in image.getcolors(1 << 24) or () if value == wanted)


@pytest.mark.parametrize("chart", [LYING, UPRIGHT])
def test_the_same_chart_gives_the_same_bytes(chart: Bars) -> None:
    assert png(chart) == png(chart)
    assert pixels(chart).width == 1120


def test_areas_of_bars_are_as_their_values() -> None:
    image = pixels(LYING)
    gold, other = count(image, COLOURS["gold"]), count(image, COLOURS["object"])
    assert other / gold == pytest.approx(6 / 4, rel=0.1)
    few = count(pixels(Bars("t", {"gold": {"4": 1, "5": 0}}, axis="words", upright=True)), COLOURS["gold"])
    many = count(pixels(Bars("t", {"gold": {"4": 1, "5": 1}}, axis="words", upright=True)), COLOURS["gold"])
    assert many / few == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("name", ["$x_{", "a $ b $", "\u732b", "<b>", "long " * 40, "\\frac", ""])
def test_names_are_drawn_as_they_are(name: str) -> None:
    for upright in (False, True):
        assert count(pixels(Bars(name, {"gold": {name: 1, "x": 2}}, axis=name, upright=upright)), COLOURS["gold"])


@pytest.mark.parametrize("series", [{}, {"gold": {}}, {"gold": {"x": 0.0}}])
def test_nothing_to_draw_is_no_error(series: dict[str, dict[str, float]]) -> None:
    for upright in (False, True):
        assert pixels(Bars("none", series, upright=upright)).width == 1120


def test_told_says_every_value() -> None:
    assert told(LYING) == "Objects. cat: gold 3, object 2. dog: gold 1, object 4. chance 2"
    assert told(UPRIGHT) == "Words. 4: gold 25.0%. 5: gold 75.0%"


def test_a_folder_holds_the_charts_and_no_older_ones(tmp_path: Path) -> None:
    save_charts({"one": LYING, "two": UPRIGHT}, tmp_path / "charts")
    save_charts({"two": UPRIGHT}, tmp_path / "charts")
    assert [path.name for path in (tmp_path / "charts").iterdir()] == ["two.png"]
    assert (tmp_path / "charts" / "two.png").read_bytes() == png(UPRIGHT)
