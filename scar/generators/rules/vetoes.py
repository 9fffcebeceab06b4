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
    NEXT,
    OPPOSITE,
    POSITIONS,
    SUPPORT,
    denied_positions,
    fails,
    is_apart,
)
from scar.evidence.occlusion import depths
from scar.language import english, wordnet
from scar.language.caption_parser import has, joined, named_places, stated_places, words_of
from scar.language.lexicon import Place, alike, confusable, kin, meant, place, plain, thing
from scar.language.relation_phrase import Statement, head_of
from scar.sample import Box, Caption, Negative, Part, Picture, Region

IN_BOX = 0.1
"""A thing shows in a box if they share more than this part of the smaller of the two."""


class Context(msgspec.Struct, frozen=True):
    """What a veto may look at besides the negative: one for all negatives of a region.

    Attributes:
        gold: what is true of the region.
        picture: all that its source knows.
        region: what the captions are about.
        taken: texts of the negatives that the sample has so far, in lower case; grows.
        text: the gold caption in lower case.
        noun: what the gold caption calls the thing, without an article.
        statement: the relation of the gold caption.
        in_box: categories of what else shows in the box.
        not_at: the positions at which the region plainly is not.
        facts: what source or masks say of the region: heads of statements, and names of what it stands so to.
        places: where the gold caption, the label of the source and the captions say that the picture was taken.
        said: by people, of the image and of the region.
        heard: the captions of the image in one text; see `sentences.has`.
        named_places: names of the places of which they have a word.
        names: what the things of the picture are called, without their colours.
        by_name: the regions of the picture by the name of the thing; two categories may be one thing.
    """

    gold: Caption
    picture: Picture
    region: Region
    taken: set[str]
    text: str
    noun: str
    statement: Statement | None
    in_box: tuple[str, ...]
    not_at: frozenset[str]
    facts: tuple[tuple[str, str], ...]
    places: tuple[Place, ...]
    said: tuple[str, ...]
    heard: str
    named_places: frozenset[str]
    names: frozenset[str]
    by_name: Mapping[str, Sequence[Region]]

    @classmethod
    def of(cls, gold: Caption, picture: Picture, region: Region) -> Self:
        """What is known before there is a negative."""
        said = (*picture.captions, *region.phrases)
        return cls(
            gold=gold,
            picture=picture,
            region=region,
            taken=set(),
            text=gold.text.lower(),
            noun=english.bare(gold.object),
            statement=Statement.parse(gold.relation),
            in_box=_in_box(picture, region),
            not_at=denied_positions(region.box, picture),
            facts=_facts(picture, region),
            places=(place(english.bare(gold.scene)), *_places(picture)),
            said=said,
            heard=_heard(picture),
            named_places=named_places(said),
            names=_plain_names(picture),
            by_name=_by_name(picture),
        )


Veto: TypeAlias = Callable[[Negative, Context], str | None]

_BESIDE = frozenset({"next to", "in front of", "behind", "at"})
"""Spots that may be one and the same, seen from different sides."""


def not_one_element(negative: Negative, context: Context) -> str | None:
    """An element is empty, or more or less than the named one differs."""
    value: str = getattr(negative.caption, negative.part)
    caption = negative.caption
    gold = context.gold
    different = (caption.object != gold.object) + (caption.relation != gold.relation) + (caption.scene != gold.scene)
    one = value and value != getattr(gold, negative.part) and different == 1
    return None if one else "not_one_element"


def duplicate(negative: Negative, context: Context) -> str | None:
    """The text is that of the gold caption or of a negative that the sample has."""
    text = negative.caption.text.lower()
    return "duplicate" if text in context.taken or text == context.text else None


def echo(negative: Negative, context: Context) -> str | None:
    """The caption names one thing twice, as in "a couch to the left of a couch", or has it stand by its like."""
    caption, relation = negative.caption, negative.part == "relation"
    statement = Statement.parse(caption.relation) if relation else context.statement
    anchor = statement.anchor if statement else ""
    echoes = (
        _same_word(caption.object, caption.scene)
        or (anchor and (_same_word(anchor, caption.object) or _same_word(anchor, caption.scene)))
        or (relation and anchor and statement and not statement.verb and _is_like(anchor, context.region.category))
    )
    return "echo" if echoes else None


