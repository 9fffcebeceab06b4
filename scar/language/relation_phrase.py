"""The relation of a caption: a predicate, a landmark and the preposition of the scene."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Self

import msgspec

from scar.language.lexicon import Verb, read_verbs

DIRECTIONS = LEFT, RIGHT, ABOVE, BELOW = ("to the left of", "to the right of", "above", "below")
"""Predicates that compare the positions of two things in the picture."""

SUPPORT, INSIDE = "on", "inside"
"""Predicate of a thing that lies on another or is worn by it, and of a thing inside another."""

NEXT_TO = "next to"
"""Predicate of two things that are close to each other, side by side."""

IN_FRONT_OF, BEHIND = "in front of", "behind"
"""Predicates of depth: masks can show them, boxes cannot."""

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

IN_A_PICTURE_OF = "in a picture of"
"""Scene preposition of a thing that may be outside of the scene: "a bird above a boat in a picture of a lake"."""

A_PICTURE_OF = "a picture of"
"""Scene preposition after one of the `POSITIONS`: "a bird at the top of a picture of a lake"."""

SCENE_PREPOSITIONS = (IN_A_PICTURE_OF, A_PICTURE_OF, "in", "on", "at")
"""All scene prepositions. Parsing takes the first that fits, so the longest come first."""

PREPOSITIONS = ("next to", "in front of", "behind", "on", "under", "in", "at")
"""Prepositions between a verb of posture ("standing", "sitting", "lying") and its landmark."""


class RelationPhrase(msgspec.Struct, frozen=True):
    """A relation, such as "to the left of" + "a sink" + "in"; the scene follows it.

    Attributes:
        predicate: a direction, a position, or a verb with or without a preposition ("riding", "sitting on").
        landmark: the other thing, with its article; empty after a position and after a verb without an object.
        scene_preposition: the preposition before the scene.
    """

    predicate: str
    landmark: str
    scene_preposition: str

    @property
    def text(self) -> str:
        """The words of the relation in a caption."""
        return " ".join(part for part in (self.predicate, self.landmark, self.scene_preposition) if part)

    @property
    def verb(self) -> Verb | None:
        """The verb of the predicate, such as "riding"; None if it has none, such as "to the left of" or "behind"."""
        return _find_verb(self.predicate)

    @property
    def preposition(self) -> str:
        """The preposition between the verb and the landmark; empty if there is none."""
        return self.predicate.removeprefix(self.verb.text).strip() if self.verb else ""

    @classmethod
    @lru_cache(maxsize=1 << 16)
    def parse(cls, relation: str) -> Self | None:
        """Parse the text of a relation; None if it begins with no known predicate.

        >>> RelationPhrase.parse("to the left of a sink in")
        RelationPhrase(predicate='to the left of', landmark='a sink', scene_preposition='in')
        >>> RelationPhrase.parse("standing on")
        RelationPhrase(predicate='standing', landmark='', scene_preposition='on')
        """
        endings = (ending for ending in SCENE_PREPOSITIONS if relation == ending or relation.endswith(f" {ending}"))
        scene_preposition = next(endings, "")
        body = relation.removesuffix(scene_preposition).rstrip()
        for predicate in list_predicates():
            if body == predicate or body.startswith(f"{predicate} "):
                return cls(predicate, body[len(predicate) + 1 :], scene_preposition)
        return None


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


@cache
def list_predicates() -> tuple[str, ...]:
    """Every predicate of a `RelationPhrase`, the longest first."""
    every = {*POSITIONS, *_VERBLESS_PREDICATES}
    for verb in read_verbs().values():
        every |= {verb.text} if verb.landmarks else {verb.text, *(f"{verb.text} {word}" for word in PREPOSITIONS)}
    return tuple(sorted(every, key=lambda predicate: (-len(predicate), predicate)))


_VERBLESS_PREDICATES = frozenset({*OPPOSITES, SUPPORT, INSIDE, NEXT_TO})

_SYNONYMS = {
    "left of": LEFT,
    "on left of": LEFT,
    "to left of": LEFT,
    "right of": RIGHT,
    "on right of": RIGHT,
    "to right of": RIGHT,
    "on top of": SUPPORT,
    "atop": SUPPORT,
    "in back of": BEHIND,
    "inside of": INSIDE,
    "beside": NEXT_TO,
}
"""Annotated predicate -> the predicate of our captions."""


@cache
def _find_verb(predicate: str) -> Verb | None:
    return next((verb for verb in read_verbs().values() if f"{predicate} ".startswith(f"{verb.text} ")), None)
