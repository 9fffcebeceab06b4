"""What a text-only model can learn about a part of a caption: the features that the fit balances."""

from __future__ import annotations

from scar.generators.rules.records import Candidate, CaptionPhrases
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Part


def find_features(part: Part, caption: CaptionPhrases) -> tuple[str, ...]:
    """The features of one part of a caption: texts such as "object dog" and "scene in a kitchen"."""
    if part == "scene":
        return _scene_features(caption.relation, caption.scene)
    if part == "relation":
        return _relation_features(caption.relation)
    return _object_features(caption.object, caption.relation)


def make_scene(phrase: NounPhrase, relation: RelationPhrase, weight: float) -> Candidate:
    """Make a candidate for the scene of a caption with this relation."""
    return Candidate(phrase, _scene_features(relation, phrase), weight)


def make_object(phrase: NounPhrase, relation: RelationPhrase, weight: float) -> Candidate:
    """Make a candidate for the object of a caption with this relation."""
    return Candidate(phrase, _object_features(phrase, relation), weight)


def make_relation(relation: RelationPhrase, weight: float) -> Candidate:
    """Make a candidate for the relation of a caption."""
    return Candidate(relation, _relation_features(relation), weight)


def _scene_features(relation: RelationPhrase, phrase: NounPhrase) -> tuple[str, ...]:
    return (f"scene {relation.last_preposition} {phrase.text}",)


def _object_features(phrase: NounPhrase, relation: RelationPhrase) -> tuple[str, ...]:
    role = "acting " if relation.form == "action" else ""
    return f"object {role}{phrase.noun}", f"attributes {' '.join(phrase.attributes)}"


def _relation_features(relation: RelationPhrase) -> tuple[str, ...]:
    landmark = relation.landmark.noun if relation.landmark else ""
    return (
        f"predicate {relation.predicate}",
        f"landmark {relation.form} {landmark}",
        f"scene_preposition {relation.preposition}",
    )
