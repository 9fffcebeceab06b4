"""Robustness curves are read as they were written, and drawn in proportion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.curves import Curve, Point, read_curves
from mmeb_eval.errors import DataError
from mmeb_eval.plots import BOTTOM, LEFT, RIGHT, TOP, figures


def point(x: float, score: float) -> dict[str, Any]:
    return {"x": x, "score": score, "low": score - 0.1, "high": score + 0.1, "queries": 40}


def file(model: str = "mine", **changes: Any) -> dict[str, Any]:
    curve = {"name": "jittered box", "unit": "IoU", "points": [point(0.9, 0.5), point(0.5, 0.25)]}
    return {"model": model, "source": "Toy", "settings": {}, "chance": 0.1, "curves": [curve]} | changes


def write(output: Path, content: object, model: str = "mine") -> Path:
    path = output / model / "probes" / "Toy.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return path


def test_curves_are_read_by_model(tmp_path: Path) -> None:
    write(tmp_path, file("b"), "b")
    write(tmp_path, file("a"), "a")
    first, second = read_curves(tmp_path)
    assert (first.model, second.model) == ("a", "b")
    points = (Point(0.9, 0.5, 0.4, 0.6, 40), Point(0.5, 0.25, 0.15, 0.35, 40))
    assert first == Curve("a", "Toy", "jittered box", "IoU", 0.1, points)
    assert read_curves(tmp_path / "a") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not a file of robustness curves"),
        (file(chance=None), "None is no finite number"),
        (file() | {"model": 3}, "3 is no text"),
        ({"model": "mine"}, "no 'curves'"),
        (file(curves=[{"name": "n", "unit": "u", "points": [{"x": 1}]}]), "no 'score'"),
        (file(curves=[{"name": "n", "unit": "u", "points": [point(1, 0.95)]}]), "not in order within 0 to 1"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        read_curves(tmp_path)
    assert str(path) in str(caught.value)


def test_the_mildest_stands_left_and_heights_are_in_proportion() -> None:
    points = tuple(Point(x, score, score, score, 9) for x, score in ((0.9, 0.8), (0.7, 0.4), (0.5, 0.0)))
    (figure,) = figures([Curve("mine", "Toy", "jittered box", "IoU", 0.1, points)])
    (line,) = figure.series
    assert [x for x, _, _ in line.dots] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]
    assert [y for _, y, _ in line.dots] == [TOP, (TOP + BOTTOM) / 2, BOTTOM]
    assert figure.across == ((LEFT, "0.9"), ((LEFT + RIGHT) / 2, "0.7"), (RIGHT, "0.5"))
    assert figure.up[-1] == (TOP, "0.80")
    assert figure.chance == round(BOTTOM - (BOTTOM - TOP) / 8, 1)


def test_a_single_strength_stands_in_the_middle_and_no_point_is_no_figure() -> None:
    single = Curve("mine", "Toy", "wrong region", "share", 0.1, (Point(1, 0.1, 0.0, 0.2, 9),))
    empty = Curve("mine", "Toy", "partial mask", "share", 0.1, ())
    (figure,) = figures([single, empty])
    assert figure.across == (((LEFT + RIGHT) / 2, "1"),)


def test_models_share_a_drawing_and_sources_do_not() -> None:
    points = (Point(0.9, 0.5, 0.4, 0.6, 9),)
    curves = [Curve(model, source, "j", "IoU", 0.1, points) for source in ("A", "B") for model in ("a", "b")]
    assert [(figure.source, len(figure.series)) for figure in figures(curves)] == [("A", 2), ("B", 2)]
