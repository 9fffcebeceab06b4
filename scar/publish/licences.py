"""Combine the licences of sources into the licence of a corpus that is made of them.

The strictest terms hold for the corpus: non-commercial use, share-alike. If the terms of two sources exclude each
other, or a source states no known licence, the corpus has no licence of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OTHER = "other"
"""The Hub's id of a licence that it does not know."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence: a row of `licences.toml`.

    Attributes:
        id: the Hub's id of the licence.
        name: its name as people write it.
        url: URL of its text.
        phrases: words by which a statement names it, in lower case and with spaces for hyphens.
        commercial: whether it allows commercial use.
        share_alike: whether what is made of the work must come under the same licence.
        derivatives: whether it allows to pass on changed versions.
    """

    id: str
    name: str
    url: str
    phrases: tuple[str, ...]
    commercial: bool = True
    share_alike: bool = False
    derivatives: bool = True


@dataclass(frozen=True, slots=True)
class CombinedLicence:
    """The licence of a corpus.

    Attributes:
        id: the Hub's id of the licence.
        name: its name as people write it.
        url: URL of its text; None if there is none.
        commercial: whether commercial use is known to be allowed.
        reasons: why it is this licence, in words; names the sources that decide.
    """

    id: str
    name: str
    url: str | None
    commercial: bool
    reasons: tuple[str, ...]


def find_licences(words: str) -> list[Licence]:
    """Licences that a source's statement about its licence names, in the order of `licences.toml`.

    Empty if it names none that is known.

    >>> [licence.id for licence in find_licences("RefCOCO+: for research; COCO annotations CC BY 4.0")]
    ['cc-by-4.0', 'other']
    """
    rest = " ".join(re.split(r"[\s\-_]+", words.casefold()))
    found = {}
    for phrase, licence in sorted(_map_phrases().items(), key=lambda pair: -len(pair[0])):
        rest, count = re.subn(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", rest)
        if count:
            found[licence.id] = licence
    return [licence for licence in _read_table() if licence.id in found]


def combine_licences(stated: Mapping[str, str | None]) -> CombinedLicence:
    """The licence of a corpus that is made of several sources.

    Args:
        stated: name of a source -> its statement about its licence; None if it makes none.

    Returns:
        The licence. Its id is `OTHER` and its URL None if the sources' terms exclude each other, if one of them forbids
        changed versions, or if one states no known licence; ``reasons`` says which.

    Raises:
        ValueError: there is no source.
    """
    if not stated:
        raise ValueError("a corpus without a source has no licence.")
    known = {source: find_licences(words or "") for source, words in stated.items()}
    restricted = [
        _format_reason(source, stated[source], "is not for commercial use")
        for source in known
        if _has_non_commercial(known[source])
    ]
    nothing = [
        f"{source} states no licence" if words is None else f"{source} says {words!r}, which is none that is known here"
        for source, words in stated.items()
        if not known[source]
    ]
    commercial = not restricted and not nothing
    if nothing:
        return CombinedLicence(OTHER, "not settled", None, commercial, (*nothing, *restricted))
    every = {licence.id: licence for licences in known.values() for licence in licences}
    frozen = [
        _format_reason(source, stated[source], "forbids changed versions")
        for source, licences in known.items()
        if not all(licence.derivatives for licence in licences)
    ]
    if frozen:
        return CombinedLicence(OTHER, "not settled", None, commercial, (*frozen, *restricted))
    share_alike = {source: licence for source, licences in known.items() for licence in licences if licence.share_alike}
    result, reasons = _choose_licence(every, share_alike, restricted, stated)
    if result is None:
        return CombinedLicence(OTHER, "not settled", None, commercial, reasons)
    return CombinedLicence(result.id, result.name, result.url, result.commercial, reasons)


def _choose_licence(
    every: Mapping[str, Licence],
    share_alike: Mapping[str, Licence],
    restricted: list[str],
    stated: Mapping[str, str | None],
) -> tuple[Licence | None, tuple[str, ...]]:
    """The licence of the corpus, which is None if the sources' terms exclude each other; and the reasons."""
    because = [_format_reason(source, stated[source], "asks for the same licence") for source in share_alike]
    ids = {licence.id for licence in share_alike.values()}
    if len(ids) > 1 or (restricted and ids - {"cc-by-nc-sa-4.0"}):
        return None, (*because, *restricted, "these terms exclude each other: ask the sources, or leave one out")
    if ids:
        return _get_licence(ids.pop()), (*because, *restricted)
    if restricted:
        return _get_licence("cc-by-nc-4.0"), tuple(restricted)
    if every.keys() == {"cc0-1.0"}:
        return _get_licence("cc0-1.0"), ("every source is in the public domain",)
    if len(every) == 1:
        only = next(iter(every.values()))
        return only, (f"every source is under {only.name}",)
    names = ", ".join(licence.name for licence in every.values())
    return _get_licence("cc-by-4.0"), (f"the sources are under {names}, which ask for no more than to be named",)


def _has_non_commercial(licences: list[Licence]) -> bool:
    return not all(licence.commercial for licence in licences)


def _format_reason(source: str, words: str | None, what: str) -> str:
    return f"{source} ({words}) {what}"


def _get_licence(id_: str) -> Licence:
    return next(licence for licence in _read_table() if licence.id == id_)


def _map_phrases() -> dict[str, Licence]:
    return {phrase: licence for licence in _read_table() for phrase in licence.phrases}


@cache
def _read_table() -> tuple[Licence, ...]:
    content = tomllib.loads(Path(__file__).with_name("licences.toml").read_text(encoding="utf-8"))
    return tuple(Licence(**row | {"phrases": tuple(row["phrases"])}) for row in content["licence"])
