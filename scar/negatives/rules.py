"""What may replace an element of a caption, from the tables, the golds of the corpus and the picture.

Nothing here says that a proposal is false: the vetoes do. How likely each is drawn is its own weight, which prefers
what is hard to tell from the gold caption, times what the `Pools` say of its marks, which keep false elements as
frequent as true ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

import msgspec

from scar import english
from scar.depth import depths
from scar.geometry import DIRECTIONS, INSIDE, NEXT, OPPOSITE, POSITIONS, SUPPORT
from scar.lexicon import Thing, Verb, colours, meant, people, place, places, plain, thing, things, verbs
from scar.sample import Caption, Part, Picture, Region
from scar.setting import setting
from scar.statement import FRAMED, SHOWN, SPOTS, Statement
from scar.wordnet import co_hyponyms

_SAME_SIDE = 2
"""How many times likelier a false scene is of the true one's side (indoor, outdoor, top) than of another."""

_UNUSUAL = 0.1
"""How much less likely things are drawn where one does not meet them, or for what they do not do."""

_PRIOR = 5.0
"""So many captions of a thing are taken to be spread as all are, before its own are counted."""

_KIN = 4
"""How many times likelier a false object is of the true one's kind than of another."""

_ELSEWHERE = 8.0
"""How likely a thing elsewhere in the picture is drawn, against all things that are not."""

_OTHER_COLOUR = 0.3
"""How likely the thing in another colour is drawn, against all things elsewhere."""

_OPPOSITE = 4.0
"""How many times likelier a relation is the opposite of the true one than any other of its form."""

_SAME_FORM = 30.0
"""How many times likelier a relation is of the true one's form than of another."""


_DEED = 1000.0
"""The same of deeds: they replace nothing else, as nobody knows what else a thing does."""


class Proposal(msgspec.Struct, frozen=True):
    """What may stand in an element's place.

    Attributes:
        value: the element.
        marks: by what a reader of captions alone may know it: words, and where they stand.
        weight: how likely it is drawn, before the pools have their say.
    """

    value: str
    marks: tuple[str, ...]
    weight: float


@dataclass(frozen=True, eq=False)
class Bag:
    """Proposals that many regions share; known by identity, so that what is made of it can be kept.

    Attributes:
        proposals: of this bag itself.
        bags: others that are in it.
    """

    proposals: tuple[Proposal, ...] = ()
    bags: tuple[Bag, ...] = ()

    @property
    def everything(self) -> tuple[Proposal, ...]:
        """The proposals of it and of all bags in it."""
        return self.proposals + tuple(proposal for bag in self.bags for proposal in bag.everything)


@dataclass(frozen=True, eq=False)
class Scenes:
    """Where true captions of a corpus are.

    Attributes:
        frequency: share of each scene.
        of: how many captions each noun has, by scene.
    """

    frequency: Mapping[str, float]
    of: Mapping[str, Mapping[str, int]]

    @classmethod
    def seen_in(cls, golds: Sequence[Caption]) -> Self:
        """The scenes of true captions."""
        counts = Counter(gold.scene for gold in golds)
        of: dict[str, Counter[str]] = {}
        for gold in golds:
            of.setdefault(plain(english.bare(gold.object)), Counter())[gold.scene] += 1
        return cls({scene: count / len(golds) for scene, count in sorted(counts.items())}, of)

    def lift(self, noun: str, scene: str) -> float:
        """How much likelier the scene is where the noun is, as far as the captions tell."""
        if noun not in self.of or scene not in self.frequency:
            return 1.0
        own = self.of[noun]
        return (own.get(scene, 0) / self.frequency[scene] + _PRIOR) / (sum(own.values()) + _PRIOR)


class Share(msgspec.Struct, frozen=True):
    """A bag among others, and how much more all that it holds weighs there."""

    bag: Bag
    factor: float = 1.0


def marks(part: Part, caption: Caption) -> tuple[str, ...]:
    """Those of one element of a caption."""
    statement = Statement.parse(caption.relation)
    if part == "scene":
        return _scene_marks(_joint(caption, statement), caption.scene)
    if part == "relation":
        return _relation_marks(statement) if statement else (caption.relation,)
    return _object_marks(english.bare(caption.object), does=bool(statement and statement.verb))


def scenes(gold: Caption, region: Region, known: Scenes) -> list[Share]:
    """Other places that take the same preposition and can hold the thing.

    Args:
        gold: what is true of the region.
        region: what the caption is about.
        known: scenes of true captions of the corpus.
    """
    that, statement = thing(region.category), Statement.parse(gold.relation)
    noun = plain(english.bare(gold.object))
    side = place(english.bare(gold.scene)).side
    noun = noun if noun in known.of else ""
    return [Share(_scenes(_joint(gold, statement), side, that.kind, that.places, noun, known))]


