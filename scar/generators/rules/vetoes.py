"""Vetoes: reasons to refuse a negative that repeats the gold caption or may be true of the region.

A veto takes a negative and the evidence, and returns its reason or None. It refuses a negative in doubt: a negative
that is true does more harm than a missing one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Self, TypeAlias

import msgspec

from scar.evidence.geometry import find_denied_positions, is_apart, is_out_of_direction
from scar.evidence.occlusion import find_depth_relations
from scar.language import english, wordnet
from scar.language.caption_parser import (
    collect_words,
    find_named_scenes,
    find_stated_scenes,
    has_noun_in_joined,
    join_captions,
)
from scar.language.lexicon import (
    Scene,
    is_confusable,
    is_interchangeable,
    is_related,
    resolve_category,
    resolve_noun_phrase,
    resolve_scene,
    without_colour,
)
from scar.language.relation_phrase import (
    DIRECTIONS,
    INSIDE,
    NEXT_TO,
    OPPOSITES,
    POSITIONS,
    SUPPORT,
    RelationPhrase,
    normalize_predicate,
)
from scar.sample import Box, Caption, Negative, Part, Picture, Region

MIN_BOX_OVERLAP = 0.1
"""Overlap of two boxes, as a share of the smaller box, above which one thing is visible in the box of the other."""

_EXCHANGEABLE_PREPOSITIONS = frozenset({"next to", "in front of", "behind", "at"})
"""Prepositions that may all be true at once, seen from different sides."""


class VetoContext(msgspec.Struct):
    """The evidence about one region, which the vetoes compare with each of its negatives.

    Attributes:
        gold: true caption of the region.
        picture: the picture that contains the region.
        region: the region that the captions describe.
        taken_texts: texts of the accepted negatives in lower case. The caller adds each accepted text.
        gold_text: text of the gold caption in lower case.
        gold_noun: noun of the gold caption's object, without an article.
        relation: relation of the gold caption; None if it cannot be parsed.
        categories_in_box: categories of the other things that are visible in the region's box.
        denied_positions: positions at which the region clearly is not.
        known_relations: predicate and landmark's name of each relation of the region. The source annotates them; if it
            annotates none in the picture, they follow from the masks.
        true_scenes: scenes that the gold caption, the source's scene label and the picture's captions name.
        human_texts: captions of the picture and phrases of the region.
        joined_captions: captions of the picture as one text, for `has_noun_in_joined`.
        named_scenes: names of the scenes that the human texts mention.
        thing_names: names of the things in the picture, without colours.
        regions_by_name: regions of the picture by the name of their thing. Categories that mean one thing share a name.
    """

    gold: Caption
    picture: Picture
    region: Region
    taken_texts: set[str]
    gold_text: str
    gold_noun: str
    relation: RelationPhrase | None
    categories_in_box: tuple[str, ...]
    denied_positions: frozenset[str]
    known_relations: tuple[tuple[str, str], ...]
    true_scenes: tuple[Scene, ...]
    human_texts: tuple[str, ...]
    joined_captions: str
    named_scenes: frozenset[str]
    thing_names: frozenset[str]
    regions_by_name: Mapping[str, Sequence[Region]]

    @classmethod
    def from_gold(cls, gold: Caption, picture: Picture, region: Region) -> Self:
        """Collect the evidence about the region of a gold caption; no negative is accepted yet."""
        human_texts = (*picture.captions, *region.phrases)
        return cls(
            gold=gold,
            picture=picture,
            region=region,
            taken_texts=set(),
            gold_text=gold.text.lower(),
            gold_noun=english.strip_article(gold.object),
            relation=RelationPhrase.parse(gold.relation),
            categories_in_box=_find_categories_in_box(picture, region),
            denied_positions=find_denied_positions(region.box, picture),
            known_relations=_find_known_relations(picture, region),
            true_scenes=(resolve_scene(english.strip_article(gold.scene)), *_find_true_scenes(picture)),
            human_texts=human_texts,
            joined_captions=_join_captions(picture),
            named_scenes=find_named_scenes(human_texts),
            thing_names=_collect_thing_names(picture),
            regions_by_name=_index_regions_by_name(picture),
        )


Veto: TypeAlias = Callable[[Negative, VetoContext], str | None]
"""Takes a negative and the evidence; returns the reason to refuse the negative, or None to accept it."""


def not_one_element(negative: Negative, context: VetoContext) -> str | None:
    """The negative's element is empty or that of the gold caption, or another element differs too."""
    value: str = getattr(negative.caption, negative.part)
    caption = negative.caption
    gold = context.gold
    different = (caption.object != gold.object) + (caption.relation != gold.relation) + (caption.scene != gold.scene)
    one = value and value != getattr(gold, negative.part) and different == 1
    return None if one else "not_one_element"


