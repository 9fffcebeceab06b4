"""Proposals for negatives, best first, from the tables and the picture; vetoes decide which are false.

What replaces an element is drawn as true elements are: scenes by how often captions name them, relations from the
forms that true ones have, objects from the categories. So no word is a sign of a false caption by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain
from random import Random

from scar import english
from scar.geometry import DIRECTIONS, OPPOSITE, POSITIONS, SUPPORT
from scar.lexicon import Place, Thing, Verb, alike, colours, meant, people, place, places, plain, thing, things, verbs
from scar.negatives.lots import Lots
from scar.sample import Caption, Picture, Region
from scar.statement import FRAMED, SHOWN, SPOTS, Statement
from scar.wordnet import co_hyponyms

_SAME_SIDE = 2
"""How many times likelier a false scene is of the true one's side (indoor, outdoor, top) than of another."""

_UNUSUAL = 0.1
"""How much less likely things are drawn where one does not meet them, or for what they do not do."""

_KIN = 4
"""How many times likelier a false object is of the true one's kind than of another."""


def swap_scene(gold: Caption, picture: Picture, region: Region, rng: Random) -> Iterator[Caption]:
    """Yield the caption in other places that take the same preposition and can hold the thing."""
    statement = Statement.parse(gold.relation)
    joint = statement.joint if statement else gold.relation.rpartition(" ")[2]
    that = thing(region.category)
    for other in _scenes(joint, place(english.bare(gold.scene)).side, that.kind, that.places).drawn(rng):
        yield gold.swap("scene", other.phrase)


@lru_cache(maxsize=1 << 12)
def _scenes(joint: str, side: str, kind: str, usual: tuple[str, ...]) -> Lots[Place]:
    """Places that take a preposition and can hold a kind of things, by how usual it is there."""
    fitting = [
        other
        for other in places().values()
        if joint in (SHOWN, FRAMED) or (joint in other.at and (not other.holds or kind in other.holds))
    ]
    weights = [
        other.weight
        * (_SAME_SIDE if other.side == side else 1)
        * (1 if not usual or other.side in usual or (other.side == "top" and "indoor" in usual) else _UNUSUAL)
        for other in fitting
    ]
    return Lots(fitting, weights)


def swap_object(gold: Caption, picture: Picture, region: Region, rng: Random) -> Iterator[Caption]:
    """Yield the caption of other things: first those elsewhere in the picture, then those of its kind or places.

    What has a colour stays coloured.
    """
    that, mine, statement = thing(region.category), english.bare(gold.object), Statement.parse(gold.relation)
    colour = mine.removesuffix(plain(mine)).strip()
    elsewhere = list(dict.fromkeys(thing(category) for category in picture.groups if category != region.category))
    nouns = [other.noun for other in rng.sample(elsewhere, k=len(elsewhere))]
    others = _others(mine, nouns, rng)
    pool = (other.noun for other in _objects(that, statement.verb if statement else None).drawn(rng))
    for noun in chain(nouns, others, (noun for noun in pool if noun not in nouns)):
        yield gold.swap("object", english.a(f"{colour} {noun}" if colour and plain(noun) == noun else noun))


@lru_cache(maxsize=1 << 12)
def _objects(that: Thing, verb: Verb | None) -> Lots[Thing]:
    """All things, by how likely one meets them where that thing is, and as what does the same."""
    kin = frozenset(co_hyponyms(that.name))
    weights = [
        other.weight
        * (_KIN if other.kind == that.kind or other.name in kin else 1)
        * (1 if not that.places or set(other.places) & set(that.places) else _UNUSUAL)
        * (1 if verb is None or verb.suits(other) else _UNUSUAL)
        for other in things().values()
    ]
    return Lots(list(things().values()), weights)


def swap_relation(gold: Caption, picture: Picture, region: Region, rng: Random) -> Iterator[Caption]:
    """Yield the caption with other relations to the same thing, the same relation to others, and other positions."""
    mine = Statement.parse(gold.relation)
    if mine is None:
        return
    proposals: Iterable[Statement]
    if mine.verb:
        proposals = _deeds(mine, mine.verb, region, rng)
    elif mine.head == SUPPORT:
        proposals = _supports(mine, picture, region, rng)
    elif mine.head in OPPOSITE:
        proposals = _directions(mine, picture, region, rng)
    else:
        proposals = []
    at = (Statement(position, "", FRAMED) for position in _positions().drawn(rng))
    for proposal in chain(proposals, at):
        yield gold.swap("relation", proposal.text)


