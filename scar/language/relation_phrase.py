"""What the relation of a caption is made of."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Self

import msgspec

from scar.evidence.geometry import DIRECTIONS, INSIDE, NEXT_TO, OPPOSITES, POSITIONS, SUPPORT
from scar.language.lexicon import Verb, read_verbs

IN_A_PICTURE_OF = "in a picture of"
"""Joins a scene that the thing itself need not be in."""

A_PICTURE_OF = "a picture of"
"""Joins a scene to a position."""

SCENE_PREPOSITIONS = (IN_A_PICTURE_OF, A_PICTURE_OF, "in", "on", "at")
"""What joins a relation to the scene, the longest first."""

PREPOSITIONS = ("next to", "in front of", "behind", "on", "under", "in", "at")
"""Where, by a thing, somebody is who stands, sits or lies."""


class RelationPhrase(msgspec.Struct, frozen=True):
    """A relation: ``<head> <anchor> <joint>``, such as "to the left of" + "a sink" + "in", before the scene.

    Attributes:
        predicate: a direction, a position, or a verb that may have a spot ("riding", "sitting on").
        landmark: the other thing, with its article; empty after a position and after a verb that takes nothing.
        scene_preposition: what joins the scene.
    """

    predicate: str
    landmark: str
    scene_preposition: str

    @property
    def text(self) -> str:
        """The relation as a caption has it."""
        return " ".join(part for part in (self.predicate, self.landmark, self.scene_preposition) if part)

    @property
    def verb(self) -> Verb | None:
        """What somebody does; None if the head is a direction or a position."""
        return _find_verb(self.predicate)

    @property
    def preposition(self) -> str:
        """Where by the anchor somebody does it; empty if the verb says it all."""
        return self.predicate.removeprefix(self.verb.text).strip() if self.verb else ""

    @classmethod
    @lru_cache(maxsize=1 << 16)
    def parse(cls, relation: str) -> Self | None:
        """The statement whose text this is; None if it is made otherwise.

        >>> RelationPhrase.parse("to the left of a sink in")
        RelationPhrase(predicate='to the left of', landmark='a sink', scene_preposition='in')
        >>> RelationPhrase.parse("standing on")
        RelationPhrase(predicate='standing', landmark='', scene_preposition='on')
        """
        joint = next((joint for joint in SCENE_PREPOSITIONS if relation == joint or relation.endswith(f" {joint}")), "")
        body = relation.removesuffix(joint).rstrip()
        for head in list_predicates():
            if body == head or body.startswith(f"{head} "):
                return cls(head, body[len(head) + 1 :], joint)
        return None


@lru_cache(maxsize=1 << 14)
def normalize_predicate(annotated: str) -> str | None:
    """The head that says what the predicate of an annotated relation says; None if none does.

    >>> head_of("is riding"), head_of("sits on"), head_of("on top of"), head_of("left of"), head_of("has")
    ('riding', 'sitting on', 'on', 'to the left of', None)
    """
    said = annotated.removeprefix("is ").removeprefix("are ")
    said = _SYNONYMS.get(said, said)
    if said in _VERBLESS_PREDICATES:
        return said
    first, _, rest = said.partition(" ")
    for verb in read_verbs().values():
        if first in verb.forms:
            head = verb.text if verb.takes else f"{verb.text} {rest}".rstrip()
            if rest in (("", "on") if verb.takes else PREPOSITIONS):
                return head
    return None


_VERBLESS_PREDICATES = frozenset({*DIRECTIONS, *OPPOSITES, SUPPORT, INSIDE, NEXT_TO})

_SYNONYMS = {
    "left of": "to the left of",
    "on left of": "to the left of",
    "to left of": "to the left of",
    "right of": "to the right of",
    "on right of": "to the right of",
    "to right of": "to the right of",
    "on top of": SUPPORT,
    "atop": SUPPORT,
    "in back of": "behind",
    "inside of": INSIDE,
    "beside": NEXT_TO,
}
"""What annotators also write."""


@cache
def _find_verb(predicate: str) -> Verb | None:
    return next((verb for verb in read_verbs().values() if f"{predicate} ".startswith(f"{verb.text} ")), None)


@cache
def list_predicates() -> tuple[str, ...]:
    """Every head that a statement may have, the longest first."""
    every = {*DIRECTIONS, *POSITIONS, *OPPOSITES, SUPPORT, INSIDE, NEXT_TO}
    for verb in read_verbs().values():
        every |= {verb.text} if verb.takes else {verb.text, *(f"{verb.text} {spot}" for spot in PREPOSITIONS)}
    return tuple(sorted(every, key=lambda head: (-len(head), head)))
