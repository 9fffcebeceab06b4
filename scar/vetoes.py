"""Reasons to refuse a negative: it must say something else than the gold caption, and be false of the region.

A veto takes the gold caption, a negative and what is known of the region, and returns its reason or None. What it
cannot tell it refuses: a negative that may be true does more harm than one that is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scar import english, wordnet
from scar.geometry import DIRECTIONS, OPPOSITE, POSITIONS, SUPPORT, fails, is_not_at
from scar.lexicon import alike, confusable, kin, place, plain, thing
from scar.sample import Caption, Negative, Picture, Region
from scar.sentences import named_places, says, stated_places, tokens
from scar.statement import Statement


@dataclass(frozen=True, slots=True)
class Context:
    """What a veto may look at besides the two captions.

    Attributes:
        picture: all that its source knows.
        region: what the captions are about.
        accepted: negatives that the sample has so far.
    """

    picture: Picture
    region: Region
    accepted: Sequence[Negative] = ()


Veto: TypeAlias = Callable[[Caption, Negative, Context], str | None]

_IN_BOX = 0.1
"""A thing shows in a box if they share more than this part of the smaller of the two."""

_BESIDE = frozenset({"next to", "in front of", "behind", "at"})
"""Spots that may be one and the same, seen from different sides."""


def not_one_element(gold: Caption, negative: Negative, context: Context) -> str | None:
    """An element is empty, or more or less than the named one differs."""
    value: str = getattr(negative.caption, negative.part)
    one = value and value != getattr(gold, negative.part) and gold.swap(negative.part, value) == negative.caption
    return None if one else "not_one_element"


def duplicate(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The text is that of the gold caption or of a negative that the sample has."""
    taken = [gold, *(accepted.caption for accepted in context.accepted)]
    return "duplicate" if negative.caption.text.lower() in {caption.text.lower() for caption in taken} else None


def echo(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The caption names one thing twice, as in "a couch to the left of a couch"."""
    caption, statement = negative.caption, Statement.parse(negative.caption.relation)
    nouns = [caption.object, caption.scene, *([statement.anchor] if statement and statement.anchor else [])]
    words = [set(thing(english.bare(noun)).words) for noun in nouns]
    return "echo" if any(not a.isdisjoint(b) for i, a in enumerate(words) for b in words[:i]) else None


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
    box, noun = context.region.box, english.bare(negative.caption.object)
    shown = (
        other
        for other in context.picture.regions
        if other.id != context.region.id
        and box.overlap(other.box).area > _IN_BOX * min(box.area, other.box.area)
        and alike(other.category, noun)
    )
    return "present_in_box" if next(shown, None) else None


def fits_captions(gold: Caption, negative: Negative, context: Context) -> str | None:
    """People who described the picture used the word, and it is not known to be for something else."""
    picture = context.picture
    if negative.part == "scene":
        fits = place(english.bare(negative.caption.scene)).name in named_places(picture.captions)
    elif negative.part == "object":
        fits = _is_unplaced(english.bare(negative.caption.object), picture)
    else:
        mine, other = Statement.parse(gold.relation), Statement.parse(negative.caption.relation)
        fits = mine is not None and other is not None and _may_be_done(mine, other, picture)
    return "fits_captions" if fits else None


def fits_place(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The false scene goes together with the true one, with the source's label or with a place of the captions."""
    if negative.part != "scene":
        return None
    false = place(english.bare(negative.caption.scene))
    true = [place(english.bare(gold.scene))]
    if context.picture.scene:
        true.append(place(context.picture.scene))
    true += [stated for caption in context.picture.captions for stated in stated_places(caption)]
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
    """The source says so; or its word alone could deny it, and it does not."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None or statement.head not in OPPOSITE:
        return None
    known = {
        (fact.predicate.removeprefix("to the "), fact.object)
        for fact in context.picture.relations
        if fact.subject == context.region.id
    }
    anchors = _anchors(statement, context)
    head, opposite = (word.removeprefix("to the ") for word in (statement.head, OPPOSITE[statement.head]))
    holds = any((head, other.id) in known for other in anchors)
    denied = statement.head in DIRECTIONS or all((opposite, other.id) in known for other in anchors)
    return "holds_by_annotation" if holds or not denied else None


def holds_by_geometry(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The boxes show that it is so, or do not plainly show that it is not."""
    statement = Statement.parse(negative.caption.relation)
    if negative.part != "relation" or statement is None:
        return None
    box = context.region.box
    if statement.head in POSITIONS:
        false = is_not_at(statement.head, box, context.picture)
    elif statement.head == SUPPORT:
        false = all(not box.overlap(other.box).area for other in _anchors(statement, context))
    elif statement.head in DIRECTIONS:
        false = all(fails(statement.head, box, other.box) for other in _anchors(statement, context))
    else:
        false = True
    return None if false else "holds_by_geometry"


VETOES: tuple[Veto, ...] = (
    duplicate,
    not_one_element,
    echo,
    wordnet_related,
    lookalike,
    present_in_box,
    fits_captions,
    fits_place,
    same_deed,
    holds_by_annotation,
    holds_by_geometry,
)
"""All of them; the first that objects names the reason."""


def veto(gold: Caption, negative: Negative, context: Context) -> str | None:
    """The first reason to refuse a negative, None if it may stay."""
    return next((reason for each in VETOES if (reason := each(gold, negative, context))), None)


def _anchors(statement: Statement, context: Context) -> list[Region]:
    """The things of the picture that the statement may mean."""
    noun = english.bare(statement.anchor)
    return [
        other
        for other in context.picture.regions
        if other.id != context.region.id and thing(other.category) == thing(noun)
    ]


def _is_unplaced(noun: str, picture: Picture) -> bool:
    """Whether captions have a noun that no annotation has: it may be their word for the region."""
    that = thing(plain(noun))
    if any(plain(thing(other.category).name) == that.name for other in picture.regions):
        return False
    return any(says(caption, word) for caption in picture.captions for word in that.words)


def _may_be_done(mine: Statement, other: Statement, picture: Picture) -> bool:
    """Whether captions speak of another deed, or of another thing for it, than the gold caption does."""
    said = {word for caption in picture.captions for word in tokens(caption)}
    if other.verb and other.verb != mine.verb and not said.isdisjoint(other.verb.forms):
        return True
    if other.anchor in ("", mine.anchor) or not (other.verb or other.head == SUPPORT):
        return False
    that = thing(english.bare(other.anchor))
    if other.verb and any(alike(region.category, that.name) for region in picture.regions):
        return True
    return _is_unplaced(that.noun, picture)
