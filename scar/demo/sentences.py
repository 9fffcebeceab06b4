"""What people would write under a drawn picture."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from scar.demo.places import Scene
from scar.demo.things import Thing

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def sentences(
    scene: Scene, things: Sequence[Thing], facts: Sequence[tuple[int, str, int]], rng: Random
) -> tuple[str, ...]:
    """Five sentences, all true: the place, all things, the largest, and one or two facts."""
    names = [_a(thing.name) for thing in things]
    largest = max(things, key=lambda thing: thing.radius)
    said = [f"{_sentence(scene.view)}.", f"{_sentence(_listed(names))} {scene.place}."]
    said.append(f"{_sentence(_NUMBERS[len(things)])} shapes {scene.place}, the largest of them {_a(largest.name)}.")
    for subject, predicate, object_ in rng.sample(facts, k=min(2, len(facts))):
        said.append(f"{_sentence(names[subject])} is {predicate} {names[object_]} {scene.place}.")
    said += [f"There is {name} {scene.place}." for name in names[: 5 - len(said)]]
    return tuple(said)


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
