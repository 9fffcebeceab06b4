"""From texts to statements: each text once, stored parses first, what is unread counted by reason."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scar.errors import InputError
from scar.language.parse_store import ParseStore
from scar.language.parse_texts import open_texts, parse_all
from scar.language.parser import DEFAULT_PIPELINE, Parse, Parser
from scar.language.statements import find_statements
from tests.scar.language.parses import CAT_ON_TABLE

needs_parser = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None or importlib.util.find_spec(DEFAULT_PIPELINE) is None,
    reason="the extra `parser` is not installed",
)

CAT = "A black cat sitting on the table in front of laptop"


class ToyParser(Parser):
    """Parses every text as the cat's, and remembers what it parsed."""

    def parse(self, texts: Sequence[str]) -> list[Parse]:
        SEEN.extend(texts)
        return [CAT_ON_TABLE] * len(texts)


SEEN: list[str] = []
TOY = ToyParser("toy", "1", "3.8", "a" * 64, Path("toy"))


@pytest.fixture(autouse=True)
def forget() -> None:
    SEEN.clear()


def test_each_text_is_parsed_once_and_found_as_it_was_given() -> None:
    statements, unread = parse_all(
        [CAT, f"{CAT} .", f"{CAT}\x00", CAT, "Ein Hund auf einem Sofa", "dog " * 70, "🐶"], TOY, None
    )
    assert [CAT] == SEEN
    assert statements == dict.fromkeys((CAT, f"{CAT} .", f"{CAT}\x00"), find_statements(CAT_ON_TABLE))
    assert unread == {"not_english": 1, "too_long": 1, "no_words": 1}


def test_stored_texts_are_not_parsed(tmp_path: Path) -> None:
    first, _ = parse_all([CAT, "a dog"], TOY, ParseStore(tmp_path, TOY))
    SEEN.clear()
    again, _ = parse_all(["a dog", CAT], TOY, ParseStore(tmp_path, TOY))
    assert not SEEN
    assert again == first
    parse_all(["a dog", CAT, "a bird"], TOY, ParseStore(tmp_path, TOY))
    assert SEEN == ["a bird"]


def test_without_a_parser_only_stored_texts_are_read(tmp_path: Path) -> None:
    parse_all([CAT], TOY, ParseStore(tmp_path, TOY))
    statements, unread = parse_all([CAT, "a dog"], None, ParseStore(tmp_path, None))
    assert statements == {CAT: find_statements(CAT_ON_TABLE)}
    assert unread == {"not_parsed": 1}


def test_a_store_of_another_parser_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ParseStore(tmp_path, TOY).add({CAT: CAT_ON_TABLE})
    other = ToyParser("toy", "2", "3.8", "a" * 64, Path("toy"))
    monkeypatch.setattr("scar.language.parse_texts.open_parser", lambda name: other)
    with pytest.raises(InputError, match="holds parses of toy 1 "):
        open_texts(None, tmp_path)


@needs_parser
@pytest.mark.slow
def test_names_that_look_like_clauses_are_read(tmp_path: Path) -> None:
    texts = {
        "A teddy bear inside a basket full of stuff": "a teddy bear inside a basket",
        "A red stop sign sitting on top of a green planter": "a red stop sign sitting on top of a green planter",
    }
    for _ in range(2):  # the second time from the store
        statements, _ = parse_all(texts, *open_texts(None, tmp_path))
        assert {text: said[0].text for text, said in statements.items()} == texts


def test_long_texts_do_not_hang() -> None:
    _, unread = parse_all(["A dog on a sofa and " * 2_500, "x" * 100_000], TOY, None)
    assert unread == {"too_long": 2}


@needs_parser
@pytest.mark.slow
def test_spacy_is_not_imported_when_all_is_stored(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scar.language.parse_texts import open_texts, parse_all;"
        f"statements, _ = parse_all([{CAT!r}], *open_texts(None, Path({str(tmp_path)!r})));"
        "print(len(statements), 'spacy' in sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["1", "True"], ["1", "False"]]
