"""The relation of a caption: a predicate and, between it and the scene, a landmark and a preposition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal, TypeAlias

import msgspec

from scar.language.lexicon import Verb, read_verbs
from scar.language.noun_phrase import NounPhrase

DIRECTIONS = LEFT, RIGHT, ABOVE, BELOW = ("to the left of", "to the right of", "above", "below")
"""Predicates that compare the positions of two things in the picture."""

NEXT_TO = "next to"
"""Predicate of two things that are close to each other, side by side."""

NEAR = "near"
"""Predicate of two things with a small gap between them, in whatever direction."""

IN_FRONT_OF, BEHIND = "in front of", "behind"
"""Predicates of depth: masks can show them, boxes cannot."""

BEARING = "with"
"""Predicate of a thing that bears or holds another one: "a table with a cup"."""

POSITIONS: Mapping[str, int] = {
    "on the left of": 7,
    "on the right of": 7,
    "at the top of": 4,
    "at the bottom of": 5,
    "in the middle of": 6,
    "filling most of": 1,
}
"""Predicates that say in which part of the picture a thing is, with their relative frequency in true captions."""

OPPOSITES: Mapping[str, str] = {
    LEFT: RIGHT,
    RIGHT: LEFT,
    ABOVE: BELOW,
    BELOW: ABOVE,
    IN_FRONT_OF: BEHIND,
    BEHIND: IN_FRONT_OF,
}
"""Predicate of direction -> the predicate of the opposite direction."""

IN_A_PICTURE_OF = "in a picture of"
"""Scene preposition of a thing that may be outside of the scene: "a bird above a boat in a picture of a lake"."""

A_PICTURE_OF = "a picture of"
"""Scene preposition after one of the `POSITIONS`: "a bird at the top of a picture of a lake"."""

IN_ROW = "in"
"""End of the predicates that rank a thing in a row of its kind: "second from the left in" + "a row of four"."""

LARGER_THAN = "larger than"
"""Predicate of the largest of several things of one kind: "larger than" + "two others"."""

AND = "and "
"""Begins the preposition of a second relation of the object: "to the left of" + "a table" + "and behind"."""

RelationForm: TypeAlias = Literal["position", "ordinal", "direction", "contact", "action"]
"""Kinds of predicates.

A position is a part of the picture; an ordinal is a rank among things of one kind; a direction is one of `OPPOSITES`
or "next to"; an action begins with a verb; contact is every other preposition, such as "on", "near" and "held by".
"""

PREPOSITIONS = ("next to", "in front of", "behind", "on", "under", "in", "at")
"""Prepositions between a verb of posture ("standing", "sitting", "lying") and its landmark."""


class RelationPhrase(msgspec.Struct, frozen=True):
    """How a caption relates its object to what follows: "on" a table, or "next to" + "a sink" + "in" a kitchen.

    Attributes:
        predicate: a preposition, a direction, a position, or a verb with its preposition: "riding", "sitting on".
        landmark: the thing to which the predicate relates the object; None if that is the scene of the caption.
        preposition: the preposition between the landmark and the scene; empty without a landmark, except after a
            position: "at the top of" + "a picture of".
    """

    predicate: str
    landmark: NounPhrase | None = None
    preposition: str = ""

    @property
    def text(self) -> str:
        """The words of the relation in a caption; the scene follows them.

        >>> RelationPhrase("next to", NounPhrase("a sink", "sink"), "in").text
        'next to a sink in'
        """
        landmark = self.landmark.text if self.landmark else ""
        return " ".join(part for part in (self.predicate, landmark, self.preposition) if part)

    @property
    def last_preposition(self) -> str:
        """The words directly before the scene: the preposition, or the predicate."""
        return self.preposition or self.predicate

    @property
    def verb(self) -> Verb | None:
        """The verb of the predicate, such as "riding"; None if verbs.toml lacks it or the predicate has no verb."""
        return _find_verb(self.predicate)

    @property
    def form(self) -> RelationForm:
        """What kind of evidence the predicate needs; see `RelationForm`."""
        return find_form(self.predicate)


@lru_cache(maxsize=1 << 14)
def normalize_predicate(annotated: str) -> str | None:
    """The predicate of our captions that means the same as an annotated one; None if there is none.

    >>> normalize_predicate("is riding"), normalize_predicate("sits on"), normalize_predicate("on top of")
    ('riding', 'sitting on', 'on')
    >>> normalize_predicate("left of"), normalize_predicate("has")
    ('to the left of', None)
    """
    words = annotated.removeprefix("is ").removeprefix("are ")
    words = _SYNONYMS.get(words, words)
    if words in _VERBLESS_PREDICATES:
        return words
    first, _, rest = words.partition(" ")
    for verb in read_verbs().values():
        if first in verb.forms:
            predicate = verb.text if verb.landmarks else f"{verb.text} {rest}".rstrip()
            if rest in (("", "on") if verb.landmarks else PREPOSITIONS):
                return predicate
    return None


@lru_cache(maxsize=1 << 14)
def find_form(predicate: str) -> RelationForm:
    """The form of a predicate.

    >>> find_form("at the top of"), find_form("to the left of"), find_form("riding"), find_form("inside of")
    ('position', 'direction', 'action', 'contact')
    """
    if predicate in POSITIONS:
        return "position"
    if predicate == LARGER_THAN or _RANK_PATTERN.match(predicate):
        return "ordinal"
    if predicate in OPPOSITES or predicate == NEXT_TO:
        return "direction"
    is_action = predicate.partition(" ")[0].endswith(("ing", "ed")) and not predicate.endswith(" by")
    return "action" if is_action else "contact"


_RANK_PATTERN = re.compile(r"[a-z]+ from the (left|right) in$")

_VERBLESS_PREDICATES = frozenset({*OPPOSITES, "on", "inside", NEXT_TO})

_SYNONYMS = {
    "left of": LEFT,
    "on left of": LEFT,
    "to left of": LEFT,
    "right of": RIGHT,
    "on right of": RIGHT,
    "to right of": RIGHT,
    "on top of": "on",
    "atop": "on",
    "in back of": BEHIND,
    "inside of": "inside",
    "beside": NEXT_TO,
}
"""Annotated predicate -> the predicate of our captions."""


@cache
def _find_verb(predicate: str) -> Verb | None:
    return next((verb for verb in read_verbs().values() if f"{predicate} ".startswith(f"{verb.text} ")), None)
