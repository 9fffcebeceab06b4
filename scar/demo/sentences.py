"""Write captions of a drawn picture, in the words of people."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from scar.demo.scenes import DemoScene
from scar.demo.things import DrawnThing

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def write_sentences(
    scene: DemoScene, things: Sequence[DrawnThing], relations: Sequence[tuple[int, str, int]], rng: Random
) -> tuple[str, ...]:
    """Write five true sentences: about the scene, all things, the largest thing, and up to two relations.

    Where there are fewer than two relations, sentences about single things fill up the five.

    Args:
        scene: scene of the picture.
        things: things of the picture, from two to six.
        relations: (subject, predicate, object); subject and object are indices in ``things``.
        rng: draws the relations.
    """
    names = [_add_article(thing.name) for thing in things]
    largest = max(things, key=lambda thing: thing.radius)
    sentences = [
        scene.description,
        f"{_join_names(names)} {scene.location}",
        f"{_NUMBERS[len(things)]} shapes {scene.location}, the largest of them {_add_article(largest.name)}",
    ]
    for subject, predicate, object_ in rng.sample(relations, k=min(2, len(relations))):
        sentences.append(f"{names[subject]} is {predicate} {names[object_]} {scene.location}")
    sentences += [f"there is {name} {scene.location}" for name in names[: 5 - len(sentences)]]
    return tuple(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _add_article(name: str) -> str:
    """The name with its indefinite article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _join_names(names: Sequence[str]) -> str:
    """Join names with commas and, before the last one, "and"."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
