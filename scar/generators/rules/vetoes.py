"""Reasons to refuse a negative: it must say something else than the gold caption, and be false of the region.

A veto takes a negative and what is known of the gold caption, the picture and the region, and returns its reason or
None. What it cannot tell it refuses: a negative that may be true does more harm than one that is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Self, TypeAlias

import msgspec

from scar.evidence.geometry import (
    DIRECTIONS,
    INSIDE,
    NEXT_TO,
    OPPOSITES,
    POSITIONS,
    SUPPORT,
    find_denied_positions,
    is_apart,
    is_out_of_direction,
)
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
from scar.language.relation_phrase import RelationPhrase, normalize_predicate
from scar.sample import Box, Caption, Negative, Part, Picture, Region

MIN_BOX_OVERLAP = 0.1
"""A thing shows in a box if they share more than this part of the smaller of the two."""


class VetoContext(msgspec.Struct, frozen=True):
    """What a veto may look at besides the negative: one for all negatives of a region.

    Attributes:
        gold: what is true of the region.
        picture: all that its source knows.
        region: what the captions are about.
        taken_texts: texts of the negatives that the sample has so far, in lower case; grows.
        gold_text: the gold caption in lower case.
        gold_noun: what the gold caption calls the thing, without an article.
        relation: the relation of the gold caption.
        categories_in_box: categories of what else shows in the box.
        denied_positions: the positions at which the region plainly is not.
        known_relations: what source or masks say of the region: heads of statements, and names of what it stands so to.
        true_scenes: where the gold caption, the label of the source and the captions say that the picture was taken.
        human_texts: by people, of the image and of the region.
        joined_captions: the captions of the image in one text; see `sentences.has_noun_in_joined`.
        named_scenes: names of the places of which they have a word.
        thing_names: what the things of the picture are called, without their colours.
        regions_by_name: the regions of the picture by the name of the thing; two categories may be one thing.
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
        """What is known before there is a negative."""
        said = (*picture.captions, *region.phrases)
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
            human_texts=said,
            joined_captions=_join_captions(picture),
            named_scenes=find_named_scenes(said),
            thing_names=_collect_thing_names(picture),
            regions_by_name=_index_regions_by_name(picture),
        )


Veto: TypeAlias = Callable[[Negative, VetoContext], str | None]

_EXCHANGEABLE_PREPOSITIONS = frozenset({"next to", "in front of", "behind", "at"})
"""Spots that may be one and the same, seen from different sides."""


def not_one_element(negative: Negative, context: VetoContext) -> str | None:
    """An element is empty, or more or less than the named one differs."""
    value: str = getattr(negative.caption, negative.part)
    caption = negative.caption
    gold = context.gold
    different = (caption.object != gold.object) + (caption.relation != gold.relation) + (caption.scene != gold.scene)
    one = value and value != getattr(gold, negative.part) and different == 1
    return None if one else "not_one_element"


def duplicate(negative: Negative, context: VetoContext) -> str | None:
    """The text is that of the gold caption or of a negative that the sample has."""
    text = negative.caption.text.lower()
    return "duplicate" if text in context.taken_texts or text == context.gold_text else None


def echo(negative: Negative, context: VetoContext) -> str | None:
    """The caption names one thing twice, as in "a couch to the left of a couch", or has it stand by its like."""
    caption, relation = negative.caption, negative.part == "relation"
    statement = RelationPhrase.parse(caption.relation) if relation else context.relation
    anchor = statement.landmark if statement else ""
    echoes = (
        _has_common_word(caption.object, caption.scene)
        or (anchor and (_has_common_word(anchor, caption.object) or _has_common_word(anchor, caption.scene)))
        or (
            relation
            and anchor
            and statement
            and not statement.verb
            and _is_phrase_interchangeable(anchor, context.region.category)
        )
    )
    return "echo" if echoes else None


def wordnet_related(negative: Negative, context: VetoContext) -> str | None:
    """What replaces a noun shares its lineage: a synonym, a kind of it, or what it is a kind of."""
    if negative.part == "scene":
        related = wordnet.is_related(
            english.strip_article(context.gold.scene), english.strip_article(negative.caption.scene)
        )
    elif negative.part == "object":
        # A woman is no man, but both are persons: the word of the caption counts, not the category.
        related = is_related(english.strip_article(negative.caption.object), context.gold_noun)
    else:
        related = False
    return "wordnet_related" if related else None


