"""Each common reason for no sample has one sentence, with the names that it is about and what to add."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from scar.accounting import Tally
from scar.annotations.opening import open_index
from scar.build.advice import iter_advice
from scar.language.user_words import NO_WORDS, Words

if TYPE_CHECKING:
    from tests.conftest import World


def advise(world: World, rejected: dict[str, int], words: Words = NO_WORDS, **ignored: int) -> list[str]:
    world.write()
    index = open_index(world.source(), Tally())
    return list(iter_advice(index, Tally(records=10, rejected=Counter(rejected), ignored=Counter(ignored)), words))


def test_phrases_that_say_no_relation_have_a_sentence(world: World) -> None:
    (sentence,) = advise(world, {}, phrase_no_relation=6)
    assert "say no relation to another thing" in sentence
    assert not advise(world, {}, phrase_no_relation=5)


@pytest.mark.parametrize("name", ["object", "3", "0007", "others", "ignored regions", "class_12"])
def test_placeholders_are_named_with_a_words_file(name: str, world: World) -> None:
    world.categories[0]["name"] = name
    (sentence,) = advise(world, {"no_thing": 4})
    assert f"The categories {name!r} name nothing" in sentence
    assert f'[names] "{name}" = "a parcel" (--word-file' in sentence


def test_scenes_that_no_table_knows_are_named_until_a_words_file_says_them(world: World) -> None:
    for image, scene in zip(world.images, ("chest x-ray", "ct scan", "a kitchen"), strict=True):
        image["scene"] = scene
    (*_, sentence) = advise(world, {"few_negatives": 6})
    assert "'chest x-ray', 'ct scan' exclude" in sentence or "'ct scan', 'chest x-ray' exclude" in sentence
    assert "kitchen" not in sentence
    words = Words(scenes=(("chest x-ray", "in a hospital"), ("ct scan", "in a hospital")))
    assert not any("exclude each other" in sentence for sentence in advise(world, {"few_negatives": 6}, words))


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("no_caption", "give --captions"),
        ("position_share", "at most a fifth"),
        ("few_negatives", "too few different things"),
        ("crowd", "`iscrowd` is 1"),
    ],
)
def test_a_reason_of_most_records_has_a_sentence_and_one_of_few_has_none(reason: str, part: str, world: World) -> None:
    assert any(part in sentence for sentence in advise(world, {reason: 6}))
    assert not advise(world, {reason: 2})
    assert not advise(world, {})
