"""Stored parses: found again, the same bytes whoever added them, and only those of the parser that is asked."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest

from scar.errors import InputError
from scar.language.parse_store import ParseStore
from scar.language.parser import Parse, Parser
from tests.scar.language.parses import CAT_ON_TABLE, make_parse

PARSER = Parser("toy", "1.0", "3.8", "a" * 64, Path("toy"))
PARSES = {
    "A black cat sitting on the table in front of laptop": CAT_ON_TABLE,
    "dog": make_parse("dog/dog/NN/ROOT/0"),
    "": Parse((), (), (), (), ()),
    "é": make_parse("é/é/FW/ROOT/0"),
    "😀 cat": make_parse("😀/😀/SYM/dep/1 cat/cat/NN/ROOT/1"),
    "Zoo": make_parse("Zoo/zoo/NNP/ROOT/0"),
}


@pytest.mark.parametrize("name", ["parses", "mine.arrow", "deep/folder"])
def test_what_was_added_is_found_again(name: str, tmp_path: Path) -> None:
    store = ParseStore(tmp_path / name, PARSER)
    assert store.find("dog") is None
    store.add(PARSES)
    for opened in (store, ParseStore(tmp_path / name, PARSER), ParseStore(tmp_path / name, None)):
        assert {text: opened.find(text) for text in PARSES} == PARSES
        assert opened.find("do") is None
    store.merge()
    assert {text: store.find(text) for text in PARSES} == PARSES
    assert [path for path in store.file.parent.iterdir() if path != store.file] == []


def test_the_bytes_depend_on_the_parses_alone(tmp_path: Path) -> None:
    items = list(PARSES.items())
    one, many = ParseStore(tmp_path / "one", PARSER), ParseStore(tmp_path / "many", PARSER)
    one.add(PARSES)
    one.merge()
    for start in (4, 0, 2):
        many.add(dict(items[start : start + 3]))  # the parts overlap
        if start == 0:
            many.merge()
    many.merge()
    assert one.file.read_bytes() == many.file.read_bytes()
    assert len(one) == len(PARSES)


def test_other_processes_find_what_one_added(tmp_path: Path) -> None:
    store = ParseStore(tmp_path, PARSER)
    worker = copy.deepcopy(store)  # as pickle does it
    worker.add({"dog": PARSES["dog"]})
    store.merge()
    assert store.find("dog") == PARSES["dog"]


@pytest.mark.parametrize("field", ["name", "version", "spacy_version", "sha256"])
def test_parses_of_another_parser_are_refused(field: str, tmp_path: Path) -> None:
    ParseStore(tmp_path, PARSER).add(PARSES)
    other = dataclasses.replace(PARSER)
    object.__setattr__(other, field, "2.0")
    with pytest.raises(InputError, match=r"holds parses of toy 1\.0 .*, and the parser is .*--parses") as error:
        ParseStore(tmp_path, other)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no arrow", b"ARROW1\0\0"])
def test_a_damaged_store_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "parses.arrow").write_bytes(content)
    with pytest.raises(InputError, match=r"parses\.arrow: no store of parses"):
        ParseStore(tmp_path, PARSER)


def test_a_cut_store_is_named(tmp_path: Path) -> None:
    store = ParseStore(tmp_path, PARSER)
    store.add(PARSES)
    store.merge()
    whole = store.file.read_bytes()
    store.file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        ParseStore(tmp_path, PARSER)


def test_a_file_of_other_content_is_named(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"text": ["a"]})
    with pa.ipc.new_file(str(tmp_path / "parses.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="no store of parses of this version"):
        ParseStore(tmp_path, PARSER)


def test_a_store_without_parser_takes_no_parses(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be added without their parser"):
        ParseStore(tmp_path, None).add(PARSES)
