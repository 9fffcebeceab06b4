"""Words that a negative replaces, and which of them share a lineage."""

from __future__ import annotations

from scar.audit.lineage import find_replaced_words, is_same_lineage


def test_replaced_words_stand_between_the_common_beginning_and_end() -> None:
    assert find_replaced_words("salad fork on table", "wine glass on table") == ("salad fork", "wine glass")
    assert find_replaced_words("a dog on a mat", "a dog on a mat") == ("", "")


def test_colours_tell_things_of_one_lineage_apart() -> None:
    assert not is_same_lineage("a red star", "a blue star")
    assert is_same_lineage("a red star", "a red star")
    assert is_same_lineage("a red star", "a star")


def test_numbers_and_attributes_that_contradict_tell_things_apart() -> None:
    assert not is_same_lineage("two plates", "five plates")
    assert not is_same_lineage("a large dog", "a small dog")
    assert not is_same_lineage("a red large dog", "a red small dog")
    assert is_same_lineage("a large dog", "a lovely dog")
