"""Write the tables `nouns.parquet`, `plurals.parquet` and `words.parquet` from the files of WordNet 3.0.

Run `python -m scar.language.build_wordnet_table`. It reads index.noun, data.noun, cntlist.rev and noun.exc of Debian's
`wordnet-base`, and the indices of the other parts of speech; wndb(5WN) and cntlist(5WN) describe their formats. It
leaves out instances (names of persons and places), because no region is an instance. WordNet calls some names classes,
such as the island Jersey: what stands below an instance is left out, too. So the tables have every hypernym. The same
files give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from scar.common.files import replace_file
from scar.errors import InputError

TABLES_FOLDER = Path(__file__).parent / "tables" / "wordnet"
DEBIAN_FOLDER = Path("/usr/share/wordnet")

SenseRow: TypeAlias = tuple[str, int, int, list[int]]
"""Lemma, synset, count and direct hypernyms of a sense."""

NOUN_SCHEMA = pa.schema(
    [
        pa.field("lemma", pa.string(), nullable=False),
        pa.field("synset", pa.int32(), nullable=False),
        pa.field("count", pa.int32(), nullable=False),
        pa.field("hypernyms", pa.list_(pa.int32()), nullable=False),
    ]
)
PLURAL_SCHEMA = pa.schema(
    [pa.field("plural", pa.string(), nullable=False), pa.field("singular", pa.string(), nullable=False)]
)


WORD_SCHEMA = pa.schema([pa.field("word", pa.string(), nullable=False), pa.field("parts", pa.string(), nullable=False)])
"""`words.parquet`: each word that is no phrase, with its parts of speech: a (adjective), r (adverb), v (verb)."""


def read_hypernyms(folder: Path) -> dict[int, list[int]]:
    """Read the direct hypernyms of each synset that is a class: no instance, and not below an instance.

    Raises:
        InputError: the file is missing, or a hypernym is not among its synsets.
    """
    hypernyms: dict[int, list[int]] = {}
    names: set[int] = set()
    path = folder / "data.noun"
    for line in _read_lines(path):
        fields = line.split(" | ", 1)[0].split()
        words = int(fields[3], 16)
        pointers = fields[5 + 2 * words :]  # symbol, offset, part of speech, source/target: four fields each
        kinds = pointers[0::4]
        if "@i" in kinds:
            names.add(int(fields[0]))
        hypernyms[int(fields[0])] = [int(pointers[4 * i + 1]) for i, kind in enumerate(kinds) if kind == "@"]
    for synset, parents in hypernyms.items():
        if missing := [parent for parent in parents if parent not in hypernyms]:
            raise InputError(f"{path}: no synset {missing[0]:08d}, a hypernym of {synset:08d}; get a fresh copy.")
    while below := {synset for synset, parents in hypernyms.items() if synset not in names and names & set(parents)}:
        names |= below
    return {synset: parents for synset, parents in hypernyms.items() if synset not in names}


def read_counts(folder: Path) -> dict[tuple[str, int], int]:
    """Read how often each (lemma, sense number) of a noun occurs in the tagged texts of WordNet."""
    counts = {}
    for line in _read_lines(folder / "cntlist.rev"):
        key, number, count = line.split()
        lemma, lexical = key.split("%")
        if lexical.startswith("1:"):
            counts[lemma, int(number)] = int(count)
    return counts


def read_senses(folder: Path) -> Iterator[SenseRow]:
    """Read lemma, synset, count and direct hypernyms of each sense, lemma by lemma, the most frequent sense first."""
    hypernyms, counts = read_hypernyms(folder), read_counts(folder)
    for line in _read_lines(folder / "index.noun"):
        fields = line.split()
        lemma, synsets = fields[0], fields[6 + int(fields[3]) :]
        for number, synset in enumerate(map(int, synsets), start=1):
            if synset in hypernyms:
                yield lemma.replace("_", " "), synset, counts.get((lemma, number), 0), hypernyms[synset]


def read_plurals(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the irregular plurals, each with the first singular that WordNet lists for it."""
    for line in _read_lines(folder / "noun.exc"):
        plural, singular, *_ = line.split()
        yield plural.replace("_", " "), singular.replace("_", " ")


def read_words(folder: Path) -> Iterator[tuple[str, str]]:
    """Read every adjective, adverb and verb of one word, in alphabetical order, with its parts of speech."""
    parts: dict[str, str] = {}
    for letter, name in (("a", "adj"), ("r", "adv"), ("v", "verb")):
        for line in _read_lines(folder / f"index.{name}"):
            word = line.split(" ", 1)[0]
            if "_" not in word:
                parts[word] = parts.get(word, "") + letter
    yield from sorted(parts.items())


def write_tables(folder: Path, out: Path) -> None:
    """Write the three tables into the folder `out`, from the WordNet files in `folder`.

    Raises:
        InputError: a file of WordNet is missing.
    """
    rows = sorted(read_senses(folder), key=lambda row: row[0])  # stable: the order of senses stays
    nouns = pa.table(
        [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), NOUN_SCHEMA, strict=True)],
        NOUN_SCHEMA,
    )
    pairs = sorted(dict(read_plurals(folder)).items())
    plurals = pa.table([pa.array(column) for column in zip(*pairs, strict=True)], PLURAL_SCHEMA)
    words = pa.table([pa.array(column) for column in zip(*read_words(folder), strict=True)], WORD_SCHEMA)
    for name, table in (("nouns", nouns), ("plurals", plurals), ("words", words)):
        with replace_file(out / f"{name}.parquet") as partial:
            pq.write_table(table, partial, compression="zstd", compression_level=19)


def _read_lines(path: Path) -> Iterator[str]:
    """Read the lines of a WordNet file without the indented licence at its top."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; install Debian's wordnet-base or name its folder") from error
    return (line for line in lines if not line.startswith("  "))


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]) if len(sys.argv) > 1 else DEBIAN_FOLDER, TABLES_FOLDER)
