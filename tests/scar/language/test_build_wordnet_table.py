"""The noun tables have the bytes that the script writes from WordNet's files."""

import hashlib
from pathlib import Path

import pytest

from scar.errors import InputError
from scar.language.build_wordnet_table import DEBIAN_FOLDER, TABLES_FOLDER, write_tables


@pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="Debian's wordnet-base is not installed")
def test_the_table_is_what_the_script_makes_byte_for_byte(tmp_path: Path) -> None:
    write_tables(DEBIAN_FOLDER, tmp_path)
    for name in ("nouns.parquet", "plurals.parquet"):
        made, committed = ((folder / name).read_bytes() for folder in (tmp_path, TABLES_FOLDER))
        assert hashlib.sha256(made).digest() == hashlib.sha256(committed).digest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nouns.parquet", "plurals.parquet"]


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.noun|data\.noun.*install Debian's wordnet-base"):
        write_tables(tmp_path, tmp_path)


def test_the_licence_stands_beside_the_table() -> None:
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (TABLES_FOLDER / "LICENSE").read_text()