def duplicate(negative: Negative, context: VetoContext) -> str | None:
    """The negative has the text of the gold caption or of an accepted negative."""
    text = negative.caption.text.lower()
    return "duplicate" if text in context.taken_texts or text == context.gold_text else None


def echo(negative: Negative, context: VetoContext) -> str | None:
    """The caption names a thing twice ("a couch next to a couch"), or relates the object to one of its own category."""
    caption, is_relation = negative.caption, negative.part == "relation"
    relation = RelationPhrase.parse(caption.relation) if is_relation else context.relation
    landmark = relation.landmark if relation else ""
    names_twice = _has_common_word(caption.object, caption.scene) or (
        landmark and (_has_common_word(landmark, caption.object) or _has_common_word(landmark, caption.scene))
    )
    has_like = is_relation and landmark and relation and not relation.verb
    if names_twice or (has_like and _is_phrase_interchangeable(landmark, context.region.category)):
        return "echo"
    return None


def wordnet_related(negative: Negative, context: VetoContext) -> str | None:
    """The false scene or object is a synonym, a hyponym or a hypernym of the true one."""
    if negative.part == "scene":
        related = wordnet.is_related(
            english.strip_article(context.gold.scene), english.strip_article(negative.caption.scene)
        )
    elif negative.part == "object":
        # A woman is no man, but both are persons: the noun of the caption counts, not the category.
        related = is_related(english.strip_article(negative.caption.object), context.gold_noun)
    else:
        related = False
    return "wordnet_related" if related else None


def lookalike(negative: Negative, context: VetoContext) -> str | None:
    """A viewer may mistake the false object for the true one."""
    if negative.part != "object":
        return None
    noun = english.strip_article(negative.caption.object)
    is_lookalike = is_confusable(noun, context.gold_noun) or is_confusable(noun, context.region.category)
    return "lookalike" if is_lookalike else None


def present_in_box(negative: Negative, context: VetoContext) -> str | None:
    """A thing that the false object may name is visible in the region's box."""
    if negative.part != "object":
        return None
    noun = english.strip_article(negative.caption.object)
    for category in context.categories_in_box:
        if is_interchangeable(category, noun):
            return "present_in_box"
    return None


def fits_captions(negative: Negative, context: VetoContext) -> str | None:
    """The picture's captions mention the false element, and no other annotated thing explains the mention."""
    if negative.part == "scene":
        fits = resolve_scene(english.strip_article(negative.caption.scene)).name in context.named_scenes
    elif negative.part == "object":
        fits = _is_word_unexplained(english.strip_article(negative.caption.object), context)
    else:
        other = RelationPhrase.parse(negative.caption.relation)
        fits = (
            context.relation is not None and other is not None and _may_be_captioned(context.relation, other, context)
        )
    return "fits_captions" if fits else None


def fits_place(negative: Negative, context: VetoContext) -> str | None:
    """The false scene is compatible with a true scene of the gold caption, the source's label or the captions."""
    if negative.part != "scene":
        return None
    false = resolve_scene(english.strip_article(negative.caption.scene))
    for true in context.true_scenes:
        if not false.is_incompatible_with(true):
            return "fits_place"
    return None


