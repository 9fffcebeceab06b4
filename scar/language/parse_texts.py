"""Read the texts of people: clean them, parse them or find their parses in a store, and find their statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from scar.language.human_text import clean_text, find_unread_reason
from scar.language.parse_store import ParseStore
from scar.language.parser import WAY_OUT, Parse, Parser, open_parser
from scar.language.second_reading import find_second_reading
from scar.language.statements import Statement, find_statements

NOT_PARSED = "not_parsed"
"""The reason why a text that can be read was not parsed: there is no parser."""

NO_PARSER = f"no parser is installed, so people's texts give no captions: run `{WAY_OUT}`"
"""What a build says, in one line, before it goes on without a parser."""


@lru_cache(maxsize=4)
def open_texts(name: str | None, parses: Path | None) -> tuple[Parser | None, ParseStore | None]:
    """Open the parser and the store that the options ``--parser`` and ``--parses`` name, once in each process.

    Args:
        name: package of the parser; None means the small English model, and no parser if it is not installed.
        parses: folder or file of the store; None means no store.

    Raises:
        InputError: the parser is not installed or differs from the published one, or the store is of another parser.
    """
    parser = open_parser(name)
    return parser, ParseStore(parses, parser) if parses is not None else None


def merge_parses(name: str | None, parses: Path) -> None:
    """Join what all workers added to the store ``parses``; ``name`` is that of `open_texts`.

    Raises:
        InputError, WriteError: see `ParseStore`.
    """
    _, store = open_texts(name, parses)
    if store is not None:
        store.merge()


def parse_all(
    texts: Iterable[str], parser: Parser | None, store: ParseStore | None
) -> tuple[dict[str, tuple[Statement, ...]], Counter[str]]:
    """Find the statements of texts; each distinct text is parsed once, and not at all if the store has it.

    The result depends on the texts and the parser alone. So each worker may call this for its own pictures.

    Args:
        texts: what people wrote.
        parser: parses what the store lacks; None parses nothing.
        store: keeps parses; new ones are added to it as a part, which `ParseStore.merge` joins. None keeps nothing.

    Returns:
        The statements of each text that was parsed, by the text as it was given. And the number of texts that were not
        parsed, equal ones too, by reason: those of `human_text.Unread`, and `NOT_PARSED` where there is no parser and
        the store lacks the text.

    Raises:
        InputError: spaCy cannot load the parser's pipeline.
        WriteError: the store cannot be written.
    """
    unread: Counter[str] = Counter()
    cleaned: dict[str, str] = {}
    times = Counter(texts)
    for text in times:
        clean = clean_text(text)
        reason = find_unread_reason(clean)
        if reason is None:
            cleaned[text] = clean
        else:
            unread[reason] += times[text]
    parses = _parse(dict.fromkeys(cleaned.values()), parser, store)
    again = {clean: second for clean, parse in parses.items() if (second := find_second_reading(clean, parse))}
    others = _parse([second.text for second in again.values()], parser, store)
    parses |= {clean: second.restore(others[second.text]) for clean, second in again.items() if second.text in others}
    found = {clean: find_statements(parse) for clean, parse in parses.items()}
    unread[NOT_PARSED] += sum(times[text] for text, clean in cleaned.items() if clean not in found)
    return {text: found[clean] for text, clean in cleaned.items() if clean in found}, +unread


def _parse(texts: Iterable[str], parser: Parser | None, store: ParseStore | None) -> dict[str, Parse]:
    """The parses of cleaned texts: stored ones, then new ones, which are added to the store."""
    parses: dict[str, Parse] = {}
    new: list[str] = []
    for text in texts:
        known = store.find(text) if store is not None else _RECENT.get((parser, text))
        if known is None:
            new.append(text)
        else:
            parses[text] = known
    if parser is not None and new:
        made = dict(zip(new, parser.parse(new), strict=True))
        parses |= made
        if store is not None:
            store.add(made)
        else:
            _keep_recent(parser, made)
    return parses


_RECENT: dict[tuple[Parser | None, str], Parse] = {}
"""Parses of this process, by parser and text: without a store, a small build would parse each text twice."""

_MAX_RECENT = 10_000


def _keep_recent(parser: Parser, made: Mapping[str, Parse]) -> None:
    _RECENT.update({(parser, text): parse for text, parse in made.items()})
    while len(_RECENT) > _MAX_RECENT:
        del _RECENT[next(iter(_RECENT))]
