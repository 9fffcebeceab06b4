"""What the relation of a caption is made of."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Self

import msgspec

from scar.evidence.geometry import DIRECTIONS, INSIDE, NEXT, OPPOSITE, POSITIONS, SUPPORT
from scar.language.lexicon import Verb, verbs

SHOWN = "in a picture of"
"""Joins a scene that the thing itself need not be in."""

FRAMED = "a picture of"
"""Joins a scene to a position."""

JOINTS = (SHOWN, FRAMED, "in", "on", "at")
"""What joins a relation to the scene, the longest first."""

SPOTS = ("next to", "in front of", "behind", "on", "under", "in", "at")
"""Where, by a thing, somebody is who stands, sits or lies."""


class Statement(msgspec.Struct, frozen=True):
    """A relation: ``<head> <anchor> <joint>``, such as "to the left of" + "a sink" + "in", before the scene.

    Attributes:
        head: a direction, a position, or a verb that may have a spot ("riding", "sitting on").
        anchor: the other thing, with its article; empty after a position and after a verb that takes nothing.
        joint: what joins the scene.
    """

    head: str
    anchor: str
    joint: str

    @property
    def text(self) -> str:
        """The relation as a caption has it."""
        return " ".join(part for part in (self.head, self.anchor, self.joint) if part)

    @property
    def verb(self) -> Verb | None:
        """What somebody does; None if the head is a direction or a position."""
        return _verb_of(self.head)

    @property
    def spot(self) -> str:
        """Where by the anchor somebody does it; empty if the verb says it all."""
        return self.head.removeprefix(self.verb.text).strip() if self.verb else ""

    @classmethod
    @lru_cache(maxsize=1 << 16)
    def parse(cls, relation: str) -> Self | None:
        """The statement whose text this is; None if it is made otherwise.

        >>> Statement.parse("to the left of a sink in")
        Statement(head='to the left of', anchor='a sink', joint='in')
        >>> Statement.parse("standing on")
        Statement(head='standing', anchor='', joint='on')
        """
        joint = next((joint for joint in JOINTS if relation == joint or relation.endswith(f" {joint}")), "")
        body = relation.removesuffix(joint).rstrip()
        for head in heads():
            if body == head or body.startswith(f"{head} "):
                return cls(head, body[len(head) + 1 :], joint)
        return None


@lru_cache(maxsize=1 << 14)
def head_of(predicate: str) -> str | None:
    """The head that says what the predicate of an annotated relation says; None if none does.

    >>> head_of("is riding"), head_of("sits on"), head_of("on top of"), head_of("left of"), head_of("has")
    ('riding', 'sitting on', 'on', 'to the left of', None)
    """
    said = predicate.removeprefix("is ").removeprefix("are ")
    said = _SYNONYMS.get(said, said)
    if said in _PLAIN_HEADS:
        return said
    first, _, rest = said.partition(" ")
    for verb in verbs().values():
        if first in verb.forms:
            head = verb.text if verb.takes else f"{verb.text} {rest}".rstrip()
            if rest in (("", "on") if verb.takes else SPOTS):
                return head
    return None


_PLAIN_HEADS = frozenset({*DIRECTIONS, *OPPOSITE, SUPPORT, INSIDE, NEXT})

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
    "beside": NEXT,
}
"""What annotators also write."""


@cache
def _verb_of(head: str) -> Verb | None:
    return next((verb for verb in verbs().values() if f"{head} ".startswith(f"{verb.text} ")), None)


@cache
def heads() -> tuple[str, ...]:
    """Every head that a statement may have, the longest first."""
    every = {*DIRECTIONS, *POSITIONS, *OPPOSITE, SUPPORT, INSIDE, NEXT}
    for verb in verbs().values():
        every |= {verb.text} if verb.takes else {verb.text, *(f"{verb.text} {spot}" for spot in SPOTS)}
    return tuple(sorted(every, key=lambda head: (-len(head), head)))
