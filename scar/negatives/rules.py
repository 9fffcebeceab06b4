"""What may replace an element of a caption, from the tables, the golds of the corpus and the picture.

Nothing here says that a proposal is false: the vetoes do. How likely each is drawn is its own weight, which prefers
what is hard to tell from the gold caption, times what the `Pools` say of its marks, which keep false elements as
frequent as true ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

from scar import english
from scar.geometry import DIRECTIONS, OPPOSITE, POSITIONS, SUPPORT
from scar.lexicon import Thing, Verb, alike, colours, meant, people, place, places, plain, thing, things, verbs
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


@dataclass(frozen=True, slots=True)
class Proposal:
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
    """Proposals that many regions share; known by identity, so that what is made of it can be kept."""

    proposals: tuple[Proposal, ...]


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


def marks(part: Part, caption: Caption) -> tuple[str, ...]:
    """Those of one element of a caption."""
    statement = Statement.parse(caption.relation)
    if part == "scene":
        return _scene_marks(_joint(caption, statement), caption.scene)
    if part == "relation":
        return _relation_marks(statement) if statement else (caption.relation,)
    return _object_marks(english.bare(caption.object), does=bool(statement and statement.verb))


def scenes(gold: Caption, region: Region, known: Scenes) -> Bag:
    """Other places that take the same preposition and can hold the thing.

    Args:
        gold: what is true of the region.
        region: what the caption is about.
        known: scenes of true captions of the corpus.
    """
    that, statement = thing(region.category), Statement.parse(gold.relation)
    noun = plain(english.bare(gold.object))
    side = place(english.bare(gold.scene)).side
    return _scenes(_joint(gold, statement), side, that.kind, that.places, noun if noun in known.of else "", known)


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


def objects(gold: Caption, picture: Picture, region: Region, known: tuple[str, ...]) -> tuple[list[Proposal], Bag]:
    """Things elsewhere in the picture, and all things of the corpus; what has a colour stays coloured.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the caption is about.
        known: nouns of true captions of the corpus.
    """
    mine, statement = english.bare(gold.object), Statement.parse(gold.relation)
    verb = statement.verb if statement else None
    colour = mine.removesuffix(plain(mine)).strip()
    elsewhere = dict.fromkeys(thing(category).noun for category in picture.groups if category != region.category)
    nouns = dict.fromkeys(elsewhere, _ELSEWHERE)
    nouns |= dict.fromkeys(_others(mine, tuple(elsewhere)), _ELSEWHERE * _OTHER_COLOUR)
    does = verb is not None
    here = [_object(noun, colour, weight, does=does) for noun, weight in nouns.items()]
    return here, _objects(thing(region.category), colour, verb, known)


@lru_cache(maxsize=1 << 12)
def _objects(that: Thing, colour: str, verb: Verb | None, known: tuple[str, ...]) -> Bag:
    """All things, by how likely one meets them where that thing is, and as what does the same."""
    kin = frozenset(co_hyponyms(that.name))
    found = {other.noun: other for other in things().values()} | {noun: thing(noun) for noun in known}
    weights = {
        noun: other.weight
        * (_KIN if other.kind == that.kind or other.name in kin else 1)
        * (1 if not that.places or set(other.places) & set(that.places) else _UNUSUAL)
        * (1 if verb is None or verb.suits(other) else _UNUSUAL)
        for noun, other in found.items()
    }
    total = sum(weights.values())
    does = verb is not None
    return Bag(tuple(_object(noun, colour, weight / total, does=does) for noun, weight in weights.items()))


def _object(noun: str, colour: str, weight: float, *, does: bool) -> Proposal:
    said = f"{colour} {noun}" if colour and plain(noun) == noun else noun
    return Proposal(english.a(said), _object_marks(said, does=does), weight)


def relations(gold: Caption, picture: Picture, region: Region) -> list[Proposal]:
    """Where else the thing could be in the picture or by other things, and what else it could do."""
    mine = Statement.parse(gold.relation)
    if mine is None:
        return []
    found: dict[Statement, float] = dict(_positions())
    joint = mine.joint if mine.joint != FRAMED else _joint_of(picture, region)
    for statement in _beside(picture, region, joint):
        found[statement] = 1.0
    if mine.verb:
        found |= dict.fromkeys(_deeds(mine, mine.verb, region), 1.0)
    form = _form(mine)
    return [
        Proposal(
            statement.text,
            _relation_marks(statement),
            weight
            * (_SAME_FORM if _form(statement) == form else 1)
            * (_OPPOSITE if statement.anchor == mine.anchor and statement.head == OPPOSITE.get(mine.head) else 1),
        )
        for statement, weight in found.items()
        if statement != mine
    ]


@cache
def _positions() -> Mapping[Statement, float]:
    most = max(POSITIONS.values())
    return {Statement(position, "", FRAMED): weight / most for position, weight in POSITIONS.items()}


def _beside(picture: Picture, region: Region, joint: str) -> Iterator[Statement]:
    """Every direction to every other thing, and on whatever bears such a thing."""
    kind = thing(region.category).kind
    heads = (*DIRECTIONS, *(OPPOSITE if picture.relations else ()))
    for other in dict.fromkeys(map(thing, picture.groups)):
        if not alike(other.name, region.category):
            for head in dict.fromkeys(heads):
                yield Statement(head, other.phrase, joint)
    for bearer in _bearers(kind):
        yield Statement(SUPPORT, bearer.phrase, joint)


@cache
def _bearers(kind: str) -> tuple[Thing, ...]:
    return tuple(other for other in things().values() if kind in other.bears)


def _deeds(mine: Statement, verb: Verb, region: Region) -> Iterable[Statement]:
    """The same deed to other things, other deeds to the same thing, and elsewhere by it."""
    subject = thing(region.category)
    anchor = meant(mine.anchor) if mine.anchor else None
    doable = [other for other in verbs().values() if other.suits(subject)]
    if anchor is None:
        return [Statement(other.text, "", mine.joint) for other in doable if not other.takes]
    if verb.takes:
        found = [Statement(other.text, mine.anchor, mine.joint) for other in doable if other.fits(anchor)]
        pool = [other for other in things().values() if verb.fits(other)]
    else:
        found = [Statement(f"{other.text} {mine.spot}", mine.anchor, mine.joint) for other in doable if not other.takes]
        found += [Statement(f"{verb.text} {spot}", mine.anchor, mine.joint) for spot in SPOTS[:5]]
        pool = [other for other in things().values() if other.kind == anchor.kind]
    return [*found, *(Statement(mine.head, other.phrase, mine.joint) for other in pool)]


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