@lru_cache(maxsize=1 << 12)
def _scenes(joint: str, side: str, kind: str, usual: tuple[str, ...], noun: str, known: Scenes) -> Bag:
    found = {other.phrase: other for other in (*places().values(), *map(place, map(english.bare, known.frequency)))}
    proposals = []
    for phrase, other in found.items():
        if joint in (SHOWN, FRAMED) or (joint in other.at and (not other.holds or kind in other.holds)):
            met = not usual or other.side in usual or (other.side == "top" and "indoor" in usual)
            weight = other.weight * (_SAME_SIDE if other.side == side else 1) * (1 if met else _UNUSUAL)
            proposals.append(Proposal(phrase, _scene_marks(joint, phrase), weight * known.lift(noun, phrase)))
    return Bag(tuple(proposals))


def objects(gold: Caption, picture: Picture, region: Region, known: tuple[str, ...]) -> list[Share]:
    """Things elsewhere in the picture, and all things of the corpus; what has a colour stays coloured.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the caption is about.
        known: nouns of true captions of the corpus.
    """
    mine, statement = english.bare(gold.object), Statement.parse(gold.relation)
    verb = statement.verb if statement else None
    colour, does = mine.removesuffix(plain(mine)).strip(), verb is not None
    that = thing(region.category)
    shares = [
        Share(_elsewhere(picture, colour, does=does), _ELSEWHERE),
        Share(_objects(that.kind, that.places, _kin(that, known), colour, verb, known)),
    ]
    if colour or mine in people():
        others = tuple(_one_object(noun, colour, does=does) for noun in dict.fromkeys(_others(mine, _nouns(picture))))
        shares.append(Share(Bag(bags=others), _ELSEWHERE * _OTHER_COLOUR))
    return shares


@lru_cache(maxsize=64)
def _elsewhere(picture: Picture, colour: str, *, does: bool) -> Bag:
    """What the picture shows."""
    return Bag(bags=tuple(_one_object(noun, colour, does=does) for noun in _nouns(picture)))


@lru_cache(maxsize=8)
def _nouns(picture: Picture) -> tuple[str, ...]:
    """Of the things in a picture, each once."""
    return tuple(dict.fromkeys(thing(category).noun for category in picture.groups))


@lru_cache(maxsize=1 << 12)
def _objects(
    kind: str, usual: tuple[str, ...], kin: frozenset[str], colour: str, verb: Verb | None, known: tuple[str, ...]
) -> Bag:
    """All things, by how likely one meets them where things of that sort are, and as what does the same."""
    weights = {
        noun: other.weight
        * (_KIN if other.kind == kind or noun in kin else 1)
        * (1 if not usual or set(other.places) & set(usual) else _UNUSUAL)
        * (1 if verb is None or verb.suits(other) else _UNUSUAL)
        for noun, other in _all_things(known).items()
    }
    total = sum(weights.values())
    does = verb is not None
    return Bag(tuple(_object(noun, colour, weight / total, does=does) for noun, weight in weights.items()))


@lru_cache(maxsize=16)
def _all_things(known: tuple[str, ...]) -> Mapping[str, Thing]:
    return {other.noun: other for other in things().values()} | {noun: thing(noun) for noun in known}


@lru_cache(maxsize=1 << 14)
def _kin(that: Thing, known: tuple[str, ...]) -> frozenset[str]:
    """The nouns of things that are of a sort with one, as WordNet has it."""
    kin = frozenset(co_hyponyms(that.name))
    return frozenset(noun for noun, other in _all_things(known).items() if other.name in kin)


@lru_cache(maxsize=1 << 14)
def _one_object(noun: str, colour: str, *, does: bool) -> Bag:
    return Bag((_object(noun, colour, 1.0, does=does),))


def _object(noun: str, colour: str, weight: float, *, does: bool) -> Proposal:
    said = f"{colour} {noun}" if colour and plain(noun) == noun else noun
    return Proposal(english.a(said), _object_marks(said, does=does), weight)


def relations(gold: Caption, picture: Picture, region: Region) -> list[Share]:
    """Where else the thing could be in the picture or by other things, and what else it could do."""
    mine = Statement.parse(gold.relation)
    if mine is None:
        return []
    joint = mine.joint if mine.joint != FRAMED else _joint_of(picture, region)
    form = _form(mine)
    near = _SAME_FORM if form == "direction" else 1
    shares = [
        Share(_positions(), _SAME_FORM if form == "position" else 1),
        Share(_to_others(picture, joint), near),
        Share(_supports(thing(region.category).kind, joint), near),
    ]
    for head, other in depths(picture, region):
        behind = Statement(OPPOSITE[head], thing(other.category).phrase, joint)
        shares.append(Share(_one_relation(behind), near))
    if mine.head in OPPOSITE:
        shares.append(Share(_one_relation(Statement(OPPOSITE[mine.head], mine.anchor, mine.joint)), near * _OPPOSITE))
    if mine.verb:
        shares.append(Share(_deeds(mine, mine.verb, thing(region.category)), _DEED))
    return shares


