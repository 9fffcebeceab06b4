"""WordNet's nouns: senses, lemmas and hypernyms. A noun may be a phrase, in singular or plural."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_RELATIVE_COUNT = 0.2
"""Least frequency of a common sense of a noun in texts, relative to the most frequent sense of the noun."""

_INHABITANT = 9620078
"""The synset of all who live in a place."""

PLURAL_ENDINGS = (
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
)
"""Endings of regular plurals and of their singulars: WordNet's rules of detachment (morphy(7WN))."""


@dataclass(frozen=True)
class _NounTable:
    """`nouns.parquet` in memory: a row is one sense of one lemma, sorted by lemma and then by frequency.

    Attributes:
        lemmas: (N,) the lemma of each row.
        synsets: (N,) the synset of each row, an offset in WordNet 3.0.
        counts: (N,) frequency of each row's sense in the tagged texts of WordNet.
        hypernym_starts: (N + 1,) start of each row's hypernyms in `hypernyms`.
        hypernyms: synsets of the hypernyms of all rows, one row after the other.
    """

    lemmas: list[str]
    synsets: NDArray[np.int32]
    counts: NDArray[np.int32]
    hypernym_starts: NDArray[np.int32]
    hypernyms: NDArray[np.int32]

    def __contains__(self, lemma: str) -> bool:
        """Whether a row has the lemma."""
        return bool(self.find_rows(lemma))

    def find_rows(self, lemma: str) -> range:
        """The rows of a lemma."""
        return range(bisect_left(self.lemmas, lemma), bisect_right(self.lemmas, lemma))


@lru_cache(maxsize=1 << 16)
def find_senses(noun: str) -> tuple[int, ...]:
    """Synsets of the common senses of a noun, the most frequent first.

    If WordNet lacks a phrase, the longest end of it that WordNet has counts: "dogs" of "muddy dogs". The tuple is empty
    if WordNet lacks even the last word. If WordNet has no frequencies of the senses, all senses are common.

    >>> find_senses("dogs")
    (2084071,)

    Names of peoples, which one writes in capitals, count only if they are the most frequent sense: a pole is no Pole.

    >>> is_a("pole", _INHABITANT), _INHABITANT in find_lineage("pole"), _INHABITANT in find_lineage("german")
    (False, False, True)
    >>> find_senses("muddy dogs") == find_senses("dog")
    True
    """
    words = noun.split()
    name = next((found for i in range(len(words)) if (found := find_lemma(" ".join(words[i:])))), None)
    senses = tuple(_iter_senses(name)) if name else ()
    common = [synset for synset, count in senses if count >= MIN_RELATIVE_COUNT * senses[0][1]]
    return tuple(synset for synset in common if synset == common[0] or _INHABITANT not in _find_ancestors(synset))


def is_known(noun: str) -> bool:
    """Whether WordNet has the noun, in any sense."""
    return find_lemma(noun) is not None


@lru_cache(maxsize=1 << 16)
def find_lemma(noun: str) -> str | None:
    """The form under which WordNet lists a noun; None if WordNet lacks the noun.

    >>> find_lemma("Tennis rackets"), find_lemma("mice"), find_lemma("glasses"), find_lemma("xyzzy")
    ('tennis racket', 'mouse', 'glasses', None)
    """
    table, noun = _read_noun_table(), " ".join(noun.lower().split())
    plurals = read_irregular_plurals()
    if noun in table:
        return noun
    if noun in plurals and plurals[noun] in table:
        return plurals[noun]
    stems = [noun.removesuffix(end) + start for end, start in PLURAL_ENDINGS if noun.endswith(end)]
    modifier, _, head = noun.rpartition(" ")
    if modifier and head in plurals:
        stems.append(f"{modifier} {plurals[head]}")
    return next((stem for stem in stems if stem in table), None)


@lru_cache(maxsize=1 << 16)
def is_a(noun: str, *kinds: int) -> bool:
    """Whether the most frequent sense of a noun is one of these synsets or a hyponym of one.

    >>> is_a("dog", 15388)  # animal
    True
    """
    return any(not _find_ancestors(synset).isdisjoint(kinds) for synset in find_senses(noun)[:1])


