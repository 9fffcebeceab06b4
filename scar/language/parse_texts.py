"""From texts of people to their statements: what a shard of a build calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scar.language.human_text import clean_text, find_unread_reason
from scar.language.parse_store import ParseStore
from scar.language.parsed_noun_phrase import has_misread_name
from scar.language.parser import WAY_OUT, Parse, Parser, open_parser
from scar.language.statements import Statement, find_statements

NO_PARSER = f"no parser is installed, so people's texts give no captions: run `{WAY_OUT}`"
"""What a build says, in one line, before it goes on without a parser."""


@dataclass
class ReadTexts:
    """What several texts say.

    Attributes:
        statements: the statements of each text that was parsed, by the text as it was given.
        unread: number of distinct texts that were not parsed, by reason: those of `human_text.Unread`, and
            ``not_parsed`` where there is no parser and the store lacks the text.
    """

    statements: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    unread: Counter[str] = field(default_factory=Counter)


def open_texts(name: str | None, parses: Path | None) -> tuple[Parser | None, ParseStore | None]:
    """Open the parser and the store that the options ``--parser`` and ``--parses`` name.

    Raises:
        InputError: the parser is not installed or differs from the published one, or the store is of another parser.
    """
    parser = open_parser(name)
    return parser, ParseStore(parses, parser) if parses is not None else None


def parse_all(texts: Iterable[str], parser: Parser | None, store: ParseStore | None) -> ReadTexts:
    """Find the statements of texts; each distinct text is parsed once, and not at all if the store has it.

    The result depends on the texts and the parser alone. So each worker may call this for its own pictures.

    Args:
        texts: what people wrote; equal texts count once.
        parser: parses what the store lacks; None parses nothing.
        store: keeps parses; new ones are added to it as a part, which `ParseStore.merge` joins. None keeps nothing.

    Raises:
        InputError: spaCy cannot load the parser's pipeline.
        WriteError: the store cannot be written.
    """
    result = ReadTexts()
    cleaned: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        clean = clean_text(text)
        reason = find_unread_reason(clean)
        if reason is None:
            cleaned[text] = clean
        else:
            result.unread[reason] += 1
    parses = _parse(dict.fromkeys(cleaned.values()), parser, store)
    again = {clean: _make_sentence(clean) for clean, parse in parses.items() if has_misread_name(parse)}
    sentences = _parse(again.values(), parser, store)
    parses |= {clean: sentences[sentence] for clean, sentence in again.items() if sentence in sentences}
    statements = {clean: find_statements(parse) for clean, parse in parses.items()}
    for text, clean in cleaned.items():
        if clean in statements:
            result.statements[text] = statements[clean]
        else:
            result.unread["not_parsed"] += 1
    return result


def _make_sentence(text: str) -> str:
    """A sentence of a text without a verb.

    >>> _make_sentence("The stop sign next to a tree"), _make_sentence("teddy bear")
    ('There is a stop sign next to a tree', 'There is teddy bear')
    """
    first, _, rest = text.partition(" ")
    return f"There is a {rest}" if first.lower() == "the" else f"There is {text[:1].lower()}{text[1:]}"


def _parse(texts: Iterable[str], parser: Parser | None, store: ParseStore | None) -> dict[str, Parse]:
    """The parses of cleaned texts: stored ones, then new ones, which are added to the store."""
    parses: dict[str, Parse] = {}
    new: list[str] = []
    for text in texts:
        stored = store.find(text) if store is not None else None
        if stored is None:
            new.append(text)
        else:
            parses[text] = stored
    if parser is not None and new:
        made = dict(zip(new, parser.parse(new), strict=True))
        parses |= made
        if store is not None:
            store.add(made)
    return parses
