"""Made pictures for the tests of evidence: rectangles with a category, with and without masks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from scar.sample import Box, Mask, Picture, Region

WIDTH, HEIGHT = 320, 240
Rectangle = tuple[int, int, int, int]
"""Left, upper, right and lower edge."""

CATEGORIES = ("person", "dog", "chair", "dining table", "cup", "bus", "bowl", "orange", "bed", "traffic light", "fork")


@st.composite
def rectangles(draw: st.DrawFn) -> Rectangle:
    """A rectangle inside of the picture, at least 12 pixels wide and high."""
    x0, y0 = draw(st.integers(0, WIDTH - 12)), draw(st.integers(0, HEIGHT - 12))
    return x0, y0, draw(st.integers(x0 + 12, WIDTH)), draw(st.integers(y0 + 12, HEIGHT))


def things(categories: tuple[str, ...] = CATEGORIES, most: int = 7) -> st.SearchStrategy[list[tuple[str, Rectangle]]]:
    """Some categories, each with a rectangle."""
    return st.lists(st.tuples(st.sampled_from(categories), rectangles()), min_size=1, max_size=most)


def place(*things: tuple[str, Rectangle], crowds: tuple[int, ...] = ()) -> Picture:
    """A picture of boxes without masks; their ids count from 0."""
    regions = tuple(
        Region(number, Box(*map(float, box)), category, crowd=number in crowds)
        for number, (category, box) in enumerate(things)
    )
    return Picture(1, "a.jpg", WIDTH, HEIGHT, regions)


def draw(*things: tuple[str, Rectangle]) -> Picture:
    """A picture of rectangles, each painted over those before it; the mask is what is still seen."""
    canvas = np.full((HEIGHT, WIDTH), -1)
    for number, (_, (x0, y0, x1, y1)) in enumerate(things):
        canvas[y0:y1, x0:x1] = number
    regions = tuple(
        Region(number, Box(*map(float, box)), category, Mask.from_array(canvas == number))
        for number, (category, box) in enumerate(things)
    )
    return Picture(1, "a.jpg", WIDTH, HEIGHT, regions)


def mirror(things: list[tuple[str, Rectangle]]) -> list[tuple[str, Rectangle]]:
    """The same things, seen in a mirror."""
    return [(category, (WIDTH - x1, y0, WIDTH - x0, y1)) for category, (x0, y0, x1, y1) in things]


def reverse(picture: Picture) -> Picture:
    """The same picture with its regions in the reverse order."""
    return Picture(picture.id, picture.file, picture.width, picture.height, picture.regions[::-1])