@lru_cache(maxsize=1 << 16)
def may_be_a(noun: str, *kinds: int) -> bool:
    """Whether any common sense of a noun is one of these synsets or a hyponym of one.

    >>> is_a("branch", 1930), may_be_a("branch", 1930)  # physical entity
    (False, True)
    """
    return any(not _find_ancestors(synset).isdisjoint(kinds) for synset in find_senses(noun))


@lru_cache(maxsize=1 << 16)
def is_related(a: str, b: str) -> bool:
    """Whether two nouns are synonyms, or one is a hypernym of the other, in a common sense of each.

    >>> is_related("dog", "animal"), is_related("sofa", "couch"), is_related("dog", "cat")
    (True, True, False)
    """
    if (find_lemma(a) or a.lower()) == (find_lemma(b) or b.lower()):
        return True
    return not find_lineage(b).isdisjoint(find_senses(a)) or not find_lineage(a).isdisjoint(find_senses(b))


@lru_cache(maxsize=1 << 16)
def is_kind_of(noun: str, other: str) -> bool:
    """Whether a noun, in a common sense, is a synonym or hyponym of the most frequent sense of another noun.

    >>> is_kind_of("sedan", "car"), is_kind_of("car", "sedan")
    (True, False)
    """
    return not find_lineage(noun).isdisjoint(find_senses(other)[:1])


@lru_cache(maxsize=1 << 16)
def find_lineage(noun: str) -> frozenset[int]:
    """The common senses of a noun and all their ancestors."""
    return frozenset().union(*map(_find_ancestors, find_senses(noun)))


@lru_cache(maxsize=1 << 16)
def count_uses(noun: str) -> int:
    """How often a noun occurs in the tagged texts of WordNet, in any sense; 0 if WordNet lacks it.

    >>> count_uses("table") > 10, count_uses("xyzzy")
    (True, 0)
    """
    name = find_lemma(noun)
    return sum(count for _, count in _iter_senses(name)) if name else 0


def iter_lemmas() -> Iterator[str]:
    """Yield all nouns of WordNet in alphabetical order; a noun with several senses comes several times."""
    yield from _read_noun_table().lemmas


@cache
def read_irregular_plurals() -> dict[str, str]:
    """WordNet's irregular plurals, each with its singular."""
    columns = _read_table("plurals").to_pydict()
    return dict(zip(columns["plural"], columns["singular"], strict=True))


@lru_cache(maxsize=1 << 16)
def find_parts_of_speech(word: str) -> str:
    """Letters for what a word is besides a noun: a (adjective), r (adverb), v (verb); empty if WordNet lacks it.

    >>> find_parts_of_speech("sit"), find_parts_of_speech("yellow"), find_parts_of_speech("yello")
    ('v', 'av', '')
    """
    return _read_words().get(word.lower(), "")


@cache
def _read_words() -> dict[str, str]:
    columns = _read_table("words").to_pydict()
    return dict(zip(columns["word"], columns["parts"], strict=True))


def _iter_senses(name: str) -> Iterator[tuple[int, int]]:
    """Iterate over synset and count of every sense of a lemma, the most frequent first."""
    table = _read_noun_table()
    for row in table.find_rows(name):
        yield int(table.synsets[row]), int(table.counts[row])


@cache
def _find_ancestors(synset: int) -> frozenset[int]:
    """The synset and its direct and indirect hypernyms."""
    return frozenset({synset}).union(*(_find_ancestors(parent) for parent in _find_hypernyms(synset)))


def _find_hypernyms(synset: int) -> list[int]:
    """The direct hypernyms of a synset."""
    table = _read_noun_table()
    row = int((table.synsets == synset).argmax())  # all rows of a synset have the same hypernyms
    hypernyms: list[int] = table.hypernyms[table.hypernym_starts[row] : table.hypernym_starts[row + 1]].tolist()
    return hypernyms


@cache
def _read_noun_table() -> _NounTable:
    from scar.common.arrow import to_numpy

    table = _read_table("nouns").combine_chunks()
    lemmas = table["lemma"].to_pylist()
    synsets = to_numpy(table["synset"])
    lists = table["hypernyms"].chunk(0)
    return _NounTable(
        lemmas=lemmas,
        synsets=synsets,
        counts=to_numpy(table["count"]),
        hypernym_starts=to_numpy(lists.offsets),
        hypernyms=to_numpy(lists.values),
    )


def _read_table(name: str) -> Any:
    from scar.common.arrow import read_table

    return read_table(Path(__file__).parent / "tables" / "wordnet" / f"{name}.parquet")
