"""Licences of sources -> the licence of what is made of them all.

What one source asks holds for the whole: no use for money, the same licence for what is made of it. Where the terms of
two sources exclude each other, or a source states none that is known, the result has no licence of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OTHER = "other"
"""What the Hub calls a licence that it has no name for."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence; `licences.toml` says what the attributes mean."""

    id: str
    name: str
    url: str
    says: tuple[str, ...]
    commercial: bool = True
    share_alike: bool = False
    derivatives: bool = True


@dataclass(frozen=True, slots=True)
class Combined:
    """The licence of a whole.

    Attributes:
        id: as the Hub's cards have it.
        name: as people write it.
        url: its text; None where there is none.
        commercial: whether use for money is allowed.
        reasons: why it is this one, a sentence for each source that decides.
    """

    id: str
    name: str
    url: str | None
    commercial: bool
    reasons: tuple[str, ...]


def named(words: str) -> list[Licence]:
    """The licences that a source's words name.

    >>> [licence.id for licence in named("RefCOCO+: for research; COCO annotations CC BY 4.0")]
    ['cc-by-4.0', 'other']
    """
    rest = " ".join(re.split(r"[\s\-_]+", words.casefold()))
    found = {}
    for said, licence in sorted(_phrases().items(), key=lambda pair: -len(pair[0])):
        rest, count = re.subn(rf"(?<!\w){re.escape(said)}(?!\w)", " ", rest)
        if count:
            found[licence.id] = licence
    return [licence for licence in _table() if licence.id in found]


def combine(stated: Mapping[str, str | None]) -> Combined:
    """The licence of what is made of several sources.

    Args:
        stated: what each source says of its licence, by the source's name.
    """
    known = {source: named(words or "") for source, words in stated.items()}
    restricted = [
        _because(source, stated[source], "is not for commercial use") for source in known if _any_nc(known[source])
    ]
    nothing = [
        f"{source} states no licence" if words is None else f"{source} says {words!r}, which is none that is known here"
        for source, words in stated.items()
        if not known[source]
    ]
    commercial = not restricted and not nothing
    if nothing:
        return Combined(OTHER, "not settled", None, commercial, (*nothing, *restricted))
    every = {licence.id: licence for licences in known.values() for licence in licences}
    frozen = [
        _because(source, stated[source], "forbids changed versions")
        for source, licences in known.items()
        if not all(licence.derivatives for licence in licences)
    ]
    if frozen:
        return Combined(OTHER, "not settled", None, commercial, (*frozen, *restricted))
    alike = {source: licence for source, licences in known.items() for licence in licences if licence.share_alike}
    result, reasons = _result(every, alike, restricted, stated)
    if result is None:
        return Combined(OTHER, "not settled", None, commercial, reasons)
    return Combined(result.id, result.name, result.url, result.commercial, reasons)


def _result(
    every: Mapping[str, Licence],
    alike: Mapping[str, Licence],
    restricted: list[str],
    stated: Mapping[str, str | None],
) -> tuple[Licence | None, tuple[str, ...]]:
    """The licence of the whole, None if its terms exclude each other, and why."""
    because = [_because(source, stated[source], "asks for the same licence") for source in alike]
    ids = {licence.id for licence in alike.values()}
    if len(ids) > 1 or (restricted and ids - {"cc-by-nc-sa-4.0"}):
        return None, (*because, *restricted, "these terms exclude each other: ask the sources, or leave one out")
    if ids:
        return _get(ids.pop()), (*because, *restricted)
    if restricted:
        return _get("cc-by-nc-4.0"), tuple(restricted)
    if every.keys() == {"cc0-1.0"}:
        return _get("cc0-1.0"), ("every source is in the public domain",)
    if len(every) == 1:
        only = next(iter(every.values()))
        return only, (f"every source is under {only.name}",)
    names = ", ".join(licence.name for licence in every.values())
    return _get("cc-by-4.0"), (f"the sources are under {names}, which ask for no more than to be named",)


def _any_nc(licences: list[Licence]) -> bool:
    return not all(licence.commercial for licence in licences)


def _because(source: str, words: str | None, what: str) -> str:
    return f"{source} ({words}) {what}"


def _get(id_: str) -> Licence:
    return next(licence for licence in _table() if licence.id == id_)


def _phrases() -> dict[str, Licence]:
    return {said: licence for licence in _table() for said in licence.says}


@cache
def _table() -> tuple[Licence, ...]:
    content = tomllib.loads(Path(__file__).with_name("licences.toml").read_text(encoding="utf-8"))
    return tuple(Licence(**row | {"says": tuple(row["says"])}) for row in content["licence"])