def same_deed(negative: Negative, context: VetoContext) -> str | None:
    """The false action may be true together with the true one: somebody who carries a thing also holds it."""
    gold = context.relation
    if negative.part != "relation" or gold is None or gold.verb is None:
        return None
    other = RelationPhrase.parse(negative.caption.relation)
    if other is None or other.verb is None:
        return None
    if gold.verb != other.verb:
        same = not set(gold.verb.states).isdisjoint(other.verb.states)
    elif gold.landmark == other.landmark:
        prepositions = {gold.preposition, other.preposition}
        same = len(prepositions) == 1 or prepositions <= _EXCHANGEABLE_PREPOSITIONS
    else:
        same = is_interchangeable(english.strip_article(gold.landmark), english.strip_article(other.landmark))
    return "same_deed" if same else None


def holds_by_annotation(negative: Negative, context: VetoContext) -> str | None:
    """The source or the masks imply the relation; or it is one of depth, which they would have to deny and do not."""
    relation = RelationPhrase.parse(negative.caption.relation)
    if negative.part != "relation" or relation is None:
        return None
    name = resolve_noun_phrase(relation.landmark).name if relation.landmark else ""
    holds = any(
        _implies_relation(predicate, relation) and (not name or is_interchangeable(landmark, name))
        for predicate, landmark in context.known_relations
    )
    if holds or relation.predicate in DIRECTIONS or relation.predicate not in OPPOSITES:
        return "holds_by_annotation" if holds else None
    denials = context.known_relations.count((OPPOSITES[relation.predicate], name))
    return None if denials >= len(_find_landmarks(relation, context)) else "holds_by_annotation"


def _implies_relation(predicate: str, relation: RelationPhrase) -> bool:
    """Whether a relation to a landmark may be true if a known predicate is true of the same landmark."""
    if predicate == relation.predicate:
        return True
    known, other = RelationPhrase(predicate, "", "").verb, relation.verb
    return known is not None and other is not None and not set(known.states).isdisjoint(other.states)


def holds_by_geometry(negative: Negative, context: VetoContext) -> str | None:
    """The boxes or the region's position do not clearly deny the false relation."""
    relation = RelationPhrase.parse(negative.caption.relation)
    if negative.part != "relation" or relation is None:
        return None
    predicate, box = relation.predicate, context.region.box
    if predicate in POSITIONS:
        return None if predicate in context.denied_positions else "holds_by_geometry"
    is_denied = _DENIALS.get(predicate)
    if is_denied:
        for other in _find_landmarks(relation, context):
            if not is_denied(box, other.box):
                return "holds_by_geometry"
    return None


_DENIALS: Mapping[str, Callable[[Box, Box], bool]] = {
    NEXT_TO: is_apart,
    SUPPORT: lambda box, other: not box.intersection_area(other),
    INSIDE: lambda box, other: not box.intersection_area(other),
    **{direction: partial(is_out_of_direction, direction) for direction in DIRECTIONS},
}
"""Predicate -> function that says whether the boxes of a thing and a landmark clearly deny the predicate."""

VETOES: Mapping[Part, tuple[Veto, ...]] = {
    "scene": (not_one_element, fits_place, echo, wordnet_related, fits_captions, duplicate),
    "relation": (
        not_one_element,
        holds_by_geometry,
        holds_by_annotation,
        echo,
        fits_captions,
        same_deed,
        duplicate,
    ),
    "object": (not_one_element, present_in_box, echo, wordnet_related, lookalike, fits_captions, duplicate),
}
"""The vetoes of each part; those that refuse most come first."""


def find_veto_reason(negative: Negative, context: VetoContext) -> str | None:
    """The reason of the first veto that refuses a negative; None if every veto accepts it."""
    for veto in VETOES[negative.part]:
        reason = veto(negative, context)
        if reason:
            return reason
    return None