@cache
def _positions() -> Bag:
    most = max(POSITIONS.values())
    return Bag(tuple(_said(Statement(head, "", FRAMED), weight / most) for head, weight in POSITIONS.items()))


@lru_cache(maxsize=64)
def _to_others(picture: Picture, joint: str) -> Bag:
    """Every direction to everything in the picture."""
    annotated = bool(picture.relations)
    return Bag(bags=tuple(_directions(english.a(noun), joint, annotated=annotated) for noun in _nouns(picture)))


@lru_cache(maxsize=1 << 14)
def _directions(anchor: str, joint: str, *, annotated: bool) -> Bag:
    """Every direction to a thing; those that boxes do not tell only where a source may."""
    heads = OPPOSITE if annotated else DIRECTIONS
    return Bag(tuple(_said(Statement(head, anchor, joint)) for head in (*heads, NEXT)))


@cache
def _supports(kind: str, joint: str) -> Bag:
    """On whatever bears such a thing, and inside what holds it."""
    on = [Statement(SUPPORT, other.phrase, joint) for other in things().values() if kind in other.bears]
    inside = [Statement(INSIDE, other.phrase, joint) for other in things().values() if kind in other.contains]
    return Bag(tuple(map(_said, on + inside)))


@lru_cache(maxsize=1 << 14)
def _one_relation(statement: Statement) -> Bag:
    return Bag((_said(statement),))


def _said(statement: Statement, weight: float = 1.0) -> Proposal:
    return Proposal(statement.text, _relation_marks(statement), weight)


@lru_cache(maxsize=1 << 12)
def _deeds(mine: Statement, verb: Verb, subject: Thing) -> Bag:
    """The same deed to other things, other deeds to the same thing, and elsewhere by it."""
    anchor = meant(mine.anchor) if mine.anchor else None
    doable = [other for other in verbs().values() if other.suits(subject)]
    if anchor is None:
        found = [Statement(other.text, "", mine.joint) for other in doable if not other.takes]
        pool = []
    elif verb.takes:
        found = [Statement(other.text, mine.anchor, mine.joint) for other in doable if other.fits(anchor)]
        pool = [other for other in things().values() if verb.fits(other)]
    else:
        found = [Statement(f"{other.text} {mine.spot}", mine.anchor, mine.joint) for other in doable if not other.takes]
        found += [Statement(f"{verb.text} {spot}", mine.anchor, mine.joint) for spot in SPOTS[:5]]
        pool = [other for other in things().values() if other.kind == anchor.kind]
    found += [Statement(mine.head, other.phrase, mine.joint) for other in pool]
    return Bag(tuple(_said(statement) for statement in dict.fromkeys(found) if statement != mine))


def _joint_of(picture: Picture, region: Region) -> str:
    """What joins a relation of the region to the scene; a position is joined otherwise."""
    where = setting(picture, region)
    return where[1] if where else SHOWN


def _joint(caption: Caption, statement: Statement | None) -> str:
    return statement.joint if statement else caption.relation.rpartition(" ")[2]


def _form(statement: Statement) -> str:
    """What sort of relation it is."""
    if statement.verb:
        return "deed"
    return "position" if statement.head in POSITIONS else "direction"


def _scene_marks(joint: str, phrase: str) -> tuple[str, ...]:
    return (f"scene {joint} {phrase}",)


def _object_marks(noun: str, *, does: bool) -> tuple[str, ...]:
    head = plain(noun)
    return f"object {'does ' if does else ''}{head}", f"colour {noun.removesuffix(head).strip()}"


def _relation_marks(statement: Statement) -> tuple[str, ...]:
    return f"head {statement.head}", f"anchor {_form(statement)} {statement.anchor}", f"joint {statement.joint}"


def _others(noun: str, elsewhere: Sequence[str]) -> Iterator[str]:
    """Whom a person may not be; for a coloured thing, its head in the colours of others and theirs in its colour."""
    if noun in people():
        yield from people()
        return
    head = plain(noun)
    colour = noun.removesuffix(head)
    if not colour:
        return
    coloured = [other for other in elsewhere if plain(other) != other]
    for other in coloured:
        yield f"{other.removesuffix(plain(other))}{head}"
        yield f"{colour}{plain(other)}"
    if not coloured:
        yield from (f"{other} {head}" for other in colours())
