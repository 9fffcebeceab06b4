"""Curves are drawn in proportion to their scores."""

from __future__ import annotations

import numpy as np
import pytest

from mmeb_eval.report.curve_drawings import BOTTOM, LEFT, RIGHT, TOP, draw_curves
from mmeb_eval.report.curves import make_curves
from tests.mmeb_eval.report.toy import make_probe_results, make_result


def test_curves_are_drawn_in_proportion() -> None:
    figure = draw_curves(make_curves([make_result()], make_probe_results()))[0]
    (line,) = figure.lines
    assert [level for _, level in figure.x_ticks] == ["0.9", "0.8", "0.7", "0.6", "0.5", "elsewhere"]
    assert np.allclose(np.diff([x for x, _ in figure.x_ticks]), (RIGHT - LEFT) / 6, atol=0.11)
    assert line.undisturbed == TOP
    assert figure.chance == pytest.approx(BOTTOM - 0.1 * (BOTTOM - TOP))
    assert [y for _, y, _ in line.dots] == [TOP] * 3 + [BOTTOM] * 3