def lookalike(negative: Negative, context: VetoContext) -> str | None:
    """What replaces the object may be taken for it."""
    if negative.part != "object":
        return None
    noun = english.strip_article(negative.caption.object)
    taken = is_confusable(noun, context.gold_noun) or is_confusable(noun, context.region.category)
    return "lookalike" if taken else None


def present_in_box(negative: Negative, context: VetoContext) -> str | None:
    """The box shows what replaces the object."""
    if negative.part != "object":
        return None
    noun = english.strip_article(negative.caption.object)
    for category in context.categories_in_box:
        if is_interchangeable(category, noun):
            return "present_in_box"
    return None


def fits_captions(negative: Negative, context: VetoContext) -> str | None:
    """People who described the picture used the word, and it is not known to be for something else."""
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
    """The false scene goes together with the true one, with the source's label or with a place of the captions."""
    if negative.part != "scene":
        return None
    false = resolve_scene(english.strip_article(negative.caption.scene))
    for true in context.true_scenes:
        if not false.is_incompatible_with(true):
            return "fits_place"
    return None


def same_deed(negative: Negative, context: VetoContext) -> str | None:
    """Who does one may well be said to do the other: to hold what he carries, to be behind what he is next to."""
    mine = context.relation
    if negative.part != "relation" or mine is None or mine.verb is None:
        return None
    other = RelationPhrase.parse(negative.caption.relation)
    if other is None or other.verb is None:
        return None
    if mine.verb != other.verb:
        same = not set(mine.verb.states).isdisjoint(other.verb.states)
    elif mine.landmark == other.landmark:
        same = (
            mine.preposition == other.preposition or {mine.preposition, other.preposition} <= _EXCHANGEABLE_PREPOSITIONS
        )
    else:
        same = is_interchangeable(english.strip_article(mine.landmark), english.strip_article(other.landmark))
    return "same_deed" if same else None


def holds_by_annotation(negative: Negative, context: VetoContext) -> str | None:
    """The source says so, of this thing or of one that it may be called; or its word alone could deny it."""
    statement = RelationPhrase.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    holds = context.known_relations and any(
        _implies_relation(known, statement)
        and (not statement.landmark or is_interchangeable(anchor, resolve_noun_phrase(statement.landmark).name))
        for known, anchor in context.known_relations
    )
    if holds or statement.predicate in DIRECTIONS or statement.predicate not in OPPOSITES:
        return "holds_by_annotation" if holds else None
    anchors = {resolve_noun_phrase(statement.landmark).name}
    denied = [
        known
        for known, anchor in context.known_relations
        if anchor in anchors and known == OPPOSITES[statement.predicate]
    ]
    return None if len(denied) >= len(_find_landmarks(statement, context)) else "holds_by_annotation"


def _implies_relation(known: str, statement: RelationPhrase) -> bool:
    """Whether who stands so to a thing, by an annotated head, may be said to stand to it as a statement says."""
    if known == statement.predicate:
        return True
    mine, other = RelationPhrase(known, "", "").verb, statement.verb
    return bool(mine and other) and not set(mine.states).isdisjoint(other.states)  # type: ignore[union-attr]


def holds_by_geometry(negative: Negative, context: VetoContext) -> str | None:
    """The boxes show that it is so, or do not plainly show that it is not."""
    statement = RelationPhrase.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    head, box = statement.predicate, context.region.box
    if head in POSITIONS:
        return None if head in context.denied_positions else "holds_by_geometry"
    denies = _DENIALS.get(head)
    if denies:
        for other in _find_landmarks(statement, context):
            if not denies(box, other.box):
                return "holds_by_geometry"
    return None


_DENIALS: Mapping[str, Callable[[Box, Box], bool]] = {
    NEXT_TO: is_apart,
    SUPPORT: lambda box, other: not box.intersection_area(other),
    INSIDE: lambda box, other: not box.intersection_area(other),
    **{head: partial(is_out_of_direction, head) for head in DIRECTIONS},
}
"""By head, what two boxes must be like to show that one thing does not stand so to the other."""

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
"""All that look at a part, those first that refuse most; the first that objects names the reason."""