@cache
def _positions() -> Lots[str]:
    return Lots(list(POSITIONS), list(POSITIONS.values()))


def _others(noun: str, elsewhere: Sequence[str], rng: Random) -> list[str]:
    """Whom a person may not be; for a coloured thing, its head in the colours of others and theirs in its colour."""
    if noun in people():
        return rng.sample(list(people()), k=len(people()))
    head = plain(noun)
    colour = noun.removesuffix(head)
    if not colour:
        return []
    coloured = [other for other in elsewhere if plain(other) != other]
    mixed = [f"{other.removesuffix(plain(other))}{head}" for other in coloured]
    mixed += [f"{colour}{plain(other)}" for other in coloured]
    mixed += [f"{other} {head}" for other in rng.sample(colours(), k=3)] if not coloured else []
    distinct = list(dict.fromkeys(mixed))
    return rng.sample(distinct, k=len(distinct))


def _directions(mine: Statement, picture: Picture, region: Region, rng: Random) -> Iterator[Statement]:
    """The opposite first; then both directions of its axis to any other thing, then the other axis."""
    others = dict.fromkeys(thing(category) for category in picture.groups if not alike(category, region.category))
    anchors, kind = [other.phrase for other in others], thing(region.category).kind
    axis = (mine.head, OPPOSITE[mine.head])
    along = [(head, anchor) for head in axis for anchor in anchors if anchor != mine.anchor]
    along += [(SUPPORT, other.phrase) for other in others if kind in other.bears]
    across = [(head, anchor) for head in DIRECTIONS if head not in axis for anchor in anchors]
    yield Statement(OPPOSITE[mine.head], mine.anchor, mine.joint)
    for head, anchor in chain(Lots(along).drawn(rng), Lots(across).drawn(rng)):
        yield Statement(head, anchor, mine.joint)


def _supports(mine: Statement, picture: Picture, region: Region, rng: Random) -> list[Statement]:
    """Other things that bear something; then directions to other things."""
    bearers = [other for other in things().values() if other.bears]
    landmarks = dict.fromkeys(map(thing, picture.groups))
    beside = [Statement(head, other.phrase, mine.joint) for head in DIRECTIONS[:2] for other in landmarks]
    on = [Statement(SUPPORT, other.phrase, mine.joint) for other in bearers]
    mixed = [*on, *rng.sample(beside, k=min(len(beside), len(on)))]
    return rng.sample(mixed, k=len(mixed))


def _deeds(mine: Statement, verb: Verb, region: Region, rng: Random) -> list[Statement]:
    """The same deed to other things, other deeds to the same thing, and elsewhere by it; in turns."""
    subject = thing(region.category)
    anchor = meant(mine.anchor) if mine.anchor else None
    doable = [other for other in verbs().values() if other.suits(subject)]
    if anchor is None:
        return [Statement(other.text, "", mine.joint) for other in rng.sample(doable, k=len(doable)) if not other.takes]
    if verb.takes:
        other_deeds = [Statement(other.text, mine.anchor, mine.joint) for other in doable if other.fits(anchor)]
        pool = [other for other in things().values() if verb.fits(other)]
    else:
        other_deeds = [
            Statement(f"{other.text} {mine.spot}", mine.anchor, mine.joint) for other in doable if not other.takes
        ]
        other_deeds += [Statement(f"{verb.text} {spot}", mine.anchor, mine.joint) for spot in SPOTS[:5]]
        pool = [other for other in things().values() if other.kind == anchor.kind]
    to_others = [Statement(mine.head, other.phrase, mine.joint) for other in pool]
    first, second = rng.sample(other_deeds, k=len(other_deeds)), rng.sample(to_others, k=len(to_others))
    longest = max(len(first), len(second))
    return [turn[i] for i in range(longest) for turn in (first, second) if i < len(turn)]
