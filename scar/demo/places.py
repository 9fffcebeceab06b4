"""The places of the demo world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scar.demo import built, wild
from scar.demo.canvas import Canvas


@dataclass(frozen=True, slots=True)
class DemoScene:
    """A place.

    Attributes:
        label: the noun, as annotations name it.
        location: where something is that is there, "on a beach".
        description: what the picture shows, for sentences about the whole of it.
        paint: covers the canvas; only small things differ between two pictures of one place.
    """

    label: str
    location: str
    description: str
    paint: Callable[[Canvas, Random], None]


SCENES: tuple[DemoScene, ...] = (
    DemoScene("beach", "on a beach", "a sandy beach with a palm tree and a striped umbrella", wild.paint_beach),
    DemoScene("mountain", "on a mountain", "snowy mountain peaks behind pine trees", wild.paint_mountain),
    DemoScene("street", "on a street", "a city street at night with lit windows and lamps", built.paint_street),
    DemoScene("forest", "in a forest", "a green forest with mushrooms on the ground", wild.paint_forest),
    DemoScene("desert", "in a desert", "a hot desert with dunes and cacti", wild.paint_desert),
    DemoScene("kitchen", "in a kitchen", "a kitchen with cupboards, a stove and a fridge", built.paint_kitchen),
    DemoScene("bedroom", "in a bedroom", "a bedroom with a wide bed and a lamp", built.paint_bedroom),
    DemoScene(
        "football field", "on a football field", "a football field with a goal and a crowd", built.paint_football_field
    ),
    DemoScene("coral reef", "on a coral reef", "a coral reef with fish and bubbles", wild.paint_coral_reef),
    DemoScene("outer space", "in outer space", "outer space with planets and a rocket", wild.paint_outer_space),
    DemoScene("farm", "on a farm", "a farm with a red barn and a silo", built.paint_farm),
    DemoScene("harbor", "in a harbor", "a harbor with sailing boats and a lighthouse", built.paint_harbor),
)
"""Every place there is; each is drawn equally often."""
