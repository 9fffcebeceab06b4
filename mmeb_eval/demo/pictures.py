"""The pictures of the demo tasks: a few things in a place, and what is plainly so in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from scar.demo.canvas import Canvas
from scar.demo.scenes import SCENES, DemoScene
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.things import DrawnThing, arrange_things, iter_relations
from scar.sample import Box

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = 240, 180
"""Width and height of a picture in pixels."""

MARGIN = 10
"""By how many pixels one thing must lie further out than the next for people to agree that it does."""

MAX_SIDEWAYS_RATIO = 1.5
"""What lies further aside than this many times as far as it lies ahead is not ahead, as people say it."""

MIN_AREA_RATIO = 1.25
"""How many times the next in area a thing must be for people to agree that it is the largest."""

RELATION_AXES = {
    "above": (1, -1),
    "below": (1, 1),
    "to the left of": (0, -1),
    "to the right of": (0, 1),
}
"""Relation -> the axis along which the centres differ, and which way."""


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """A drawing.

    Attributes:
        scene: where it is.
        things: of different names; none hides another.
        seed: of the small things in the background.
    """

    scene: DemoScene
    things: tuple[DrawnThing, ...]
    seed: str


@dataclass(frozen=True, slots=True)
class DemoImage:
    """An image file: a whole picture, or what is cut out of it around one thing."""

    picture: DemoPicture
    thing: int | None = None


def draw_pictures(count: int, seed: int) -> list[DemoPicture]:
    """Pictures of three to five things; each place as often as any other."""
    return [_arrange_picture(SCENES[number % len(SCENES)], f"{seed}/picture/{number}") for number in range(count)]


def draw_portraits(count: int, seed: int) -> list[DemoPicture]:
    """Pictures of one thing each, every shape and colour about equally often."""
    rng = Random(f"{seed}/portraits")  # noqa: S311 - drawings, not secrets
    names = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    rng.shuffle(names)
    return [draw_portrait(*names[number % len(names)], f"{seed}/portrait/{number}") for number in range(count)]


def draw_portrait(colour: str, shape: str, seed: str) -> DemoPicture:
    """One large thing in some place."""
    rng = Random(seed)  # noqa: S311 - as above
    width, height = SIZE
    thing = DrawnThing(colour, shape, width / 2 + rng.uniform(-25, 25), height / 2 + rng.uniform(-12, 12), 56, 0)
    return DemoPicture(rng.choice(SCENES), (thing,), seed)


def move_things(picture: DemoPicture) -> DemoPicture:
    """The same things, each a step aside, in the same place seen again."""
    step = 4
    things = tuple(
        replace(thing, x=thing.x + step, y=thing.y - step, tilt=thing.tilt + 0.1) for thing in picture.things
    )
    return DemoPicture(picture.scene, things, f"{picture.seed}/moved")


def find_boxes(picture: DemoPicture) -> tuple[Box, ...]:
    """The smallest box around each thing, in pixels."""
    return tuple(box for box, _ in _measure_things(picture))


def paint_image(image: DemoImage) -> Image:
    """Draw it."""
    whole = _paint_picture(image.picture)
    if image.thing is None:
        return whole
    box = find_boxes(image.picture)[image.thing]
    return whole.crop((int(box.x0), int(box.y0), int(box.x1), int(box.y1)))


def find_only_thing(picture: DemoPicture, relation: str, other: int) -> int | None:
    """The thing that stands in this relation to another, if there is no second of which one might say so too."""
    axis, way = RELATION_AXES[relation]
    centers = [box.center for box in find_boxes(picture)]
    perhaps = []
    for thing, center in enumerate(centers):
        ahead = (center[axis] - centers[other][axis]) * way
        aside = abs(center[1 - axis] - centers[other][1 - axis])
        if thing != other and ahead > -MARGIN and aside <= MAX_SIDEWAYS_RATIO * max(ahead, 0) + MARGIN:
            perhaps.append(thing)
    return (
        perhaps[0]
        if len(perhaps) == 1 and (perhaps[0], relation, other) in iter_relations(find_boxes(picture))
        else None
    )


def find_outermost(picture: DemoPicture, relation: str) -> int | None:
    """The thing that lies furthest to this side; None if two are about as far."""
    axis, way = RELATION_AXES[relation]
    return _find_clear_maximum(
        [box.center[axis] * way for box in find_boxes(picture)], lambda best, next_: best - next_ >= MARGIN
    )


def find_largest(picture: DemoPicture) -> int | None:
    """The thing that is the largest by its pixels and by its box; None if two are about as large."""
    extents = _measure_things(picture)
    by_pixels = _find_clear_maximum(
        [float(pixels) for _, pixels in extents], lambda best, next_: best >= MIN_AREA_RATIO * next_
    )
    by_box = _find_clear_maximum([box.area for box, _ in extents], lambda best, next_: best >= MIN_AREA_RATIO * next_)
    return by_pixels if by_pixels == by_box else None


def list_expressions(picture: DemoPicture, thing: int) -> list[str]:
    """What is true of this thing and of no other in the picture, its name first."""
    one, others = picture.things[thing], [other for place, other in enumerate(picture.things) if place != thing]
    said = [f"the {one.name}"]
    if all(other.shape != one.shape for other in others):
        said.append(f"the {one.shape}")
    if all(other.colour != one.colour for other in others):
        said.append(f"the {one.colour} one")
    return said + list_position_expressions(picture, thing)


def list_position_expressions(picture: DemoPicture, thing: int) -> list[str]:
    """Those expressions that say neither its colour nor its shape."""
    ends = {"above": "highest", "below": "lowest", "to the left of": "leftmost", "to the right of": "rightmost"}
    said = [f"the {end} thing" for relation, end in ends.items() if find_outermost(picture, relation) == thing]
    if find_largest(picture) == thing:
        said.append("the largest thing")
    return said + [
        f"the thing {relation} the {other.name}"
        for place, other in enumerate(picture.things)
        for relation in RELATION_AXES
        if place != thing and find_only_thing(picture, relation, place) == thing
    ]


def _arrange_picture(scene: DemoScene, seed: str) -> DemoPicture:
    """The first arrangement in which all boxes are apart."""
    rng = Random(seed)  # noqa: S311 - as above
    width, height = SIZE
    while True:
        picture = DemoPicture(scene, tuple(arrange_things(width, height, rng)[:5]), seed)
        found = find_boxes(picture)
        if not any(one.intersection_area(other) for place, one in enumerate(found) for other in found[:place]):
            return picture


def _find_clear_maximum(values: Sequence[float], is_clear: Callable[[float, float], bool]) -> int | None:
    """Place of the greatest value, if it is clearly greater than the next."""
    order = sorted(range(len(values)), key=lambda place: -values[place])
    if len(order) > 1 and not is_clear(values[order[0]], values[order[1]]):
        return None
    return order[0]


@cache
def _measure_things(picture: DemoPicture) -> tuple[tuple[Box, int], ...]:
    """Box and number of pixels of each thing."""
    labels = Canvas.make_blank(*SIZE, "L")
    for place, thing in enumerate(picture.things):
        thing.paint_label(labels, place + 1)
    owner = np.asarray(labels.to_sampled_image())
    found = []
    for place in range(len(picture.things)):
        rows, columns = np.nonzero(owner == place + 1)
        box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        found.append((box, len(rows)))
    return tuple(found)


@cache
def _paint_picture(picture: DemoPicture) -> Image:
    """The whole picture."""
    canvas = Canvas.make_blank(*SIZE)
    picture.scene.paint(canvas, Random(picture.seed))  # noqa: S311 - as above
    for thing in picture.things:
        thing.paint(canvas)
    return canvas.to_smooth_image()
