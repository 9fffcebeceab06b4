"""Pictures of the demo tasks: a few drawn things in a scene, and facts that are unambiguously true of them."""

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
"""A thing counts as the outermost in a direction if it lies this many pixels further out than the next one."""

MAX_SIDEWAYS_RATIO = 1.5
"""A thing lies in a direction from another one only if it is at most this many times as far sideways as ahead."""

MIN_AREA_RATIO = 1.25
"""A thing counts as the largest if its area is at least this many times that of the next one."""

RELATION_AXES = {
    "above": (1, -1),
    "below": (1, 1),
    "to the left of": (0, -1),
    "to the right of": (0, 1),
}
"""Relation of one thing to another -> axis on which their centres differ (0 = x, 1 = y), sign of the difference."""

SUPERLATIVES = {"above": "highest", "below": "lowest", "to the left of": "leftmost", "to the right of": "rightmost"}
"""Relation -> what the outermost thing in this direction is called."""


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """A drawing of things in a scene.

    Attributes:
        scene: the background.
        things: the things; their names differ and their boxes do not overlap.
        seed: seed of the details of the background.
    """

    scene: DemoScene
    things: tuple[DrawnThing, ...]
    seed: str


@dataclass(frozen=True, slots=True)
class DemoImage:
    """What an image file shows.

    Attributes:
        picture: the picture.
        thing: index in ``picture.things`` of the thing to which the picture is cropped; None for the whole picture.
    """

    picture: DemoPicture
    thing: int | None = None


def draw_pictures(count: int, seed: int) -> list[DemoPicture]:
    """Make ``count`` pictures of three to five things each; the scenes take turns. Nothing is painted yet."""
    return [_arrange_picture(SCENES[number % len(SCENES)], f"{seed}/picture/{number}") for number in range(count)]


def draw_portraits(count: int, seed: int) -> list[DemoPicture]:
    """Make ``count`` pictures of one large thing each; all shapes and colours are about equally frequent."""
    rng = Random(f"{seed}/portraits")  # noqa: S311 - drawings, not secrets
    names = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    rng.shuffle(names)
    return [draw_portrait(*names[number % len(names)], f"{seed}/portrait/{number}") for number in range(count)]


def draw_portrait(colour: str, shape: str, seed: str) -> DemoPicture:
    """Make a picture of one large thing in a random scene."""
    rng = Random(seed)  # noqa: S311 - as above
    width, height = SIZE
    thing = DrawnThing(colour, shape, width / 2 + rng.uniform(-25, 25), height / 2 + rng.uniform(-12, 12), 56, 0)
    return DemoPicture(rng.choice(SCENES), (thing,), seed)


def move_things(picture: DemoPicture) -> DemoPicture:
    """Make a copy of a picture in which all things are moved alike, by a few pixels, and slightly turned.

    The same picture always gives the same copy.
    """
    step = 4
    things = tuple(
        replace(thing, x=thing.x + step, y=thing.y - step, tilt=thing.tilt + 0.1) for thing in picture.things
    )
    return DemoPicture(picture.scene, things, f"{picture.seed}/moved")


def find_boxes(picture: DemoPicture) -> tuple[Box, ...]:
    """For each thing of a picture, in the order of ``picture.things``, the box around its visible pixels."""
    return tuple(box for box, _ in _measure_things(picture))


def paint_image(image: DemoImage) -> Image:
    """Draw an image in RGB: the whole picture, of `SIZE` pixels, or its crop to a thing's box."""
    whole = _paint_picture(image.picture)
    if image.thing is None:
        return whole
    box = find_boxes(image.picture)[image.thing]
    return whole.crop((int(box.x0), int(box.y0), int(box.x1), int(box.y1)))


def find_only_thing(picture: DemoPicture, relation: str, other: int) -> int | None:
    """Index of the only thing that is in a relation to another one; None if none clearly is, or several could be meant.

    Args:
        picture: the picture.
        relation: a key of `RELATION_AXES`; with "above", the thing that is above the other one is looked for.
        other: index of the other thing in ``picture.things``.
    """
    axis, sign = RELATION_AXES[relation]
    centers = [box.center for box in find_boxes(picture)]
    candidates = []
    for thing, center in enumerate(centers):
        ahead = (center[axis] - centers[other][axis]) * sign
        aside = abs(center[1 - axis] - centers[other][1 - axis])
        if thing != other and ahead > -MARGIN and aside <= MAX_SIDEWAYS_RATIO * max(ahead, 0) + MARGIN:
            candidates.append(thing)
    if len(candidates) == 1 and (candidates[0], relation, other) in iter_relations(find_boxes(picture)):
        return candidates[0]
    return None


