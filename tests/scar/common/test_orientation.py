"""Boxes, points, polygons, masks and pixels turn like the photograph itself, as Pillow turns it; and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scar.common.orientation import (
    invert_orientation,
    turn_array,
    turn_box,
    turn_image,
    turn_mask,
    turn_point,
    turn_polygon,
    turn_size,
)
from scar.sample import Box, Mask
from tests.scar.common.orientations import ORIENTATIONS, draw_scene, make_stored

SIZE = (60, 40)


def displayed_box(box: tuple[int, int, int, int], orientation: int) -> tuple[int, ...]:
    """Where the pixels of a stored box are displayed: Pillow turns an image in which they alone are white."""
    stored = Image.new("L", SIZE)
    stored.paste(255, box)
    stored.getexif()[0x0112] = orientation
    found = make_stored(stored, invert_orientation(orientation)).getbbox()
    assert found is not None
    return found


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_box_lies_on_the_same_pixels(orientation: int) -> None:
    for box in ((0, 0, 60, 40), (5, 30, 20, 39), (59, 0, 60, 1)):
        turned = turn_box(Box(*box), SIZE, orientation)
        assert (turned.x0, turned.y0, turned.x1, turned.y1) == displayed_box(box, orientation)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_mask_and_an_array_show_the_same_pixels(orientation: int) -> None:
    scene = draw_scene(SIZE)
    stored = make_stored(scene, orientation)
    np.testing.assert_array_equal(turn_array(np.asarray(stored), orientation), np.asarray(scene))
    assert turn_image(stored, orientation).tobytes() == scene.tobytes()
    assert turn_size(stored.size, orientation) == scene.size
    red = np.asarray(scene)[..., 0] > 200
    mask = Mask.from_array(np.asarray(stored)[..., 0] > 200)
    assert turn_mask(mask, orientation) == Mask.from_array(red)


@given(st.sampled_from(list(ORIENTATIONS)), *(st.floats(-100, 100) for _ in range(4)))
def test_the_way_back_is_the_inverse(orientation: int, x: float, y: float, width: float, height: float) -> None:
    back, size = invert_orientation(orientation), turn_size(SIZE, orientation)
    box = Box.from_xywh(x, y, abs(width), abs(height))
    again = turn_box(turn_box(box, SIZE, orientation), size, back)
    np.testing.assert_allclose(again.xywh, box.xywh, atol=1e-9)
    point = turn_point(*turn_point(x, y, SIZE, orientation), size, back)
    np.testing.assert_allclose(point, (x, y), atol=1e-9)
    assert turn_size(size, back) == SIZE


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_corners_of_a_polygon_are_those_of_its_box(orientation: int) -> None:
    box = turn_box(Box(5, 30, 20, 39), SIZE, orientation)
    xy = turn_polygon([5, 30, 20, 30, 20, 39, 5, 39], SIZE, orientation)
    assert (min(xy[0::2]), min(xy[1::2]), max(xy[0::2]), max(xy[1::2])) == (box.x0, box.y0, box.x1, box.y1)
