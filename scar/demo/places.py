"""The places of the demo world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scar.demo import built, wild
from scar.demo.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Scene:
    """A place.

    Attributes:
        label: the noun, as annotations name it.
        place: where something is that is there, "on a beach".
        view: what the picture shows, for sentences about the whole of it.
        paint: covers the canvas; only small things differ between two pictures of one place.
    """

    label: str
    place: str
    view: str
    paint: Callable[[Canvas, Random], None]


SCENES: tuple[Scene, ...] = (
    Scene("beach", "on a beach", "a sandy beach with a palm tree and a striped umbrella", wild.beach),
    Scene("mountain", "on a mountain", "snowy mountain peaks behind pine trees", wild.mountain),
    Scene("street", "on a street", "a city street at night with lit windows and lamps", built.street),
    Scene("forest", "in a forest", "a green forest with mushrooms on the ground", wild.forest),
    Scene("desert", "in a desert", "a hot desert with dunes and cacti", wild.desert),
    Scene("kitchen", "in a kitchen", "a kitchen with cupboards, a stove and a fridge", built.kitchen),
    Scene("bedroom", "in a bedroom", "a bedroom with a wide bed and a lamp", built.bedroom),
    Scene("football field", "on a football field", "a football field with a goal and a crowd", built.football_field),
    Scene("coral reef", "on a coral reef", "a coral reef with fish and bubbles", wild.coral_reef),
    Scene("outer space", "in outer space", "outer space with planets and a rocket", wild.outer_space),
    Scene("farm", "on a farm", "a farm with a red barn and a silo", built.farm),
    Scene("harbor", "in a harbor", "a harbor with sailing boats and a lighthouse", built.harbor),
)
"""Every place there is; each is drawn equally often."""