def find_veto_reason(negative: Negative, context: VetoContext) -> str | None:
    """The first reason to refuse a negative, None if it may stay."""
    for each in VETOES[negative.part]:
        reason = each(negative, context)
        if reason:
            return reason
    return None


@lru_cache(maxsize=1 << 16)
def _has_common_word(a: str, b: str) -> bool:
    """Whether captions may use one word for what two noun phrases mean."""
    return not set(resolve_noun_phrase(a).words).isdisjoint(resolve_noun_phrase(b).words)


@lru_cache(maxsize=1 << 16)
def _is_phrase_interchangeable(phrase: str, category: str) -> bool:
    """Whether no thing is plainly what a noun phrase means and not of a category."""
    return is_interchangeable(resolve_noun_phrase(phrase).name, category)


def _find_categories_in_box(picture: Picture, region: Region) -> tuple[str, ...]:
    """Categories of what else shows in a region's box."""
    box = region.box
    area, shared = box.area, box.intersection_area
    shown: dict[str, None] = {}
    for other in picture.regions:
        both = shared(other.box)
        if both and both > MIN_BOX_OVERLAP * min(area, other.box.area) and other.id != region.id:
            shown[other.category] = None
    return tuple(shown)


def _find_known_relations(picture: Picture, region: Region) -> tuple[tuple[str, str], ...]:
    """What source or masks say of a region."""
    if not picture.relations:
        return tuple(
            (head, resolve_category(other.category).name) for head, other in find_depth_relations(picture, region)
        )
    facts = picture.relations_by_subject.get(region.id, ())
    heads = ((normalize_predicate(predicate), resolve_category(other.category).name) for predicate, other in facts)
    return tuple((head, name) for head, name in heads if head)


@lru_cache(maxsize=8)
def _join_captions(picture: Picture) -> str:
    return join_captions(picture.captions)


@lru_cache(maxsize=8)
def _find_true_scenes(picture: Picture) -> tuple[Scene, ...]:
    """Where its source and its captions say that a picture was taken."""
    label = [resolve_scene(picture.scene)] if picture.scene else []
    return tuple(
        dict.fromkeys((*label, *(found for caption in picture.captions for found in find_stated_scenes(caption))))
    )


def _find_landmarks(statement: RelationPhrase, context: VetoContext) -> list[Region]:
    """The things of the picture that the statement may mean."""
    found = context.regions_by_name.get(resolve_noun_phrase(statement.landmark).name, ())
    return [other for other in found if other.id != context.region.id]


@lru_cache(maxsize=8)
def _index_regions_by_name(picture: Picture) -> dict[str, list[Region]]:
    """The regions of a picture by the name of the thing."""
    found: dict[str, list[Region]] = {}
    for region in picture.regions:
        found.setdefault(resolve_category(region.category).name, []).append(region)
    return found


def _is_word_unexplained(noun: str, context: VetoContext) -> bool:
    """Whether captions have a noun that no annotation has: it may be their word for the region."""
    that = resolve_category(without_colour(noun))
    return that.name not in context.thing_names and has_noun_in_joined(context.joined_captions, that.words)


@lru_cache(maxsize=8)
def _collect_thing_names(picture: Picture) -> frozenset[str]:
    """What the things of a picture are called, without their colours."""
    return frozenset(without_colour(resolve_category(category).name) for category in picture.regions_by_category)


def _may_be_captioned(mine: RelationPhrase, other: RelationPhrase, context: VetoContext) -> bool:
    """Whether captions speak of another deed, or of another thing for it, than the gold caption does."""
    if other.verb and other.verb != mine.verb and not collect_words(context.human_texts).isdisjoint(other.verb.forms):
        return True
    if other.landmark in ("", mine.landmark) or not (other.verb or other.predicate in (SUPPORT, INSIDE)):
        return False
    that = resolve_category(english.strip_article(other.landmark))
    if other.verb and any(is_interchangeable(category, that.name) for category in context.picture.regions_by_category):
        return True
    return _is_word_unexplained(that.noun, context)
