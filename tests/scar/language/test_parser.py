"""The parser of people's texts: its results depend on the text alone, its files are those of the table."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scar.errors import InputError
from scar.language import parser as parser_module
from scar.language.parser import DEFAULT_PIPELINE, Parser, hash_digests, open_parser
from scar.language.word_tables import read_word_table

TEXTS = [
    f"{subject} {relation} {rest}."
    for subject in ("A black cat", "Two men", "The old bus", "salad fork", "a person that is")
    for relation in ("sitting on", "in front of", "is parked near", "holds", "lying next to", "riding")
    for rest in ("a wooden table", "the beach", "some tall trees", "another one", "a dog and a cat")
]

needs_parser = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None or importlib.util.find_spec(DEFAULT_PIPELINE) is None,
    reason="the extra `parser` is not installed",
)


@pytest.fixture
def parser() -> Parser:
    found = open_parser()
    assert found is not None
    return found


def copy_pipeline(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = DEFAULT_PIPELINE) -> Path:
    """Copy the installed pipeline to a folder that is found first; returns the folder of its files."""
    spec = importlib.util.find_spec(DEFAULT_PIPELINE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    shutil.copytree(Path(spec.submodule_search_locations[0]), folder / name, ignore=shutil.ignore_patterns("ner"))
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return next(path for path in (folder / name).iterdir() if (path / "config.cfg").is_file())


@needs_parser
@pytest.mark.slow
def test_a_parse_depends_on_neither_batch_nor_order_nor_process(parser: Parser) -> None:
    together = dict(zip(TEXTS, parser.parse(TEXTS), strict=True))
    shuffled = random.Random(0).sample(TEXTS, len(TEXTS))
    assert dict(zip(shuffled, parser.parse(shuffled), strict=True)) == together
    assert [parser.parse([text])[0] for text in TEXTS[:40]] == [together[text] for text in TEXTS[:40]]
    for size in (2, 7):
        parts = [parse for i in range(0, 42, size) for parse in parser.parse(TEXTS[i : i + size])]
        assert parts == [together[text] for text in TEXTS[:42]]
    program = (
        "import json, sys, msgspec; from scar.language.parser import open_parser; "
        "print(msgspec.json.encode(open_parser().parse(json.load(sys.stdin))).decode())"
    )
    other = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], input=json.dumps(TEXTS[::-1]), capture_output=True, text=True, check=True
    )
    import msgspec

    assert msgspec.json.decode(other.stdout, type=list[parser_module.Parse])[::-1] == list(together.values())


@needs_parser
@pytest.mark.slow
def test_a_parse_names_what_extraction_needs(parser: Parser) -> None:
    (parse,) = parser.parse(["A black cat sitting on a table"])
    assert parse.words == ("A", "black", "cat", "sitting", "on", "a", "table")
    assert parse.tags == ("DT", "JJ", "NN", "VBG", "IN", "DT", "NN")
    assert [parse.words[head] for head in parse.heads] == ["cat", "cat", "cat", "cat", "sitting", "table", "on"]
    assert parse.lemmas[3] == "sit"
    assert parser.parse([]) == []


def test_opening_a_parser_imports_no_spacy() -> None:
    program = (
        "import sys; from scar.language.parser import open_parser; open_parser(); sys.exit('spacy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603


@needs_parser
def test_the_files_of_the_installed_model_are_those_of_the_table(parser: Parser) -> None:
    assert (parser.name, parser.version) == (DEFAULT_PIPELINE, "3.8.0")
    table = read_word_table("parsers")
    assert parser.sha256 == hash_digests(table[DEFAULT_PIPELINE]["files"])


@needs_parser
def test_a_changed_file_of_the_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_pipeline(tmp_path, monkeypatch)
    with (folder / "parser" / "model").open("ab") as file:
        file.write(b"!")
    with pytest.raises(InputError, match=r"parser/model: has not the content .* --force-reinstall") as error:
        open_parser()
    assert "\n" not in str(error.value)


@needs_parser
@pytest.mark.parametrize(("change", "problem"), [("missing", "tokenizer: is missing"), ("more", "more: is no file of")])
def test_a_missing_or_foreign_file_of_the_model_is_named(
    change: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_pipeline(tmp_path, monkeypatch)
    if change == "missing":
        (folder / "tokenizer").unlink()
    else:
        (folder / "more").write_text("x")
    with pytest.raises(InputError, match=problem):
        open_parser()


@needs_parser
def test_another_pipeline_is_known_by_its_own_digest(
    parser: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_pipeline(tmp_path, monkeypatch, "my_english")
    (folder / "tokenizer").write_bytes((folder / "tokenizer").read_bytes() + b" ")
    other = open_parser("my-english")
    assert other is not None
    assert (other.name, other.version) == ("my_english", "3.8.0")
    assert other.sha256 != parser.sha256
    assert other.identity != parser.identity


@needs_parser
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lang": "de"}, "its language is 'de'; give an English pipeline"),
        ({"pipeline": ["tok2vec", "tagger", "lemmatizer"]}, "has no parser; give a pipeline with tagger, parser"),
    ],
)
def test_a_pipeline_that_cannot_serve_is_refused(
    changes: dict[str, Any], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_pipeline(tmp_path, monkeypatch, "my_pipeline")
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | changes))
    with pytest.raises(InputError, match=problem):
        open_parser("my_pipeline")


def test_without_spacy_there_is_no_parser_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "spacy" else find(name))
    assert open_parser() is None
    with pytest.raises(InputError, match=r"spaCy is not installed; run `pip install 'scar-virtue\[parser\]'`"):
        open_parser("en_core_web_sm")


@needs_parser
@pytest.mark.parametrize("name", ["no_such_pipeline", "json.tool", "a b", "", "../x"])
def test_a_name_that_is_no_pipeline_is_refused(name: str) -> None:
    if name:
        with pytest.raises(InputError, match=r"no such package is installed|no name of a package"):
            open_parser(name)


@needs_parser
def test_a_package_without_a_pipeline_is_refused() -> None:
    with pytest.raises(InputError, match="holds no pipeline of spaCy"):
        open_parser("json")
