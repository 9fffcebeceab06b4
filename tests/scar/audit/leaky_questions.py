"""Questions whose gold captions have nothing of their own, or one planted leak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

from scar.audit.questions import Question, QuestionSet
from scar.sample import NEGATIVES_PER_PART, PARTS, Part

WORDS: Mapping[Part, list[str]] = {
    "object": [f"thing{number}" for number in range(12)],
    "relation": [f"beside{number}" for number in range(8)],
    "scene": [f"place{number}" for number in range(12)],
}
SAMPLES_PER_IMAGE = 3

Box: TypeAlias = tuple[float, float, float, float]
Elements: TypeAlias = dict[Part, str]
Plant: TypeAlias = Callable[[Elements, Box, Random], Elements]
"""Changes the elements of a gold caption; gets the sample's box and the chance of its image."""


def make_questions(images: range, plant: Plant | None = None) -> QuestionSet:
    """Make three questions for each image; negatives are drawn evenly from `WORDS`."""
    questions = []
    for image in images:
        for number in range(SAMPLES_PER_IMAGE):
            rng = Random(f"{image} {number}")
            box = (rng.random(), rng.random(), 0.1 + 0.4 * rng.random(), 0.1 + 0.4 * rng.random())
            gold: Elements = {part: rng.choice(words) for part, words in WORDS.items()}
            gold = plant(gold, box, Random(image)) if plant else gold
            texts, parts = [join(gold)], []
            for part in PARTS:
                others = [word for word in WORDS[part] if word != gold[part]]
                if plant is plant_cooccurrence and part != "relation":
                    others = [word for word in others if find_third(word, part) != find_third(gold[part], part)]
                for word in rng.sample(others, NEGATIVES_PER_PART):
                    texts.append(join(gold | {part: word}))
                    parts.append(part)
            questions.append(Question(tuple(texts), tuple(parts), f"images/{image}.png", box))
    return QuestionSet(questions)


def join(elements: Elements) -> str:
    """The text of a caption."""
    return f"a {elements['object']} is {elements['relation']} a {elements['scene']}"


def plant_word(gold: Elements, box: Box, rng: Random) -> Elements:
    """Gold captions alone end with one word."""
    return gold | {"scene": "lighthouse"}


def plant_pair(gold: Elements, box: Box, rng: Random) -> Elements:
    """Each thing has its place, and each word is as often true as false."""
    return gold | {"scene": WORDS["scene"][WORDS["object"].index(gold["object"])]}


def plant_box_cell(gold: Elements, box: Box, rng: Random) -> Elements:
    """The relation tells in which eighth of the image the box is."""
    return gold | {"relation": WORDS["relation"][int(box[0] * 8)]}


def plant_cooccurrence(gold: Elements, box: Box, rng: Random) -> Elements:
    """Any of a third of the places goes with any of a third of the things, and with no other thing."""
    third = find_third(gold["object"], "object")
    return gold | {"scene": WORDS["scene"][third * 4 + WORDS["scene"].index(gold["scene"]) % 4]}


def find_third(word: str, part: Part) -> int:
    """Which third of its list a word is in."""
    return WORDS[part].index(word) // 4


def plant_mates(gold: Elements, box: Box, rng: Random) -> Elements:
    """All samples of an image are in one place."""
    return gold | {"scene": rng.choice(WORDS["scene"])}
