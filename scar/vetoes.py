"""Reasons to refuse a negative: it must say something else than the gold caption, and be false of the region.

A veto takes the gold caption, a negative and what is known of the region, and returns its reason or None. What it
cannot tell it refuses: a negative that may be true does more harm than one that is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TypeAlias

from scar import english, wordnet
from scar.depth import depths
from scar.geometry import DIRECTIONS, INSIDE, NEXT, OPPOSITE, POSITIONS, SUPPORT, denied_positions, fails, is_apart
from scar.lexicon import Place, alike, confusable, kin, meant, place, plain, thing
from scar.sample import Caption, Negative, Part, Picture, Region
from scar.sentences import named_places, says, stated_places, words_of
from scar.statement import Statement, head_of

IN_BOX = 0.1
"""A thing shows in a box if they share more than this part of the smaller of the two."""


@dataclass(frozen=True)
class Context:
    """What a veto may look at besides the two captions: one for all negatives of a region.

    Attributes:
        picture: all that its source knows.
        region: what the captions are about.
        taken: texts of the negatives that the sample has so far, in lower case; grows.
    """

    picture: Picture
    region: Region
    taken: set[str] = field(default_factory=set)

    @cached_property
    def in_box(self) -> tuple[str, ...]:
        """Categories of what else shows in the box."""
        box = self.region.box
        area = box.area
        shown = (
            other.category
            for other in self.picture.regions
            if (shared := box.shared(other.box))
            and shared > IN_BOX * min(area, other.box.area)
            and other.id != self.region.id
        )
        return tuple(dict.fromkeys(shown))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where the picture was taken, by the label of its source and by its captions."""
        label = [place(self.picture.scene)] if self.picture.scene else []
        stated = (found for caption in self.picture.captions for found in stated_places(caption))
        return tuple(dict.fromkeys((*label, *stated)))

    @cached_property
    def said(self) -> tuple[str, ...]:
        """What people said of the image and of the region."""
        return (*self.picture.captions, *self.region.phrases)

    @cached_property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What source or masks say of the region: heads of statements, and names of the things that it stands so to."""
        if not self.picture.relations:
            return tuple((head, thing(other.category).name) for head, other in depths(self.picture, self.region))
        by_id = {other.id: other for other in self.picture.regions}
        own = (fact for fact in self.picture.relations if fact.subject == self.region.id and fact.object in by_id)
        heads = ((head_of(fact.predicate), thing(by_id[fact.object].category).name) for fact in own)
        return tuple((head, name) for head, name in heads if head)

    @cached_property
    def not_at(self) -> frozenset[str]:
        """The positions at which the region plainly is not."""
        return denied_positions(self.region.box, self.picture)


Veto: TypeAlias = Callable[[Caption, Negative, Context], str | None]

_BESIDE = frozenset({"next to", "in front of", "behind", "at"})
"""Spots that may be one and the same, seen from different sides."""


def not_one_element(gold: Caption, negative: Negative, context: Context) -> str | None:
    """An element is empty, or more or less than the named one differs."""
    value: str = getattr(negative.caption, negative.part)
    caption = negative.caption
    different = (caption.object != gold.object) + (caption.relation != gold.relation) + (caption.scene != gold.scene)
    one = value and value != getattr(gold, negative.part) and different == 1
    return None if one else "not_one_element"


def duplicate(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The text is that of the gold caption or of a negative that the sample has."""
    text = negative.caption.text.lower()
    return "duplicate" if text in context.taken or text == gold.text.lower() else None


