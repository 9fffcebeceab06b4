"""A clipped box is inside its image, and float32 stores it exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.annotations.boxes import clip_box
from scar.errors import BadRecord
from scar.sample import Box

sides = st.integers(1, 5000)
finite = st.floats(-1e5, 1e5)


@given(finite, finite, finite, finite, sides, sides)
def test_a_usable_box_survives_float32_and_lies_inside(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    try:
        box = clip_box((x, y, w, h), width, height, "here")
    except BadRecord as bad:
        shared = Box.from_xywh(x, y, w, h).intersection(Box(0, 0, width, height))
        assert bad.reason == ("outside" if w > 0 and h > 0 else "empty_box")
        # What is lost lies outside, or is thinner than float32 can tell.
        assert min(w, h) <= 0 or min(shared.width, shared.height) < 1e-3
        return
    stored = np.array(box.xywh, np.float32)
    assert tuple(stored.tolist()) == box.xywh
    assert Box.from_xywh(*stored.tolist()) == box
    assert 0 <= box.x0 < box.x1 <= width
    assert 0 <= box.y0 < box.y1 <= height
    assert stored[0] + stored[2] <= width  # in float32 arithmetic too
    expected = Box.from_xywh(x, y, w, h).intersection(Box(0, 0, width, height))
    assert box.xywh == pytest.approx(expected.xywh, abs=1e-3)
