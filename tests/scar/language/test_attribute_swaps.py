"""Another attribute, number or person: one word differs, and the two cannot be said of one thing."""

from __future__ import annotations

import pytest

from scar.language.attribute_swaps import is_other_person, list_attribute_contrasts, list_similar_phrases
from scar.language.noun_phrase import NounPhrase
from scar.language.word_tables import read_word_table

GROUPS = read_word_table("attributes")


def list_texts(text: str, noun: str, *attributes: str, plural: bool = False) -> list[str]:
    return [phrase.text for phrase in list_similar_phrases(NounPhrase(text, noun, attributes, plural))]


@pytest.mark.parametrize("name", GROUPS)
def test_contrasts_are_mutual_and_of_one_group(name: str) -> None:
    words = GROUPS[name]["words"]
    for word in words:
        contrasts = list_attribute_contrasts(word)
        assert contrasts
        assert set(contrasts) <= set(words) - {word}
        assert all(word in list_attribute_contrasts(contrast) for contrast in contrasts)
    for close in GROUPS[name]["close"]:
        assert not any(other in list_attribute_contrasts(word) for word in close for other in close)


def test_one_word_differs_and_the_article_fits() -> None:
    assert list_texts("an old wooden bench", "bench", "old", "wooden")[:2] == [
        "a young wooden bench",
        "an old metal bench",
    ]
    assert "the blue car" in list_texts("the red car", "car", "red")
    for phrase in list_similar_phrases(NounPhrase("a black and white cat", "cat", ("black", "white"))):
        assert len(set(phrase.attributes)) == 2
        assert sum(a != b for a, b in zip(phrase.text.split()[1:], ["black", "and", "white", "cat"], strict=True)) == 1


def test_what_has_no_opposite_has_no_similar_phrase() -> None:
    assert list_texts("a lovely cat", "cat", "lovely") == []
    assert list_texts("a cat", "cat") == []


def test_numbers_grow() -> None:
    assert list_texts("six dogs", "dog", plural=True) == ["seven dogs", "eight dogs"]
    assert list_texts("several dogs", "dog", plural=True) == []


def test_persons_of_the_other_sex() -> None:
    assert list_texts("a little girl", "girl", "little") == ["a little boy"]
    assert list_texts("a person", "person") == []
    assert is_other_person("man", "woman")
    assert not is_other_person("man", "boy")
    assert not is_other_person("man", "skier")
