"""What a negative replaces and by what, and whether WordNet has one above, below or beside the other."""

from __future__ import annotations

from functools import lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import read_colours


@lru_cache(maxsize=65536)
def is_same_lineage(before: str, after: str) -> bool:
    """Whether WordNet has one noun phrase above, below or beside the other under one meaning.

    Phrases of one head with colours or the like before it that WordNet lacks are told apart by these.

    >>> same_lineage("a dog", "an animal"), same_lineage("a red star", "a blue star")
    (True, False)
    """
    first, second = english.strip_article(before).lower(), english.strip_article(after).lower()
    (*mine, head), (*theirs, other) = first.split() or [""], second.split() or [""]
    if head == other and mine and theirs and {mine[0], theirs[0]} <= set(read_colours()):
        return mine == theirs
    return wordnet.is_related(first, second)


def find_replaced_words(gold: str, negative: str) -> tuple[str, str]:
    """What a negative replaces and by what, as the texts tell it: the words between those that both share.

    >>> swap("salad fork on table", "butter knife on table")
    ('salad fork', 'butter knife')
    """
    mine, theirs = gold.split(), negative.split()
    start = 0
    while start < min(len(mine), len(theirs)) and mine[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(mine), len(theirs)) - start and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    return " ".join(mine[start : len(mine) - end]), " ".join(theirs[start : len(theirs) - end])
