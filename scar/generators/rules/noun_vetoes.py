"""Vetoes of false objects and scenes: each is a table of golds and candidates, true where it refuses.

A veto refuses in doubt: a negative that is true does more harm than a missing one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scar.generators.rules.draws import Bools, Ints
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.phrases import is_group
from scar.language.attribute_swaps import list_similar_phrases
from scar.language.lexicon import read_things
from scar.language.noun_phrase import NounPhrase


@dataclass(frozen=True, eq=False)
class NounSwap:
    """Noun phrases in the place of a true one.

    Attributes:
        batch: the golds.
        true: the true noun phrase of each gold.
        true_nouns: (T, 2) numbers of nouns that mean the true thing.
        phrases: the M candidates.
        nouns: (M,) numbers of their nouns.
        contrasts: (T, M) whether a candidate says another attribute, number or person of the true thing.
        groups: (M,) whether a candidate means things of the object's own name: "another one", "a row of four".
    """

    batch: GoldBatch
    true: Sequence[NounPhrase]
    true_nouns: Ints
    phrases: Sequence[NounPhrase]
    nouns: Ints
    contrasts: Bools
    groups: Bools

    @classmethod
    def of(
        cls, batch: GoldBatch, true: Sequence[NounPhrase], true_nouns: Ints, phrases: Sequence[NounPhrase]
    ) -> NounSwap:
        """Look up the candidates."""
        columns: dict[tuple[str, str], list[int]] = {}
        for column, phrase in enumerate(phrases):
            columns.setdefault((phrase.text, phrase.noun), []).append(column)
        similar = {
            phrase: [
                column for other in list_similar_phrases(phrase) for column in columns.get((other.text, other.noun), ())
            ]
            for phrase in dict.fromkeys(true)
        }
        contrasts = np.zeros((len(true), len(phrases)), bool)
        for row, phrase in enumerate(true):
            contrasts[row, similar[phrase]] = True
        groups = np.array([is_group(phrase) for phrase in phrases], bool)
        nouns = batch.nouns.find(phrase.noun for phrase in phrases)
        return cls(batch, true, true_nouns, phrases, nouns, contrasts, groups)

    @property
    def plain(self) -> Bools:
        """(T, M) whether a candidate names another thing: neither a group nor a contrast."""
        return ~(self.contrasts | self.groups)

    def look_up(self, pairs: Bools, numbers: Ints) -> Bools:
        """(T, M) what an (N, N) table says of a noun of each gold, (T,) numbers, and of each candidate's noun."""
        found: Bools = pairs[np.ix_(numbers, self.nouns)]
        return found

    def fits_true(self, pairs: Bools) -> Bools:
        """(T, M) whether an (N, N) table holds for a noun that means the true thing."""
        return self.look_up(pairs, self.true_nouns[:, 0]) | self.look_up(pairs, self.true_nouns[:, 1])


def not_one_element(swap: NounSwap) -> Bools:
    """Refuse a part that reads as that of the gold caption, or is empty: (T, M), as all vetoes here."""
    texts = {text: number for number, text in enumerate(dict.fromkeys(phrase.text.lower() for phrase in swap.phrases))}
    columns = np.array([texts[phrase.text.lower()] for phrase in swap.phrases], np.intp)
    rows = np.array([texts.get(phrase.text.lower(), -1) for phrase in swap.true], np.intp)
    found: Bools = (rows[:, None] == columns) | (columns == texts.get("", -1))
    return found


def wordnet_related(swap: NounSwap) -> Bools:
    """Refuse a scene or object that is a synonym, a hyponym or a hypernym of the true one."""
    return swap.plain & swap.fits_true(swap.batch.nouns.related)


def lookalike(swap: NounSwap) -> Bools:
    """Refuse an object or thing that a viewer may mistake for the true one.

    Any two nouns for persons are alike, except those that exclude each other, such as "man" and "woman".
    """
    return swap.plain & swap.fits_true(swap.batch.nouns.confusable | swap.batch.nouns.persons)


def present_in_box(swap: NounSwap) -> Bools:
    """Refuse an object that may name a thing that is visible in the region's box."""
    return ~swap.contrasts & swap.batch.in_box[:, swap.nouns]


def fits_captions(swap: NounSwap) -> Bools:
    """Refuse a part that human texts mention, unless an annotated thing of the picture explains the mention."""
    batch = swap.batch
    is_other = swap.nouns != batch.nouns.find(phrase.noun for phrase in swap.true)[:, None]
    refused: Bools = (batch.mentioned & ~batch.shown)[:, swap.nouns] & is_other & ~swap.groups
    for row, column in zip(*np.nonzero(swap.contrasts), strict=True):
        added = set(swap.phrases[column].attributes) - set(swap.true[row].attributes)
        refused[row, column] |= bool(added) and batch.has_word(row, added)
    return refused


def unannotated(swap: NounSwap) -> Bools:
    """Refuse a thing that may be in the picture unannotated, as the source never annotates such things."""
    names = [thing.name for thing in swap.batch.nouns.things]
    annotated = np.array([name in swap.batch.annotated for name in names], bool)[swap.nouns]
    found: Bools = swap.plain & ~swap.batch.shown[:, swap.nouns] & ~annotated
    return found


def unknown(swap: NounSwap) -> Bools:
    """Refuse a candidate whose thing no table lists: (M,)."""
    listed = np.array([thing.name in read_things() for thing in swap.batch.nouns.things], bool)
    found: Bools = ~listed[swap.nouns]
    return found