def echo(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The caption names one thing twice, as in "a couch to the left of a couch", or has it stand by its like."""
    caption, statement = negative.caption, Statement.parse(negative.caption.relation)
    anchor = statement.anchor if statement else ""
    stands = negative.part == "relation" and anchor and statement and not statement.verb
    if stands and alike(meant(anchor).name, context.region.category):
        return "echo"
    echoes = _same_word(caption.object, caption.scene) or (
        anchor and (_same_word(anchor, caption.object) or _same_word(anchor, caption.scene))
    )
    return "echo" if echoes else None


def wordnet_related(gold: Caption, negative: Negative, context: Context) -> str | None:
    """What replaces a noun shares its lineage: a synonym, a kind of it, or what it is a kind of."""
    if negative.part == "scene":
        related = wordnet.related(english.bare(gold.scene), english.bare(negative.caption.scene))
    elif negative.part == "object":
        noun = english.bare(negative.caption.object)
        # A woman is no man, but both are persons: the word of the caption counts, not the category.
        related = kin(noun, english.bare(gold.object))
    else:
        related = False
    return "wordnet_related" if related else None


def lookalike(gold: Caption, negative: Negative, context: Context) -> str | None:
    """What replaces the object may be taken for it."""
    noun = english.bare(negative.caption.object)
    names = (english.bare(gold.object), context.region.category)
    taken = negative.part == "object" and any(confusable(noun, name) for name in names)
    return "lookalike" if taken else None


def present_in_box(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The box shows what replaces the object."""
    if negative.part != "object":
        return None
    noun = english.bare(negative.caption.object)
    return "present_in_box" if any(alike(category, noun) for category in context.in_box) else None


def fits_captions(gold: Caption, negative: Negative, context: Context) -> str | None:
    """People who described the picture used the word, and it is not known to be for something else."""
    picture = context.picture
    if negative.part == "scene":
        fits = place(english.bare(negative.caption.scene)).name in named_places(context.said)
    elif negative.part == "object":
        fits = _is_unplaced(english.bare(negative.caption.object), picture)
    else:
        mine, other = Statement.parse(gold.relation), Statement.parse(negative.caption.relation)
        fits = mine is not None and other is not None and _may_be_done(mine, other, context)
    return "fits_captions" if fits else None


def fits_place(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The false scene goes together with the true one, with the source's label or with a place of the captions."""
    if negative.part != "scene":
        return None
    false = place(english.bare(negative.caption.scene))
    true = (place(english.bare(gold.scene)), *context.places)
    return None if all(false.excludes(each) for each in true) else "fits_place"


def same_deed(gold: Caption, negative: Negative, context: Context) -> str | None:
    """Who does one may well be said to do the other: to hold what he carries, to be behind what he is next to."""
    mine, other = Statement.parse(gold.relation), Statement.parse(negative.caption.relation)
    if negative.part != "relation" or mine is None or other is None or mine.verb is None or other.verb is None:
        return None
    if mine.verb != other.verb:
        same = not set(mine.verb.states).isdisjoint(other.verb.states)
    elif mine.anchor == other.anchor:
        same = mine.spot == other.spot or {mine.spot, other.spot} <= _BESIDE
    else:
        same = alike(english.bare(mine.anchor), english.bare(other.anchor))
    return "same_deed" if same else None


def holds_by_annotation(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The source says so, of this thing or of one that it may be called; or its word alone could deny it."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    holds = any(
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


def holds_by_geometry(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The boxes show that it is so, or do not plainly show that it is not."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    box = context.region.box
    if statement.head in POSITIONS:
        false = statement.head in context.not_at
    elif statement.head == NEXT:
        false = all(is_apart(box, other.box) for other in _anchors(statement, context))
    elif statement.head in (SUPPORT, INSIDE):
        false = all(not box.shared(other.box) for other in _anchors(statement, context))
    elif statement.head in DIRECTIONS:
        false = all(fails(statement.head, box, other.box) for other in _anchors(statement, context))
    else:
        false = True
    return None if false else "holds_by_geometry"


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


def veto(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The first reason to refuse a negative, None if it may stay."""
    for each in VETOES[negative.part]:
        reason = each(gold, negative, context)
        if reason:
            return reason
    return None


@lru_cache(maxsize=1 << 16)
def _same_word(a: str, b: str) -> bool:
    """Whether captions may use one word for what two noun phrases mean."""
    return not set(meant(a).words).isdisjoint(meant(b).words)


def _anchors(statement: Statement, context: Context) -> list[Region]:
    """The things of the picture that the statement may mean."""
    found = _by_name(context.picture).get(meant(statement.anchor).name, ())
    return [other for other in found if other.id != context.region.id]


@lru_cache(maxsize=8)
def _by_name(picture: Picture) -> dict[str, list[Region]]:
    """The regions of a picture by the name of the thing; two categories may be one thing."""
    found: dict[str, list[Region]] = {}
    for region in picture.regions:
        found.setdefault(thing(region.category).name, []).append(region)
    return found


def _is_unplaced(noun: str, picture: Picture) -> bool:
    """Whether captions have a noun that no annotation has: it may be their word for the region."""
    that = thing(plain(noun))
    return that.name not in _plain_names(picture) and any(says(caption, that.words) for caption in picture.captions)


@lru_cache(maxsize=8)
def _plain_names(picture: Picture) -> frozenset[str]:
    """What the things of a picture are called, without their colours."""
    return frozenset(plain(thing(category).name) for category in picture.groups)


def _may_be_done(mine: Statement, other: Statement, context: Context) -> bool:
    """Whether captions speak of another deed, or of another thing for it, than the gold caption does."""
    picture = context.picture
    if other.verb and other.verb != mine.verb and not words_of(context.said).isdisjoint(other.verb.forms):
        return True
    if other.anchor in ("", mine.anchor) or not (other.verb or other.head in (SUPPORT, INSIDE)):
        return False
    that = thing(english.bare(other.anchor))
    if other.verb and any(alike(category, that.name) for category in picture.groups):
        return True
    return _is_unplaced(that.noun, picture)
