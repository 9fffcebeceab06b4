"""What is painted is what the picture says."""

from __future__ import annotations

import numpy as np

from mmeb_eval.demo.pictures import DemoImage, draw_pictures, find_boxes, paint_image


def test_a_cut_out_is_the_part_of_the_picture_in_the_box() -> None:
    picture = draw_pictures(1, 3)[0]
    box = find_boxes(picture)[1]
    whole, part = np.asarray(paint_image(DemoImage(picture))), np.asarray(paint_image(DemoImage(picture, 1)))
    assert (whole[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] == part).all()
