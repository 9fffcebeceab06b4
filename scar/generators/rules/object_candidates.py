"""Candidates for the object of a caption: things of the picture, like things, and the object with another attribute."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from scar.evidence.picture_evidence import make_several, name_thing
from scar.generators.generator import GoldTask
from scar.generators.rules.features import make_object
from scar.generators.rules.records import CandidateSet, CaptionPhrases, CaptionStats, WeightedSets
from scar.generators.rules.usual_pairs import is_usual
from scar.language import english
from scar.language.attribute_swaps import NUMBERS, list_similar_phrases
from scar.language.exclusion import can_act
from scar.language.lexicon import read_colours, read_things, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase

_IN_PICTURE_FACTOR = 8.0
"""Weight of each thing of the picture, relative to all other things together: only the region excludes it."""

_SIMILAR_FACTOR = 3.0
"""Weight of the object with another attribute, number or person, relative to all other things together."""

_SAME_KIND_FACTOR = 4.0
"""Factor for a thing of the same kind as the true one: it is harder to tell from it."""

_UNUSUAL_FACTOR = 0.05
"""Factor for a thing that hardly ever has the relation: the words alone would exclude it."""

_UNABLE_FACTOR = 1e-12
"""Factor for a thing that cannot do the action: a last resort."""


def propose_objects(gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> WeightedSets:
    """Propose other objects for a gold caption; they have the colour and the number of the true one, if it has any."""
    colour = next((word for word in gold.object.attributes if word in read_colours()), "")
    noun, landmark, relation = gold.object.noun, gold.landmark.noun, gold.relation
    number = next((word for word in NUMBERS if gold.object.text.startswith(f"{word} ")), "")
    in_picture = []
    for category in task.evidence.picture.regions_by_category:
        thing = name_thing(category)
        weight = _measure_fit(thing.noun, noun, relation, landmark)
        in_picture.append(make_object(_describe(thing, colour, number), relation, weight))
    similar = [make_object(phrase, relation, 1.0) for phrase in list_similar_phrases(gold.object)]
    return [
        (_make_object_set(noun, colour, number, relation.predicate, landmark, stats), 1.0),
        (CandidateSet(tuple(in_picture), stats), _IN_PICTURE_FACTOR),
        (CandidateSet(tuple(similar), stats), _SIMILAR_FACTOR / (len(similar) or 1)),
    ]


@lru_cache(maxsize=1 << 9)
def _make_object_set(
    noun: str, colour: str, number: str, predicate: str, landmark: str, stats: CaptionStats
) -> CandidateSet:
    """Objects of the corpus, and the things of the table; their weights add up to 1."""
    relation = RelationPhrase(predicate)
    counts = {phrase: float(count) for phrase, count in stats.objects.items() if _is_plain(phrase, number)}
    for thing in read_things().values():
        counts.setdefault(_describe(name_thing(thing.name), colour, number), thing.weight / 100)
    weights = {phrase: count * _measure_fit(phrase.noun, noun, relation, landmark) for phrase, count in counts.items()}
    total = sum(weights.values())
    return CandidateSet(
        tuple(make_object(phrase, relation, weight / total) for phrase, weight in weights.items()), stats
    )


def _is_plain(phrase: NounPhrase, number: str) -> bool:
    """Whether a phrase of the corpus has the number, and at most one attribute: more describe one thing alone."""
    return phrase.text.startswith(number) and len(phrase.attributes) <= 1


def _measure_fit(noun: str, true: str, relation: RelationPhrase, landmark: str) -> float:
    """How well a noun suits the place of the true one: by its kind, and by what is usual with the relation."""
    thing, true_thing = resolve_category(noun), resolve_category(true)
    is_same_kind = bool(thing.kind) and thing.kind == true_thing.kind
    factor = _SAME_KIND_FACTOR if is_same_kind else 1.0
    verb = relation.verb
    if verb is not None and not verb.landmarks and verb.accepts_subject(true_thing):
        unable = _UNUSUAL_FACTOR if can_act(noun) else _UNABLE_FACTOR
        return factor if verb.accepts_subject(thing) else unable
    if is_usual(noun, relation.predicate, landmark):
        return factor
    if relation.form == "action" and can_act(true):
        return factor * _UNUSUAL_FACTOR if can_act(noun) else _UNABLE_FACTOR
    if relation.form in ("action", "contact"):
        return factor if is_same_kind else _UNUSUAL_FACTOR
    shares_side = not set(thing.found_in).isdisjoint(true_thing.found_in)
    return factor if is_same_kind or shares_side else _UNUSUAL_FACTOR


def _describe(phrase: NounPhrase, colour: str, number: str) -> NounPhrase:
    """The phrase with a colour, or with a number and its noun in the plural; unchanged if both are empty."""
    if number and not phrase.plural:
        several = make_several(phrase)
        return msgspec.structs.replace(several, text=f"{number} {several.text}")
    if colour and not phrase.attributes and resolve_category(phrase.noun).kind != "person":
        text = english.with_article(f"{colour} {english.strip_article(phrase.text)}")
        return msgspec.structs.replace(phrase, text=text, attributes=(colour,))
    return phrase
