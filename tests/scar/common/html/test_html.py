"""Pages are self-contained and escaped; images, outlines and captions are embedded as they are."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import jinja2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from scar.common.html import embed_image, make_png_uri, render_page, split_caption, trace_outline
from scar.sample import Caption, Mask


def test_a_page_extends_the_layout_and_escapes_values(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text(
        '{% extends "layout.html" %}{% block title %}{{ name }}{% endblock %}{% block body %}{{ name }}{% endblock %}'
    )
    page = render_page("own.html", tmp_path, name="<b>")
    assert page.startswith("<!doctype html>")
    assert page.count("&lt;b&gt;") == 2
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=.http", page)
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        render_page("own.html", tmp_path)


def test_an_image_is_reduced_and_keeps_its_size_in_words() -> None:
    image = embed_image(Image.new("RGBA", (400, 100), "red"), 200)
    assert (image.width, image.height) == (400, 100)
    data = base64.b64decode(image.uri.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as reduced:
        assert (reduced.format, reduced.size) == ("JPEG", (200, 50))


def test_a_png_is_embedded_byte_for_byte() -> None:
    assert base64.b64decode(make_png_uri(b"\x89PNG").removeprefix("data:image/png;base64,")) == b"\x89PNG"


@pytest.mark.parametrize("side", [40, 100])
def test_an_outline_encloses_the_mask(side: int) -> None:
    pixels = np.zeros((60, 80), bool)
    pixels[10:30, 20:80] = True  # touches the right border
    path = trace_outline(Mask.from_array(pixels), side)
    points = np.array(re.findall(r"([\d.]+),([\d.]+)", path), float)
    assert path.count("M") == path.count("Z") == 1
    assert np.abs(points.min(axis=0) - (20, 10)).max() <= 2
    assert np.abs(points.max(axis=0) - (80, 30)).max() <= 2


def test_an_outline_encloses_the_pixels_of_its_mask() -> None:
    image = Image.new("1", (200, 120))
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 10, 90, 100), fill=1)
    draw.ellipse((30, 40, 60, 70), fill=0)  # a hole
    draw.rectangle((150, 60, 199, 119), fill=1)  # to the corner of the image
    mask = Mask.from_array(np.array(image))
    drawn = np.zeros((120, 200), bool)
    for part in trace_outline(mask, 480).split("Z")[:-1]:
        points = [tuple(float(value) for value in point.split(",")) for point in part[1:].split()]
        filled = Image.new("1", (200, 120))
        ImageDraw.Draw(filled).polygon([(x - 0.5, y - 0.5) for x, y in points], fill=1)
        drawn ^= np.array(filled)
    both = (drawn & mask.to_array()).sum() / (drawn | mask.to_array()).sum()
    assert both > 0.95


def test_an_empty_mask_has_no_outline() -> None:
    assert trace_outline(Mask.from_array(np.zeros((6, 8), bool)), 100) == ""


def test_the_replaced_element_is_marked_and_empty_ones_are_left_out() -> None:
    caption = Caption("a cup", "on", "the table")
    assert split_caption(caption, "relation") == (("a cup", False), ("on", True), ("the table", False))
    assert split_caption(Caption("a cup", "", ""), None) == (("a cup", False),)
