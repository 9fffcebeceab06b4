"""An edit that would make a negative true, or captions equal, is refused with a reason."""

from __future__ import annotations

import pytest

from scar import Box, Caption, Negative, Region, Sample
from scar.formats.decisions import Edit
from scar.review.edits import find_edit_problems
from scar.sample import Part

GOLD = Caption("a salad fork", "to the left of", "a plate")
WORDS: dict[Part, tuple[str, ...]] = {
    "scene": ("a book", "a laptop", "a lamp"),
    "relation": ("under", "behind", "holding"),
    "object": ("a teaspoon", "a cat", "a red car"),
}
SAMPLE = Sample(
    "Toy/eval/1", "Toy", "eval", "images/toy/1.png", 1, Region(1, Box(0, 0, 9, 9), "fork"), GOLD,
    tuple(Negative(part, GOLD.swap(part, word)) for part, words in WORDS.items() for word in words),
)  # fmt: skip


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7, GOLD.swap("object", "a butter knife")),
        (1, GOLD.swap("scene", "a toaster")),
        (4, GOLD.swap("relation", "to the right of")),
        (0, Caption("a small fork", "next to", "a plate")),
    ],
)
def test_a_sound_edit_has_no_problem(number: int, text: Caption) -> None:
    assert find_edit_problems(SAMPLE, [Edit(number, text)]) == []


@pytest.mark.parametrize(
    ("number", "text", "problem"),
    [
        (7, GOLD.swap("object", "a fork"), "may be true"),
        (4, GOLD.swap("relation", "left of"), "may be true"),
        (7, GOLD, "captions 1 and 8 are equal"),
        (8, GOLD.swap("object", "a teaspoon"), "captions 8 and 9 are equal"),
        (0, Caption("a teaspoon", "to the left of", "a plate"), "equal"),
        (0, Caption("", "", ""), "empty"),
        (7, GOLD.swap("object", "a \u202ecat"), "control or invisible"),
        (7, GOLD.swap("object", "a  cat"), "needless spaces"),
        (7, GOLD.swap("object", "a " + "x" * 400), "at most 300"),
    ],
)
def test_an_unsound_edit_is_explained(number: int, text: Caption, problem: str) -> None:
    assert any(problem in found for found in find_edit_problems(SAMPLE, [Edit(number, text)]))
