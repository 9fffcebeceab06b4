"""Statements told from their other end: what "a man holding a frisbee" says of the frisbee."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from scar.language.lexicon import find_side, resolve_scene
from scar.language.noun_phrase import NounPhrase
from scar.language.parsed_noun_phrase import is_person
from scar.language.statements import Statement
from scar.language.syntax_tree import TABLE

_PASSIVES: Mapping[str, str] = TABLE["inverses"]["passives"]
_PREPOSITIONS: Mapping[str, str] = TABLE["inverses"]["prepositions"]
_POSTURES = frozenset({"", *TABLE["inverses"]["postures"]})


def invert_statement(statement: Statement) -> Statement | None:
    """Tell a statement about two single things from its other end: its last noun phrase becomes the subject.

    A place "with" a thing becomes the thing in that place. None if people do not say the fact from the other end, such
    as "a man on a horse".

    >>> man, frisbee = NounPhrase("a man", "man"), NounPhrase("a frisbee", "frisbee")
    >>> invert_statement(Statement(man, 1, "holding", None, "", frisbee, "hold")).text
    'a frisbee held by a man'
    """
    subject, rest = statement.subject, statement.rest
    if statement.landmark is not None or statement.count != 1 or not (_is_one(subject) and _is_one(rest)):
        return None
    relation = _find_relation(statement)
    if not relation:
        return None
    predicate, _, preposition = relation.rpartition(" ") if relation.endswith(" by") else ("", "", relation)
    return msgspec.structs.replace(
        statement, subject=rest, predicate=predicate, preposition=preposition, rest=subject, verb=""
    )


def _find_relation(statement: Statement) -> str:
    """The words of the relation from the other end; empty if there are none."""
    noun = statement.subject.noun
    if not statement.preposition:
        return _PASSIVES.get(statement.verb, "") if is_person(noun) and statement.predicate.count(" ") == 0 else ""
    if statement.preposition == "with" and not statement.verb:
        return next(iter(resolve_scene(noun).prepositions), "") if find_side(noun) else ""
    if find_side(noun) or statement.verb not in _POSTURES or statement.predicate.count(" "):
        return ""
    return _PREPOSITIONS.get(statement.preposition, "")


def _is_one(phrase: NounPhrase) -> bool:
    return not phrase.plural and phrase.text.startswith(("a ", "an ")) and " of " not in phrase.text
