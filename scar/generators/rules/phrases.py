"""What kinds of noun phrases end a caption: places, things, and groups of the object's own kind."""

from __future__ import annotations

from scar.generators.rules.records import CaptionPhrases
from scar.language.lexicon import find_side, resolve_scene
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import A_PICTURE_OF

_LOCATING = frozenset({"in", "inside", "within", "into", "on", "at", "down", "along", "across", "through", "around"})
"""Words before a place where the whole picture is; "behind a barn" may be in a field."""

_PARTS = ("in the middle of", "in the center of", "on the side of", "at the edge of", "in the corner of")
"""Further ends of predicates before such a place."""


def is_locating(preposition: str) -> bool:
    """Whether words before a place say that the whole picture is there."""
    return preposition.rpartition(" ")[2] in _LOCATING or preposition.endswith(_PARTS)


def is_place(scene: NounPhrase, preposition: str) -> bool:
    """Whether a noun phrase after a preposition is the place of the picture, as in "in a kitchen"."""
    if preposition == A_PICTURE_OF:
        return bool(resolve_scene(scene.noun).side)
    return is_locating(preposition) and bool(find_side(scene.noun))


def is_group(phrase: NounPhrase) -> bool:
    """Whether a phrase means things of the object's own name: "another one", "two others", "a row of four"."""
    return phrase.text == "another one" or phrase.text.endswith(" others") or phrase.text.startswith("a row of ")


def names_landmark(gold: CaptionPhrases) -> bool:
    """Whether a caption names a thing between its predicate and its scene; a group does not count."""
    return gold.relation.landmark is not None and not is_group(gold.relation.landmark)