def find_outermost(picture: DemoPicture, relation: str) -> int | None:
    """Index of the thing that lies furthest in a direction; None if two are about as far.

    ``relation`` is a key of `RELATION_AXES`: with "above", the highest thing is looked for.
    """
    axis, sign = RELATION_AXES[relation]
    return _find_clear_maximum(
        [box.center[axis] * sign for box in find_boxes(picture)], lambda best, next_: best - next_ >= MARGIN
    )


def find_largest(picture: DemoPicture) -> int | None:
    """Index of the thing that is largest by pixels and by box; None if two are about as large."""
    sizes = _measure_things(picture)
    by_pixels = _find_clear_maximum(
        [float(pixels) for _, pixels in sizes], lambda best, next_: best >= MIN_AREA_RATIO * next_
    )
    by_box = _find_clear_maximum([box.area for box, _ in sizes], lambda best, next_: best >= MIN_AREA_RATIO * next_)
    return by_pixels if by_pixels == by_box else None


def list_expressions(picture: DemoPicture, thing: int) -> list[str]:
    """Referring expressions that are true of one thing of the picture only, such as "the red star".

    ``thing`` is its index in ``picture.things``. The expression with its name comes first.
    """
    one, others = picture.things[thing], [other for index, other in enumerate(picture.things) if index != thing]
    expressions = [f"the {one.name}"]
    if all(other.shape != one.shape for other in others):
        expressions.append(f"the {one.shape}")
    if all(other.colour != one.colour for other in others):
        expressions.append(f"the {one.colour} one")
    return expressions + list_position_expressions(picture, thing)


def list_position_expressions(picture: DemoPicture, thing: int) -> list[str]:
    """Those of `list_expressions` that go by position or size, such as "the highest thing"; may be empty."""
    expressions = [
        f"the {end} thing" for relation, end in SUPERLATIVES.items() if find_outermost(picture, relation) == thing
    ]
    if find_largest(picture) == thing:
        expressions.append("the largest thing")
    return expressions + [
        f"the thing {relation} the {other.name}"
        for index, other in enumerate(picture.things)
        for relation in RELATION_AXES
        if index != thing and find_only_thing(picture, relation, index) == thing
    ]


def _arrange_picture(scene: DemoScene, seed: str) -> DemoPicture:
    """Make a picture of randomly placed things; draw again until no boxes overlap."""
    rng = Random(seed)  # noqa: S311 - as above
    width, height = SIZE
    while True:
        picture = DemoPicture(scene, tuple(arrange_things(width, height, rng)[:5]), seed)
        boxes = find_boxes(picture)
        if not any(one.intersection_area(other) for index, one in enumerate(boxes) for other in boxes[:index]):
            return picture


def _find_clear_maximum(values: Sequence[float], is_clear: Callable[[float, float], bool]) -> int | None:
    """Index of the greatest value; None if ``is_clear(greatest, next)`` is false."""
    order = sorted(range(len(values)), key=lambda index: -values[index])
    if len(order) > 1 and not is_clear(values[order[0]], values[order[1]]):
        return None
    return order[0]


@cache
def _measure_things(picture: DemoPicture) -> tuple[tuple[Box, int], ...]:
    """For each thing of a picture, its box and its number of visible pixels."""
    labels = Canvas.make_blank(*SIZE, "L")
    for label, thing in enumerate(picture.things, start=1):
        thing.paint_label(labels, label)
    pixels = np.asarray(labels.to_sampled_image())
    measured = []
    for label in range(1, len(picture.things) + 1):
        rows, columns = np.nonzero(pixels == label)
        box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        measured.append((box, len(rows)))
    return tuple(measured)


@cache
def _paint_picture(picture: DemoPicture) -> Image:
    """Draw the whole picture."""
    canvas = Canvas.make_blank(*SIZE)
    picture.scene.paint(canvas, Random(picture.seed))  # noqa: S311 - as above
    for thing in picture.things:
        thing.paint(canvas)
    return canvas.to_smooth_image()
