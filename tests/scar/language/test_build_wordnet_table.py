"""The noun tables have the bytes that the script writes from WordNet's files."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scar.errors import InputError
from scar.language.build_wordnet_table import DEBIAN_FOLDER, TABLES_FOLDER, read_hypernyms, write_tables

NOUNS = """\
00000001 03 n 01 entity 0 000 | all there is
00000002 17 n 01 island 0 001 @ 00000001 n 0000 | land in water
00000003 15 n 01 Channel_Island 0 001 @i 00000002 n 0000 | a name
00000004 15 n 02 Jersey 0 island_of_Jersey 0 001 @ 00000003 n 0000 | a name that is called a class
00000005 15 n 01 Jersey_of_old 0 001 @ 00000004 n 0000 | a name below it
00000006 06 n 01 jersey 0 001 @ 00000001 n 0000 | a shirt
"""
"""Lines of data.noun: offset, file, part of speech, words, pointers."""


@pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="Debian's wordnet-base is not installed")
def test_the_table_is_what_the_script_makes_byte_for_byte(tmp_path: Path) -> None:
    write_tables(DEBIAN_FOLDER, tmp_path)
    for name in ("nouns.parquet", "plurals.parquet", "words.parquet"):
        made, committed = ((folder / name).read_bytes() for folder in (tmp_path, TABLES_FOLDER))
        assert hashlib.sha256(made).digest() == hashlib.sha256(committed).digest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nouns.parquet", "plurals.parquet", "words.parquet"]


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.noun|data\.noun.*install Debian's wordnet-base"):
        write_tables(tmp_path, tmp_path)


def test_the_licence_stands_beside_the_table() -> None:
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (TABLES_FOLDER / "LICENSE").read_text()


def test_the_table_has_every_hypernym() -> None:
    table = pq.read_table(TABLES_FOLDER / "nouns.parquet")
    hypernyms = {parent for row in table["hypernyms"].to_pylist() for parent in row}
    assert hypernyms <= set(table["synset"].to_pylist())


def test_what_is_below_a_name_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(NOUNS)
    assert read_hypernyms(tmp_path) == {1: [], 2: [1], 6: [1]}


def test_a_hypernym_that_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(
        NOUNS.replace("00000006 06 n 01 jersey 0 001 @ 00000001", "00000006 06 n 01 jersey 0 001 @ 00000009")
    )
    with pytest.raises(InputError, match=r"data\.noun: no synset 00000009, a hypernym of 00000006"):
        read_hypernyms(tmp_path)
