"""What a text-only model can learn about a part of a caption: the features that the fit balances."""

from __future__ import annotations

from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase


def scene_features(phrase: NounPhrase, preposition: str) -> tuple[str, ...]:
    """The features of the scene of a caption after a preposition: texts such as "scene in a kitchen"."""
    return (f"scene {preposition} {phrase.text}",)


def object_features(phrase: NounPhrase, relation: RelationPhrase) -> tuple[str, str]:
    """The features of the object of a caption with a relation."""
    role = "acting " if relation.form == "action" else ""
    return f"object {role}{phrase.noun}", f"attributes {' '.join(phrase.attributes)}"


def relation_features(predicate: str, form: str, landmark: str, preposition: str) -> tuple[str, str, str]:
    """The features of a relation: of its predicate with its form, its landmark's noun and its preposition."""
    return f"predicate {predicate}", f"landmark {form} {landmark}", f"scene_preposition {preposition}"