@lru_cache(maxsize=1 << 16)
def _has_common_word(a: str, b: str) -> bool:
    """Whether captions may use the same word for the things that two noun phrases name."""
    return not set(resolve_noun_phrase(a).words).isdisjoint(resolve_noun_phrase(b).words)


@lru_cache(maxsize=1 << 16)
def _is_phrase_interchangeable(phrase: str, category: str) -> bool:
    """Whether the thing that a noun phrase names may be of a category."""
    return is_interchangeable(resolve_noun_phrase(phrase).name, category)


def _find_categories_in_box(picture: Picture, region: Region) -> tuple[str, ...]:
    """Categories of the other things that are visible in a region's box."""
    box = region.box
    area, intersection_area = box.area, box.intersection_area
    categories: dict[str, None] = {}
    for other in picture.regions:
        overlap = intersection_area(other.box)
        if overlap and overlap > MIN_BOX_OVERLAP * min(area, other.box.area) and other.id != region.id:
            categories[other.category] = None
    return tuple(categories)


def _find_known_relations(picture: Picture, region: Region) -> tuple[tuple[str, str], ...]:
    """Predicate and landmark's name of each relation of a region, by the source or, if it annotates none, by masks."""
    if not picture.relations:
        depths = find_depth_relations(picture, region)
        return tuple((predicate, resolve_category(other.category).name) for predicate, other in depths)
    annotated = picture.relations_by_subject.get(region.id, ())
    named = ((normalize_predicate(predicate), resolve_category(other.category).name) for predicate, other in annotated)
    return tuple((predicate, name) for predicate, name in named if predicate)


@lru_cache(maxsize=8)
def _join_captions(picture: Picture) -> str:
    return join_captions(picture.captions)


@lru_cache(maxsize=8)
def _find_true_scenes(picture: Picture) -> tuple[Scene, ...]:
    """The scenes that the source's label of a picture and the captions of the picture name."""
    label = [resolve_scene(picture.scene)] if picture.scene else []
    stated = (scene for caption in picture.captions for scene in find_stated_scenes(caption))
    return tuple(dict.fromkeys((*label, *stated)))


def _find_landmarks(relation: RelationPhrase, context: VetoContext) -> list[Region]:
    """The regions of the picture that the landmark of a relation may mean."""
    found = context.regions_by_name.get(resolve_noun_phrase(relation.landmark).name, ())
    return [other for other in found if other.id != context.region.id]


@lru_cache(maxsize=8)
def _index_regions_by_name(picture: Picture) -> dict[str, list[Region]]:
    """The regions of a picture, by the name of their thing."""
    found: dict[str, list[Region]] = {}
    for region in picture.regions:
        found.setdefault(resolve_category(region.category).name, []).append(region)
    return found


def _is_word_unexplained(noun: str, context: VetoContext) -> bool:
    """Whether the captions use a noun for which the picture has no annotated thing: they may mean the region."""
    thing = resolve_category(without_colour(noun))
    return thing.name not in context.thing_names and has_noun_in_joined(context.joined_captions, thing.words)


@lru_cache(maxsize=8)
def _collect_thing_names(picture: Picture) -> frozenset[str]:
    """Names of the things in a picture, without colours."""
    return frozenset(without_colour(resolve_category(category).name) for category in picture.regions_by_category)


def _may_be_captioned(gold: RelationPhrase, other: RelationPhrase, context: VetoContext) -> bool:
    """Whether the captions may mention the action or the landmark of the other relation."""
    if other.verb and other.verb != gold.verb and not collect_words(context.human_texts).isdisjoint(other.verb.forms):
        return True
    if other.landmark in ("", gold.landmark) or not (other.verb or other.predicate in (SUPPORT, INSIDE)):
        return False
    thing = resolve_category(english.strip_article(other.landmark))
    if other.verb and any(is_interchangeable(category, thing.name) for category in context.picture.regions_by_category):
        return True
    return _is_word_unexplained(thing.noun, context)
