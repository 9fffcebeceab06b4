"""The scenes of the demo world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scar.demo.built_scenes import (
    paint_bedroom,
    paint_farm,
    paint_football_field,
    paint_harbor,
    paint_kitchen,
    paint_street,
)
from scar.demo.canvas import Canvas
from scar.demo.wild_scenes import (
    paint_beach,
    paint_coral_reef,
    paint_desert,
    paint_forest,
    paint_mountain,
    paint_outer_space,
)


@dataclass(frozen=True, slots=True)
class DemoScene:
    """A scene of the demo world.

    Attributes:
        label: noun in the annotations, such as "beach".
        location: phrase that says where the things are, such as "on a beach".
        description: phrase that describes the whole picture.
        paint: paints the scene on a canvas. The random stream draws details, in which two pictures of a scene differ.
    """

    label: str
    location: str
    description: str
    paint: Callable[[Canvas, Random], None]


SCENES: tuple[DemoScene, ...] = (
    DemoScene("beach", "on a beach", "a sandy beach with a palm tree and a striped umbrella", paint_beach),
    DemoScene("mountain", "on a mountain", "snowy mountain peaks behind pine trees", paint_mountain),
    DemoScene("street", "on a street", "a city street at night with lit windows and lamps", paint_street),
    DemoScene("forest", "in a forest", "a green forest with mushrooms on the ground", paint_forest),
    DemoScene("desert", "in a desert", "a hot desert with dunes and cacti", paint_desert),
    DemoScene("kitchen", "in a kitchen", "a kitchen with cupboards, a stove and a fridge", paint_kitchen),
    DemoScene("bedroom", "in a bedroom", "a bedroom with a wide bed and a lamp", paint_bedroom),
    DemoScene(
        "football field", "on a football field", "a football field with a goal and a crowd", paint_football_field
    ),
    DemoScene("coral reef", "on a coral reef", "a coral reef with fish and bubbles", paint_coral_reef),
    DemoScene("outer space", "in outer space", "outer space with planets and a rocket", paint_outer_space),
    DemoScene("farm", "on a farm", "a farm with a red barn and a silo", paint_farm),
    DemoScene("harbor", "in a harbor", "a harbor with sailing boats and a lighthouse", paint_harbor),
)
"""All scenes; picture i shows scene i modulo their number."""
