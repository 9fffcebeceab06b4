"""Questions to WordNet's nouns. A noun may be given in singular or plural, of one word or several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_RELATIVE_COUNT = 0.2
"""A sense is common when texts use it at least this often, relative to the most frequent sense of the word."""

# WordNet's rules of detachment (morphy(7WN)): what ends a regular plural, and what the singular has there.
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


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a noun: its synset (offset in WordNet 3.0) and how often WordNet's makers met it in texts."""

    synset: int
    count: int


@dataclass(frozen=True)
class _NounTable:
    """`nouns.parquet` in memory: row i is one sense of one lemma, lemmas in order, frequent senses first.

    Attributes:
        lemmas: of each row.
        first_row: the first row of each lemma.
        row_by_synset: a row of each synset.
        synsets: (N,) of each row.
        counts: (N,) of each row.
        hypernym_starts: (N + 1,) where the hypernyms of each row start in `hypernyms`.
        hypernyms: those of all rows, one after the other.
    """

    lemmas: list[str]
    first_row: dict[str, int]
    row_by_synset: dict[int, int]
    synsets: NDArray[np.int32]
    counts: NDArray[np.int32]
    hypernym_starts: NDArray[np.int32]
    hypernyms: NDArray[np.int32]


@lru_cache(maxsize=1 << 16)
def find_senses(noun: str) -> tuple[Sense, ...]:
    """The common meanings of a noun, the most frequent first; those of its head if WordNet lacks the whole phrase.

    Without counts every meaning is common. A phrase whose head WordNet lacks too has none.

    >>> [sense.synset for sense in senses("dogs")]
    [2084071]
    >>> senses("muddy dogs") == senses("dog")
    True
    """
    words = noun.split()
    name = next((found for i in range(len(words)) if (found := find_lemma(" ".join(words[i:])))), None)
    every = tuple(_iter_senses(name)) if name else ()
    return tuple(sense for sense in every if sense.count >= MIN_RELATIVE_COUNT * every[0].count)


def is_known(noun: str) -> bool:
    """Whether WordNet has the noun, in whatever meaning."""
    return find_lemma(noun) is not None


@lru_cache(maxsize=1 << 16)
def find_lemma(noun: str) -> str | None:
    """The form under which WordNet lists a noun, None if it does not.

    >>> lemma("Tennis rackets"), lemma("mice"), lemma("glasses"), lemma("xyzzy")
    ('tennis racket', 'mouse', 'glasses', None)
    """
    table, noun = _read_noun_table(), " ".join(noun.lower().split())
    if noun in table.first_row:
        return noun
    if noun in read_irregular_plurals() and read_irregular_plurals()[noun] in table.first_row:
        return read_irregular_plurals()[noun]
    stems = [noun.removesuffix(end) + start for end, start in PLURAL_ENDINGS if noun.endswith(end)]
    modifier, _, head = noun.rpartition(" ")
    if modifier and head in read_irregular_plurals():
        stems.append(f"{modifier} {read_irregular_plurals()[head]}")
    return next((stem for stem in stems if stem in table.first_row), None)


@lru_cache(maxsize=1 << 16)
def is_a(noun: str, *kinds: int) -> bool:
    """Whether the most frequent meaning of a noun is one of these synsets or lies below one.

    >>> is_a("dog", 15388)  # animal
    True
    """
    return any(not _find_ancestors(sense.synset).isdisjoint(kinds) for sense in find_senses(noun)[:1])


@lru_cache(maxsize=1 << 16)
def is_related(a: str, b: str) -> bool:
    """Whether two nouns share a lineage: in a common meaning, one is the other, a kind of it or its kind.

    >>> related("dog", "animal"), related("sofa", "couch"), related("dog", "cat")
    (True, True, False)
    """
    mine, theirs = _find_lineage(a), _find_lineage(b)
    return (
        mine.name == theirs.name
        or not mine.synsets.isdisjoint(theirs.with_ancestors)
        or not theirs.synsets.isdisjoint(mine.with_ancestors)
    )


@lru_cache(maxsize=1 << 16)
def find_co_hyponyms(noun: str) -> tuple[str, ...]:
    """Nouns that stand beside this one under the same hypernym, in alphabetical order; not its own synonyms.

    >>> co_hyponyms("kitchen")[:3]
    ('anechoic chamber', 'antechamber', 'anteroom')
    """
    found = find_senses(noun)[:1]
    if not found:
        return ()
    table, own = _read_noun_table(), found[0].synset
    below = _index_hyponym_rows()
    rows = [row for parent in _find_hypernyms(own) for row in below[parent]]
    return tuple(sorted({table.lemmas[row] for row in rows if table.synsets[row] != own}))


class _Lineage(NamedTuple):
    """Where a noun stands: its form in WordNet, its common meanings, and these with all above them."""

    name: str
    synsets: frozenset[int]
    with_ancestors: frozenset[int]


@lru_cache(maxsize=1 << 16)
def _find_lineage(noun: str) -> _Lineage:
    own = frozenset(sense.synset for sense in find_senses(noun))
    return _Lineage(find_lemma(noun) or noun.lower(), own, frozenset().union(*map(_find_ancestors, own)))


@cache
def read_irregular_plurals() -> dict[str, str]:
    """WordNet's irregular plurals with their singulars."""
    columns = _read_table("plurals").to_pydict()
    return dict(zip(columns["plural"], columns["singular"], strict=True))


def _iter_senses(name: str) -> Iterator[Sense]:
    """Every meaning of a lemma, the most frequent first."""
    table = _read_noun_table()
    for row in range(table.first_row.get(name, len(table.lemmas)), len(table.lemmas)):
        if table.lemmas[row] != name:
            return
        yield Sense(int(table.synsets[row]), int(table.counts[row]))


@cache
def _find_ancestors(synset: int) -> frozenset[int]:
    """The synset and all above it."""
    return frozenset({synset}).union(*(_find_ancestors(parent) for parent in _find_hypernyms(synset)))


@cache
def _index_hyponym_rows() -> dict[int, list[int]]:
    """The rows right below each synset."""
    import numpy as np

    table = _read_noun_table()
    rows = np.repeat(np.arange(len(table.lemmas)), np.diff(table.hypernym_starts))
    found: dict[int, list[int]] = {}
    for row, synset in zip(rows.tolist(), table.hypernyms.tolist(), strict=True):
        found.setdefault(synset, []).append(row)
    return found


def _find_hypernyms(synset: int) -> list[int]:
    table = _read_noun_table()
    row = table.row_by_synset[synset]
    above: list[int] = table.hypernyms[table.hypernym_starts[row] : table.hypernym_starts[row + 1]].tolist()
    return above


@cache
def _read_noun_table() -> _NounTable:
    table = _read_table("nouns").combine_chunks()
    lemmas = table["lemma"].to_pylist()
    synsets = table["synset"].to_numpy()
    lists = table["hypernyms"].chunk(0)
    return _NounTable(
        lemmas=lemmas,
        first_row={name: i for i, name in zip(range(len(lemmas) - 1, -1, -1), reversed(lemmas), strict=True)},
        row_by_synset=dict(zip(synsets.tolist(), range(len(lemmas)), strict=True)),
        synsets=synsets,
        counts=table["count"].to_numpy(),
        hypernym_starts=lists.offsets.to_numpy(),
        hypernyms=lists.values.to_numpy(),
    )


def _read_table(name: str) -> Any:
    from scar.common.arrow import read_table

    return read_table(Path(__file__).parent / "tables" / "wordnet" / f"{name}.parquet")
