"""Words that a negative replaces, and whether what replaces them may be true as well, by WordNet."""

from __future__ import annotations

from functools import lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import read_colours


@lru_cache(maxsize=65536)
def is_same_lineage(before: str, after: str) -> bool:
    """Whether one noun phrase is, in a common meaning of WordNet, the other, a kind of it or its kind.

    Two phrases with one head noun and a colour before it have the same lineage if the colours are equal.

    >>> is_same_lineage("a dog", "an animal"), is_same_lineage("a red star", "a blue star")
    (True, False)
    """
    first, second = english.strip_article(before).lower(), english.strip_article(after).lower()
    (*modifiers, head), (*other_modifiers, other_head) = first.split() or [""], second.split() or [""]
    is_coloured = modifiers and other_modifiers and {modifiers[0], other_modifiers[0]} <= set(read_colours())
    if head == other_head and is_coloured:
        return modifiers == other_modifiers
    return wordnet.is_related(first, second)


def find_replaced_words(gold: str, negative: str) -> tuple[str, str]:
    """Words of the gold caption that a negative replaces, and their replacement, by comparing the texts.

    >>> find_replaced_words("salad fork on table", "butter knife on table")
    ('salad fork', 'butter knife')
    """
    before, after = gold.split(), negative.split()
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return " ".join(before[start : len(before) - end]), " ".join(after[start : len(after) - end])
