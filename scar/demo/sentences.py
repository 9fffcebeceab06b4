"""What people would write under a drawn picture."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from scar.demo.scenes import DemoScene
from scar.demo.things import DrawnThing

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def write_sentences(
    scene: DemoScene, things: Sequence[DrawnThing], relations: Sequence[tuple[int, str, int]], rng: Random
) -> tuple[str, ...]:
    """Five sentences, all true: the place, all things, the largest, and one or two facts."""
    names = [_add_article(thing.name) for thing in things]
    largest = max(things, key=lambda thing: thing.radius)
    said = [f"{_capitalize_first(scene.description)}.", f"{_capitalize_first(_join_names(names))} {scene.location}."]
    said.append(
        f"{_capitalize_first(_NUMBERS[len(things)])} shapes {scene.location}, "
        f"the largest of them {_add_article(largest.name)}."
    )
    for subject, predicate, object_ in rng.sample(relations, k=min(2, len(relations))):
        said.append(f"{_capitalize_first(names[subject])} is {predicate} {names[object_]} {scene.location}.")
    said += [f"There is {name} {scene.location}." for name in names[: 5 - len(said)]]
    return tuple(said)


def _add_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _join_names(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _capitalize_first(text: str) -> str:
    return text[0].upper() + text[1:]
