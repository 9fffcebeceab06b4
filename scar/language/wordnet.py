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

COMMON = 0.2
"""A sense is common when texts use it at least this often, relative to the most frequent sense of the word."""

# WordNet's rules of detachment (morphy(7WN)): what ends a regular plural, and what the singular has there.
ENDINGS = (
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
class _Table:
    """`nouns.parquet` in memory: row i is one sense of one lemma, lemmas in order, frequent senses first.

    Attributes:
        lemmas: of each row.
        first: the first row of each lemma.
        row: a row of each synset.
        synsets: (N,) of each row.
        counts: (N,) of each row.
        starts: (N + 1,) where the hypernyms of each row start in `hypernyms`.
        hypernyms: those of all rows, one after the other.
    """

    lemmas: list[str]
    first: dict[str, int]
    row: dict[int, int]
    synsets: NDArray[np.int32]
    counts: NDArray[np.int32]
    starts: NDArray[np.int32]
    hypernyms: NDArray[np.int32]


@lru_cache(maxsize=1 << 16)
def senses(noun: str) -> tuple[Sense, ...]:
    """The common meanings of a noun, the most frequent first; those of its head if WordNet lacks the whole phrase.

    Without counts every meaning is common. A phrase whose head WordNet lacks too has none.

    >>> [sense.synset for sense in senses("dogs")]
    [2084071]
    >>> senses("muddy dogs") == senses("dog")
    True
    """
    words = noun.split()
    name = next((found for i in range(len(words)) if (found := lemma(" ".join(words[i:])))), None)
    every = tuple(_senses_of(name)) if name else ()
    return tuple(sense for sense in every if sense.count >= COMMON * every[0].count)


def known(noun: str) -> bool:
    """Whether WordNet has the noun, in whatever meaning."""
    return lemma(noun) is not None


@lru_cache(maxsize=1 << 16)
def lemma(noun: str) -> str | None:
    """The form under which WordNet lists a noun, None if it does not.

    >>> lemma("Tennis rackets"), lemma("mice"), lemma("glasses"), lemma("xyzzy")
    ('tennis racket', 'mouse', 'glasses', None)
    """
    table, noun = _table(), " ".join(noun.lower().split())
    if noun in table.first:
        return noun
    if noun in plurals() and plurals()[noun] in table.first:
        return plurals()[noun]
    stems = [noun.removesuffix(end) + start for end, start in ENDINGS if noun.endswith(end)]
    modifier, _, head = noun.rpartition(" ")
    if modifier and head in plurals():
        stems.append(f"{modifier} {plurals()[head]}")
    return next((stem for stem in stems if stem in table.first), None)


@lru_cache(maxsize=1 << 16)
def is_a(noun: str, *kinds: int) -> bool:
    """Whether the most frequent meaning of a noun is one of these synsets or lies below one.

    >>> is_a("dog", 15388)  # animal
    True
    """
    return any(not _ancestors(sense.synset).isdisjoint(kinds) for sense in senses(noun)[:1])


@lru_cache(maxsize=1 << 16)
def related(a: str, b: str) -> bool:
    """Whether two nouns share a lineage: in a common meaning, one is the other, a kind of it or its kind.

    >>> related("dog", "animal"), related("sofa", "couch"), related("dog", "cat")
    (True, True, False)
    """
    mine, theirs = _lineage(a), _lineage(b)
    return mine.name == theirs.name or not mine.own.isdisjoint(theirs.above) or not theirs.own.isdisjoint(mine.above)


@lru_cache(maxsize=1 << 16)
def co_hyponyms(noun: str) -> tuple[str, ...]:
    """Nouns that stand beside this one under the same hypernym, in alphabetical order; not its own synonyms.

    >>> co_hyponyms("kitchen")[:3]
    ('anechoic chamber', 'antechamber', 'anteroom')
    """
    found = senses(noun)[:1]
    if not found:
        return ()
    table, own = _table(), found[0].synset
    below = _below()
    rows = [row for parent in _above(own) for row in below[parent]]
    return tuple(sorted({table.lemmas[row] for row in rows if table.synsets[row] != own}))


class _Lineage(NamedTuple):
    """Where a noun stands: its form in WordNet, its common meanings, and these with all above them."""

    name: str
    own: frozenset[int]
    above: frozenset[int]


@lru_cache(maxsize=1 << 16)
def _lineage(noun: str) -> _Lineage:
    own = frozenset(sense.synset for sense in senses(noun))
    return _Lineage(lemma(noun) or noun.lower(), own, frozenset().union(*map(_ancestors, own)))


@cache
def plurals() -> dict[str, str]:
    """WordNet's irregular plurals with their singulars."""
    columns = _read("plurals").to_pydict()
    return dict(zip(columns["plural"], columns["singular"], strict=True))


def _senses_of(name: str) -> Iterator[Sense]:
    """Every meaning of a lemma, the most frequent first."""
    table = _table()
    for row in range(table.first.get(name, len(table.lemmas)), len(table.lemmas)):
        if table.lemmas[row] != name:
            return
        yield Sense(int(table.synsets[row]), int(table.counts[row]))


@cache
def _ancestors(synset: int) -> frozenset[int]:
    """The synset and all above it."""
    return frozenset({synset}).union(*(_ancestors(parent) for parent in _above(synset)))


@cache
def _below() -> dict[int, list[int]]:
    """The rows right below each synset."""
    import numpy as np

    table = _table()
    rows = np.repeat(np.arange(len(table.lemmas)), np.diff(table.starts))
    found: dict[int, list[int]] = {}
    for row, synset in zip(rows.tolist(), table.hypernyms.tolist(), strict=True):
        found.setdefault(synset, []).append(row)
    return found


def _above(synset: int) -> list[int]:
    table = _table()
    row = table.row[synset]
    above: list[int] = table.hypernyms[table.starts[row] : table.starts[row + 1]].tolist()
    return above


@cache
def _table() -> _Table:
    table = _read("nouns").combine_chunks()
    lemmas = table["lemma"].to_pylist()
    synsets = table["synset"].to_numpy()
    lists = table["hypernyms"].chunk(0)
    return _Table(
        lemmas=lemmas,
        first={name: i for i, name in zip(range(len(lemmas) - 1, -1, -1), reversed(lemmas), strict=True)},
        row=dict(zip(synsets.tolist(), range(len(lemmas)), strict=True)),
        synsets=synsets,
        counts=table["count"].to_numpy(),
        starts=lists.offsets.to_numpy(),
        hypernyms=lists.values.to_numpy(),
    )


def _read(name: str) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(Path(__file__).parent / "tables" / "wordnet" / f"{name}.parquet")