def wordnet_related(negative: Negative, context: Context) -> str | None:
    """What replaces a noun shares its lineage: a synonym, a kind of it, or what it is a kind of."""
    if negative.part == "scene":
        related = wordnet.related(english.bare(context.gold.scene), english.bare(negative.caption.scene))
    elif negative.part == "object":
        # A woman is no man, but both are persons: the word of the caption counts, not the category.
        related = kin(english.bare(negative.caption.object), context.noun)
    else:
        related = False
    return "wordnet_related" if related else None


def lookalike(negative: Negative, context: Context) -> str | None:
    """What replaces the object may be taken for it."""
    if negative.part != "object":
        return None
    noun = english.bare(negative.caption.object)
    taken = confusable(noun, context.noun) or confusable(noun, context.region.category)
    return "lookalike" if taken else None


def present_in_box(negative: Negative, context: Context) -> str | None:
    """The box shows what replaces the object."""
    if negative.part != "object":
        return None
    noun = english.bare(negative.caption.object)
    for category in context.in_box:
        if alike(category, noun):
            return "present_in_box"
    return None


def fits_captions(negative: Negative, context: Context) -> str | None:
    """People who described the picture used the word, and it is not known to be for something else."""
    if negative.part == "scene":
        fits = place(english.bare(negative.caption.scene)).name in context.named_places
    elif negative.part == "object":
        fits = _is_unplaced(english.bare(negative.caption.object), context)
    else:
        other = Statement.parse(negative.caption.relation)
        fits = context.statement is not None and other is not None and _may_be_done(context.statement, other, context)
    return "fits_captions" if fits else None


def fits_place(negative: Negative, context: Context) -> str | None:
    """The false scene goes together with the true one, with the source's label or with a place of the captions."""
    if negative.part != "scene":
        return None
    false = place(english.bare(negative.caption.scene))
    for true in context.places:
        if not false.excludes(true):
            return "fits_place"
    return None


def same_deed(negative: Negative, context: Context) -> str | None:
    """Who does one may well be said to do the other: to hold what he carries, to be behind what he is next to."""
    mine = context.statement
    if negative.part != "relation" or mine is None or mine.verb is None:
        return None
    other = Statement.parse(negative.caption.relation)
    if other is None or other.verb is None:
        return None
    if mine.verb != other.verb:
        same = not set(mine.verb.states).isdisjoint(other.verb.states)
    elif mine.anchor == other.anchor:
        same = mine.spot == other.spot or {mine.spot, other.spot} <= _BESIDE
    else:
        same = alike(english.bare(mine.anchor), english.bare(other.anchor))
    return "same_deed" if same else None


def holds_by_annotation(negative: Negative, context: Context) -> str | None:
    """The source says so, of this thing or of one that it may be called; or its word alone could deny it."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    holds = context.facts and any(
        _implies(known, statement) and (not statement.anchor or alike(anchor, meant(statement.anchor).name))
        for known, anchor in context.facts
    )
    if holds or statement.head in DIRECTIONS or statement.head not in OPPOSITE:
        return "holds_by_annotation" if holds else None
    anchors = {meant(statement.anchor).name}
    denied = [known for known, anchor in context.facts if anchor in anchors and known == OPPOSITE[statement.head]]
    return None if len(denied) >= len(_anchors(statement, context)) else "holds_by_annotation"


def _implies(known: str, statement: Statement) -> bool:
    """Whether who stands so to a thing, by an annotated head, may be said to stand to it as a statement says."""
    if known == statement.head:
        return True
    mine, other = Statement(known, "", "").verb, statement.verb
    return bool(mine and other) and not set(mine.states).isdisjoint(other.states)  # type: ignore[union-attr]


def holds_by_geometry(negative: Negative, context: Context) -> str | None:
    """The boxes show that it is so, or do not plainly show that it is not."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    head, box = statement.head, context.region.box
    if head in POSITIONS:
        return None if head in context.not_at else "holds_by_geometry"
    denies = _DENIALS.get(head)
    if denies:
        for other in _anchors(statement, context):
            if not denies(box, other.box):
                return "holds_by_geometry"
    return None


