"""Find the words that a negative replaces, and check by WordNet whether their replacement may be true too."""

from __future__ import annotations

from functools import lru_cache

from scar.language import english, wordnet
from scar.language.attribute_swaps import NUMBERS, list_attribute_contrasts
from scar.language.lexicon import read_colours


@lru_cache(maxsize=65536)
def is_same_lineage(before: str, after: str) -> bool:
    """Whether two noun phrases are synonyms in WordNet, or one is a kind of the other; only common senses count.

    Two phrases with the same last word have different lineages if their modifiers contradict each other. If a colour
    stands first in both, they have the same lineage only if their modifiers are equal.

    >>> is_same_lineage("a dog", "an animal"), is_same_lineage("a red star", "a blue star")
    (True, False)
    >>> is_same_lineage("two plates", "five plates"), is_same_lineage("an old man", "a young man")
    (False, False)
    """
    first, second = english.strip_article(before).lower(), english.strip_article(after).lower()
    (*modifiers, head), (*other_modifiers, other_head) = first.split() or [""], second.split() or [""]
    words, others = before.lower().split(), after.lower().split()
    if words[-1:] == others[-1:] and any(map(_contradicts, words, others)):
        return False
    is_coloured = modifiers and other_modifiers and {modifiers[0], other_modifiers[0]} <= set(read_colours())
    if head == other_head and is_coloured:
        return modifiers == other_modifiers
    return wordnet.is_related(first, second)


def _contradicts(word: str, other: str) -> bool:
    """Whether only one of two words in the same place can be true: of two numbers, or of two attributes."""
    return word != other and ({word, other} <= set(NUMBERS) or other in list_attribute_contrasts(word))


def find_replaced_words(gold: str, negative: str) -> tuple[str, str]:
    """Find the words of a gold caption that a negative replaces, and their replacement, by comparing the texts.

    Either is empty if the negative only adds or only leaves out words.

    >>> find_replaced_words("salad fork on table", "butter knife on table")
    ('salad fork', 'butter knife')
    """
    before, after = gold.split(), negative.split()
    prefix, suffix = count_common_words(gold, negative)
    return " ".join(before[prefix : len(before) - suffix]), " ".join(after[prefix : len(after) - suffix])


def count_common_words(gold: str, negative: str) -> tuple[int, int]:
    """Number of words that two texts share at their beginning, and number that they share at their end.

    No word counts twice.

    >>> count_common_words("salad fork on table", "butter knife on table")
    (0, 2)
    """
    before, after = gold.split(), negative.split()
    shorter = min(len(before), len(after))
    prefix = 0
    while prefix < shorter and before[prefix] == after[prefix]:
        prefix += 1
    suffix = 0
    while suffix < shorter - prefix and before[-1 - suffix] == after[-1 - suffix]:
        suffix += 1
    return prefix, suffix
