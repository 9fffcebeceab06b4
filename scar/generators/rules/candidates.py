"""What may replace an element of a caption, from the tables, the golds of the corpus and the picture.

Nothing here says that a proposal is false: the vetoes do. How likely each is drawn is its own weight, which prefers
what is hard to tell from the gold caption, times what the `Pools` say of its marks, which keep false elements as
frequent as true ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Self

import msgspec

from scar.evidence.geometry import DIRECTIONS, INSIDE, NEXT, OPPOSITE, POSITIONS, SUPPORT
from scar.evidence.occlusion import depths
from scar.evidence.scene_vote import setting
from scar.language import english
from scar.language.lexicon import Thing, Verb, colours, meant, people, place, places, plain, thing, things, verbs
from scar.language.relation_phrase import FRAMED, SHOWN, SPOTS, Statement
from scar.language.wordnet import co_hyponyms
from scar.sample import Caption, Part, Picture, Region

if TYPE_CHECKING:
    from scar.generators.rules.sampling import Lots
    from scar.generators.rules.weights import Pools

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


class Bag(msgspec.Struct, frozen=True, eq=False):
    """Proposals that many regions share.

    Attributes:
        proposals: of this bag itself.
        bags: others that are in it.
        lots: what `Pools` have made of it, by theirs; grows.
    """

    proposals: tuple[Proposal, ...] = ()
    bags: tuple[Bag, ...] = ()
    lots: dict[Pools, Lots[str]] = msgspec.field(default_factory=dict)

    @property
    def everything(self) -> tuple[Proposal, ...]:
        """The proposals of it and of all bags in it."""
        return self.proposals + tuple(proposal for bag in self.bags for proposal in bag.everything)


@dataclass(frozen=True, eq=False)
class Golds:
    """What true captions of a corpus are about, and where; known by identity.

    Attributes:
        nouns: of their objects.
        frequency: share of each scene.
        of: how many captions each noun has, by scene.
    """

    nouns: tuple[str, ...] = ()
    frequency: Mapping[str, float] = field(default_factory=dict)
    of: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of_captions(cls, golds: Sequence[Caption]) -> Self:
        """What some true captions say."""
        nouns = sorted({english.bare(gold.object) for gold in golds})
        counts = Counter(gold.scene for gold in golds)
        of: dict[str, Counter[str]] = {}
        for gold in golds:
            of.setdefault(plain(english.bare(gold.object)), Counter())[gold.scene] += 1
        return cls(tuple(nouns), {scene: count / len(golds) for scene, count in sorted(counts.items())}, of)

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
    return _object_marks(english.bare(caption.object), bool(statement and statement.verb))


def scenes(gold: Caption, region: Region, known: Golds) -> list[Share]:
    """Other places that take the same preposition and can hold the thing.

    Args:
        gold: what is true of the region.
        region: what the caption is about.
        known: what true captions of the corpus say.
    """
    joint = _joint(gold, Statement.parse(gold.relation))
    return [Share(_other_scenes(joint, gold.scene, gold.object, region.category, known))]


@lru_cache(maxsize=1 << 16)
def _other_scenes(joint: str, scene: str, named: str, category: str, known: Golds) -> Bag:
    """The same of captions that are alike in what counts."""
    that, noun = thing(category), plain(english.bare(named))
    side = place(english.bare(scene)).side
    return _scenes(joint, side, that.kind, that.places, noun if noun in known.of else "", known)


@lru_cache(maxsize=1 << 12)
def _scenes(joint: str, side: str, kind: str, usual: tuple[str, ...], noun: str, known: Golds) -> Bag:
    found = {other.phrase: other for other in (*places().values(), *map(place, map(english.bare, known.frequency)))}
    proposals = []
    for phrase, other in found.items():
        if joint in (SHOWN, FRAMED) or (joint in other.at and (not other.holds or kind in other.holds)):
            met = not usual or other.side in usual or (other.side == "top" and "indoor" in usual)
            weight = other.weight * (_SAME_SIDE if other.side == side else 1) * (1 if met else _UNUSUAL)
            proposals.append(Proposal(phrase, _scene_marks(joint, phrase), weight * known.lift(noun, phrase)))
    return Bag(tuple(proposals))


def objects(gold: Caption, picture: Picture, region: Region, known: Golds) -> list[Share]:
    """Things elsewhere in the picture, and all things of the corpus; what has a colour stays coloured.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the caption is about.
        known: what true captions of the corpus say.
    """
    mine, statement = english.bare(gold.object), Statement.parse(gold.relation)
    verb = statement.verb if statement else None
    colour, does = _colour(mine), verb is not None
    shares = [
        Share(_elsewhere(picture, colour, does), _ELSEWHERE),
        Share(_other_objects(region.category, colour, verb, known)),
    ]
    if colour or mine in people():
        others = tuple(_one_object(noun, colour, does) for noun in dict.fromkeys(_others(mine, _nouns(picture))))
        shares.append(Share(Bag(bags=others), _ELSEWHERE * _OTHER_COLOUR))
    return shares


@lru_cache(maxsize=1 << 16)
def _other_objects(category: str, colour: str, verb: Verb | None, known: Golds) -> Bag:
    """All things, for things of a category."""
    that = thing(category)
    return _objects(that.kind, that.places, _kin(that, known), colour, verb, known)


@lru_cache(maxsize=1 << 16)
def _colour(noun: str) -> str:
    """What stands before the noun without its colour; empty if it has none."""
    return noun.removesuffix(plain(noun)).strip()


@lru_cache(maxsize=64)
def _elsewhere(picture: Picture, colour: str, does: bool) -> Bag:
    """What the picture shows."""
    return Bag(bags=tuple([_one_object(noun, colour, does) for noun in _nouns(picture)]))


@lru_cache(maxsize=8)
def _nouns(picture: Picture) -> tuple[str, ...]:
    """Of the things in a picture, each once."""
    return tuple(dict.fromkeys(thing(category).noun for category in picture.groups))


@lru_cache(maxsize=1 << 12)
def _objects(
    kind: str, usual: tuple[str, ...], kin: frozenset[str], colour: str, verb: Verb | None, known: Golds
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
    return Bag(tuple(_object(noun, colour, weight / total, does) for noun, weight in weights.items()))


@lru_cache(maxsize=16)
def _all_things(known: Golds) -> Mapping[str, Thing]:
    return {other.noun: other for other in things().values()} | {noun: thing(noun) for noun in known.nouns}


@lru_cache(maxsize=1 << 14)
def _kin(that: Thing, known: Golds) -> frozenset[str]:
    """The nouns of things that are of a sort with one, as WordNet has it."""
    kin = frozenset(co_hyponyms(that.name))
    return frozenset(noun for noun, other in _all_things(known).items() if other.name in kin)


@lru_cache(maxsize=1 << 14)
def _one_object(noun: str, colour: str, does: bool) -> Bag:
    return Bag((_object(noun, colour, 1.0, does),))


def _object(noun: str, colour: str, weight: float, does: bool) -> Proposal:
    said = f"{colour} {noun}" if colour and plain(noun) == noun else noun
    return Proposal(english.a(said), _object_marks(said, does), weight)


def relations(gold: Caption, picture: Picture, region: Region) -> list[Share]:
    """Where else the thing could be in the picture or by other things, and what else it could do."""
    mine, that = Statement.parse(gold.relation), thing(region.category)
    if mine is None:
        return []
    joint = mine.joint if mine.joint != FRAMED else _joint_of(picture, region)
    form = _form(mine)
    near = _SAME_FORM if form == "direction" else 1
    shares = [
        Share(_positions(), _SAME_FORM if form == "position" else 1),
        Share(_to_others(picture, joint), near),
        Share(_supports(that.kind, joint), near),
    ]
    for head, other in depths(picture, region):
        behind = Statement(OPPOSITE[head], thing(other.category).phrase, joint)
        shares.append(Share(_one_relation(behind), near))
    if mine.head in OPPOSITE:
        shares.append(Share(_one_relation(Statement(OPPOSITE[mine.head], mine.anchor, mine.joint)), near * _OPPOSITE))
    if mine.verb:
        shares.append(Share(_deeds(mine, mine.verb, that), _DEED))
    return shares


@cache
def _positions() -> Bag:
    most = max(POSITIONS.values())
    return Bag(tuple(_said(Statement(head, "", FRAMED), weight / most) for head, weight in POSITIONS.items()))


@lru_cache(maxsize=64)
def _to_others(picture: Picture, joint: str) -> Bag:
    """Every direction to everything in the picture."""
    annotated = bool(picture.relations)
    return Bag(bags=tuple([_directions(english.a(noun), joint, annotated) for noun in _nouns(picture)]))


@lru_cache(maxsize=1 << 14)
def _directions(anchor: str, joint: str, annotated: bool) -> Bag:
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


def _object_marks(noun: str, does: bool) -> tuple[str, ...]:
    return f"object {'does ' if does else ''}{plain(noun)}", f"colour {_colour(noun)}"


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