_DENIALS: Mapping[str, Callable[[Box, Box], bool]] = {
    NEXT: is_apart,
    SUPPORT: lambda box, other: not box.shared(other),
    INSIDE: lambda box, other: not box.shared(other),
    **{head: partial(fails, head) for head in DIRECTIONS},
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


def veto(negative: Negative, context: Context) -> str | None:
    """The first reason to refuse a negative, None if it may stay."""
    for each in VETOES[negative.part]:
        reason = each(negative, context)
        if reason:
            return reason
    return None


@lru_cache(maxsize=1 << 16)
def _same_word(a: str, b: str) -> bool:
    """Whether captions may use one word for what two noun phrases mean."""
    return not set(meant(a).words).isdisjoint(meant(b).words)


@lru_cache(maxsize=1 << 16)
def _is_like(phrase: str, category: str) -> bool:
    """Whether no thing is plainly what a noun phrase means and not of a category."""
    return alike(meant(phrase).name, category)


def _in_box(picture: Picture, region: Region) -> tuple[str, ...]:
    """Categories of what else shows in a region's box."""
    box = region.box
    area, shared = box.area, box.shared
    shown: dict[str, None] = {}
    for other in picture.regions:
        both = shared(other.box)
        if both and both > IN_BOX * min(area, other.box.area) and other.id != region.id:
            shown[other.category] = None
    return tuple(shown)


def _facts(picture: Picture, region: Region) -> tuple[tuple[str, str], ...]:
    """What source or masks say of a region."""
    if not picture.relations:
        return tuple((head, thing(other.category).name) for head, other in depths(picture, region))
    facts = picture.facts.get(region.id, ())
    heads = ((head_of(predicate), thing(other.category).name) for predicate, other in facts)
    return tuple((head, name) for head, name in heads if head)


@lru_cache(maxsize=8)
def _heard(picture: Picture) -> str:
    return joined(picture.captions)


@lru_cache(maxsize=8)
def _places(picture: Picture) -> tuple[Place, ...]:
    """Where its source and its captions say that a picture was taken."""
    label = [place(picture.scene)] if picture.scene else []
    return tuple(dict.fromkeys((*label, *(found for caption in picture.captions for found in stated_places(caption)))))


def _anchors(statement: Statement, context: Context) -> list[Region]:
    """The things of the picture that the statement may mean."""
    found = context.by_name.get(meant(statement.anchor).name, ())
    return [other for other in found if other.id != context.region.id]


@lru_cache(maxsize=8)
def _by_name(picture: Picture) -> dict[str, list[Region]]:
    """The regions of a picture by the name of the thing."""
    found: dict[str, list[Region]] = {}
    for region in picture.regions:
        found.setdefault(thing(region.category).name, []).append(region)
    return found


def _is_unplaced(noun: str, context: Context) -> bool:
    """Whether captions have a noun that no annotation has: it may be their word for the region."""
    that = thing(plain(noun))
    return that.name not in context.names and has(context.heard, that.words)


@lru_cache(maxsize=8)
def _plain_names(picture: Picture) -> frozenset[str]:
    """What the things of a picture are called, without their colours."""
    return frozenset(plain(thing(category).name) for category in picture.groups)


def _may_be_done(mine: Statement, other: Statement, context: Context) -> bool:
    """Whether captions speak of another deed, or of another thing for it, than the gold caption does."""
    if other.verb and other.verb != mine.verb and not words_of(context.said).isdisjoint(other.verb.forms):
        return True
    if other.anchor in ("", mine.anchor) or not (other.verb or other.head in (SUPPORT, INSIDE)):
        return False
    that = thing(english.bare(other.anchor))
    if other.verb and any(alike(category, that.name) for category in context.picture.groups):
        return True
    return _is_unplaced(that.noun, context)
