"""What may replace an element of a caption, from the tables, the golds of the corpus and the picture.

Nothing here says that a proposal is false: the vetoes do. How likely each is drawn is its own weight, which prefers
what is hard to tell from the gold caption, times what the `SamplingWeights` say of its marks, which keep false
elements as
frequent as true ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Self

import msgspec

from scar.evidence.geometry import DIRECTIONS, INSIDE, NEXT_TO, OPPOSITES, POSITIONS, SUPPORT
from scar.evidence.occlusion import find_depth_relations
from scar.evidence.scene_vote import find_scene
from scar.language import english
from scar.language.lexicon import (
    Thing,
    Verb,
    read_colours,
    read_person_nouns,
    read_scenes,
    read_things,
    read_verbs,
    resolve_category,
    resolve_noun_phrase,
    resolve_scene,
    without_colour,
)
from scar.language.relation_phrase import A_PICTURE_OF, IN_A_PICTURE_OF, PREPOSITIONS, RelationPhrase
from scar.language.wordnet import find_co_hyponyms
from scar.sample import Caption, Part, Picture, Region

if TYPE_CHECKING:
    from scar.generators.rules.sampling import WeightedItems
    from scar.generators.rules.weights import SamplingWeights

_SAME_SIDE_FACTOR = 2
"""How many times likelier a false scene is of the true one's side (indoor, outdoor, top) than of another."""

_UNUSUAL_FACTOR = 0.1
"""How much less likely things are drawn where one does not meet them, or for what they do not do."""

_PSEUDO_COUNT = 5.0
"""So many captions of a thing are taken to be spread as all are, before its own are counted."""

_SAME_KIND_FACTOR = 4
"""How many times likelier a false object is of the true one's kind than of another."""

_IN_PICTURE_FACTOR = 8.0
"""How likely a thing elsewhere in the picture is drawn, against all things that are not."""

_OTHER_COLOUR_FACTOR = 0.3
"""How likely the thing in another colour is drawn, against all things elsewhere."""

_OPPOSITE_FACTOR = 4.0
"""How many times likelier a relation is the opposite of the true one than any other of its form."""

_SAME_FORM_FACTOR = 30.0
"""How many times likelier a relation is of the true one's form than of another."""


_ACTION_FACTOR = 1000.0
"""The same of deeds: they replace nothing else, as nobody knows what else a thing does."""


class Candidate(msgspec.Struct, frozen=True):
    """What may stand in an element's place.

    Attributes:
        value: the element.
        features: by what a reader of captions alone may know it: words, and where they stand.
        weight: how likely it is drawn, before the pools have their say.
    """

    value: str
    features: tuple[str, ...]
    weight: float


class CandidateSet(msgspec.Struct, frozen=True, eq=False):
    """Proposals that many regions share.

    Attributes:
        candidates: of this bag itself.
        subsets: others that are in it.
        weighted_items: what `SamplingWeights` have made of it, by theirs; grows.
    """

    candidates: tuple[Candidate, ...] = ()
    subsets: tuple[CandidateSet, ...] = ()
    weighted_items: dict[SamplingWeights, WeightedItems[str]] = msgspec.field(default_factory=dict)

    @property
    def all_candidates(self) -> tuple[Candidate, ...]:
        """The proposals of it and of all bags in it."""
        return self.candidates + tuple(proposal for bag in self.subsets for proposal in bag.all_candidates)


@dataclass(frozen=True, eq=False)
class CaptionStats:
    """What true captions of a corpus are about, and where; known by identity.

    Attributes:
        nouns: of their objects.
        scene_frequency: share of each scene.
        scenes_by_noun: how many captions each noun has, by scene.
    """

    nouns: tuple[str, ...] = ()
    scene_frequency: Mapping[str, float] = field(default_factory=dict)
    scenes_by_noun: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def from_captions(cls, golds: Sequence[Caption]) -> Self:
        """What some true captions say."""
        nouns = sorted({english.strip_article(gold.object) for gold in golds})
        counts = Counter(gold.scene for gold in golds)
        of: dict[str, Counter[str]] = {}
        for gold in golds:
            of.setdefault(without_colour(english.strip_article(gold.object)), Counter())[gold.scene] += 1
        return cls(tuple(nouns), {scene: count / len(golds) for scene, count in sorted(counts.items())}, of)

    def compute_lift(self, noun: str, scene: str) -> float:
        """How much likelier the scene is where the noun is, as far as the captions tell."""
        if noun not in self.scenes_by_noun or scene not in self.scene_frequency:
            return 1.0
        own = self.scenes_by_noun[noun]
        return (own.get(scene, 0) / self.scene_frequency[scene] + _PSEUDO_COUNT) / (sum(own.values()) + _PSEUDO_COUNT)


class WeightedSet(msgspec.Struct, frozen=True):
    """A bag among others, and how much more all that it holds weighs there."""

    candidate_set: CandidateSet
    weight: float = 1.0


def find_features(part: Part, caption: Caption) -> tuple[str, ...]:
    """Those of one element of a caption."""
    statement = RelationPhrase.parse(caption.relation)
    if part == "scene":
        return _scene_features(_read_scene_preposition(caption, statement), caption.scene)
    if part == "relation":
        return _relation_features(statement) if statement else (caption.relation,)
    return _object_features(english.strip_article(caption.object), bool(statement and statement.verb))


def propose_scenes(gold: Caption, region: Region, stats: CaptionStats) -> list[WeightedSet]:
    """Other places that take the same preposition and can hold the thing.

    Args:
        gold: what is true of the region.
        region: what the caption is about.
        stats: what true captions of the corpus say.
    """
    joint = _read_scene_preposition(gold, RelationPhrase.parse(gold.relation))
    return [WeightedSet(_find_scene_set(joint, gold.scene, gold.object, region.category, stats))]


@lru_cache(maxsize=1 << 16)
def _find_scene_set(joint: str, scene: str, named: str, category: str, stats: CaptionStats) -> CandidateSet:
    """The same of captions that are alike in what counts."""
    that, noun = resolve_category(category), without_colour(english.strip_article(named))
    side = resolve_scene(english.strip_article(scene)).side
    return _make_scene_set(joint, side, that.kind, that.places, noun if noun in stats.scenes_by_noun else "", stats)


@lru_cache(maxsize=1 << 12)
def _make_scene_set(
    joint: str, side: str, kind: str, usual: tuple[str, ...], noun: str, stats: CaptionStats
) -> CandidateSet:
    found = {
        other.phrase: other
        for other in (*read_scenes().values(), *map(resolve_scene, map(english.strip_article, stats.scene_frequency)))
    }
    proposals = []
    for phrase, other in found.items():
        if joint in (IN_A_PICTURE_OF, A_PICTURE_OF) or (joint in other.at and (not other.holds or kind in other.holds)):
            met = not usual or other.side in usual or (other.side == "top" and "indoor" in usual)
            weight = other.weight * (_SAME_SIDE_FACTOR if other.side == side else 1) * (1 if met else _UNUSUAL_FACTOR)
            proposals.append(
                Candidate(phrase, _scene_features(joint, phrase), weight * stats.compute_lift(noun, phrase))
            )
    return CandidateSet(tuple(proposals))


def propose_objects(gold: Caption, picture: Picture, region: Region, stats: CaptionStats) -> list[WeightedSet]:
    """Things elsewhere in the picture, and all things of the corpus; what has a colour stays coloured.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the caption is about.
        stats: what true captions of the corpus say.
    """
    mine, statement = english.strip_article(gold.object), RelationPhrase.parse(gold.relation)
    verb = statement.verb if statement else None
    colour, does = _find_colour(mine), verb is not None
    shares = [
        WeightedSet(_make_picture_set(picture, colour, does), _IN_PICTURE_FACTOR),
        WeightedSet(_find_object_set(region.category, colour, verb, stats)),
    ]
    if colour or mine in read_person_nouns():
        others = tuple(
            _make_one_object_set(noun, colour, does)
            for noun in dict.fromkeys(_iter_other_nouns(mine, _list_nouns(picture)))
        )
        shares.append(WeightedSet(CandidateSet(subsets=others), _IN_PICTURE_FACTOR * _OTHER_COLOUR_FACTOR))
    return shares


@lru_cache(maxsize=1 << 16)
def _find_object_set(category: str, colour: str, verb: Verb | None, stats: CaptionStats) -> CandidateSet:
    """All things, for things of a category."""
    that = resolve_category(category)
    return _make_object_set(that.kind, that.places, _find_sibling_nouns(that, stats), colour, verb, stats)


@lru_cache(maxsize=1 << 16)
def _find_colour(noun: str) -> str:
    """What stands before the noun without its colour; empty if it has none."""
    return noun.removesuffix(without_colour(noun)).strip()


@lru_cache(maxsize=64)
def _make_picture_set(picture: Picture, colour: str, does: bool) -> CandidateSet:
    """What the picture shows."""
    return CandidateSet(subsets=tuple([_make_one_object_set(noun, colour, does) for noun in _list_nouns(picture)]))


@lru_cache(maxsize=8)
def _list_nouns(picture: Picture) -> tuple[str, ...]:
    """Of the things in a picture, each once."""
    return tuple(dict.fromkeys(resolve_category(category).noun for category in picture.regions_by_category))


@lru_cache(maxsize=1 << 12)
def _make_object_set(
    kind: str, usual: tuple[str, ...], kin: frozenset[str], colour: str, verb: Verb | None, stats: CaptionStats
) -> CandidateSet:
    """All things, by how likely one meets them where things of that sort are, and as what does the same."""
    weights = {
        noun: other.weight
        * (_SAME_KIND_FACTOR if other.kind == kind or noun in kin else 1)
        * (1 if not usual or set(other.places) & set(usual) else _UNUSUAL_FACTOR)
        * (1 if verb is None or verb.accepts_subject(other) else _UNUSUAL_FACTOR)
        for noun, other in _index_all_things(stats).items()
    }
    total = sum(weights.values())
    does = verb is not None
    return CandidateSet(tuple(_make_object(noun, colour, weight / total, does) for noun, weight in weights.items()))


@lru_cache(maxsize=16)
def _index_all_things(stats: CaptionStats) -> Mapping[str, Thing]:
    return {other.noun: other for other in read_things().values()} | {
        noun: resolve_category(noun) for noun in stats.nouns
    }


@lru_cache(maxsize=1 << 14)
def _find_sibling_nouns(that: Thing, stats: CaptionStats) -> frozenset[str]:
    """The nouns of things that are of a sort with one, as WordNet has it."""
    kin = frozenset(find_co_hyponyms(that.name))
    return frozenset(noun for noun, other in _index_all_things(stats).items() if other.name in kin)


@lru_cache(maxsize=1 << 14)
def _make_one_object_set(noun: str, colour: str, does: bool) -> CandidateSet:
    return CandidateSet((_make_object(noun, colour, 1.0, does),))


def _make_object(noun: str, colour: str, weight: float, does: bool) -> Candidate:
    said = f"{colour} {noun}" if colour and without_colour(noun) == noun else noun
    return Candidate(english.with_article(said), _object_features(said, does), weight)


def propose_relations(gold: Caption, picture: Picture, region: Region) -> list[WeightedSet]:
    """Where else the thing could be in the picture or by other things, and what else it could do."""
    mine, that = RelationPhrase.parse(gold.relation), resolve_category(region.category)
    if mine is None:
        return []
    joint = (
        mine.scene_preposition if mine.scene_preposition != A_PICTURE_OF else _find_scene_preposition(picture, region)
    )
    form = _classify_relation(mine)
    near = _SAME_FORM_FACTOR if form == "direction" else 1
    shares = [
        WeightedSet(_make_position_set(), _SAME_FORM_FACTOR if form == "position" else 1),
        WeightedSet(_make_directions_set(picture, joint), near),
        WeightedSet(_make_support_set(that.kind, joint), near),
    ]
    for head, other in find_depth_relations(picture, region):
        behind = RelationPhrase(OPPOSITES[head], resolve_category(other.category).phrase, joint)
        shares.append(WeightedSet(_make_one_relation_set(behind), near))
    if mine.predicate in OPPOSITES:
        shares.append(
            WeightedSet(
                _make_one_relation_set(
                    RelationPhrase(OPPOSITES[mine.predicate], mine.landmark, mine.scene_preposition)
                ),
                near * _OPPOSITE_FACTOR,
            )
        )
    if mine.verb:
        shares.append(WeightedSet(_make_action_set(mine, mine.verb, that), _ACTION_FACTOR))
    return shares


@cache
def _make_position_set() -> CandidateSet:
    most = max(POSITIONS.values())
    return CandidateSet(
        tuple(
            _make_relation(RelationPhrase(head, "", A_PICTURE_OF), weight / most) for head, weight in POSITIONS.items()
        )
    )


@lru_cache(maxsize=64)
def _make_directions_set(picture: Picture, joint: str) -> CandidateSet:
    """Every direction to everything in the picture."""
    annotated = bool(picture.relations)
    return CandidateSet(
        subsets=tuple(
            [_make_direction_set(english.with_article(noun), joint, annotated) for noun in _list_nouns(picture)]
        )
    )


@lru_cache(maxsize=1 << 14)
def _make_direction_set(landmark: str, joint: str, annotated: bool) -> CandidateSet:
    """Every direction to a thing; those that boxes do not tell only where a source may."""
    heads = OPPOSITES if annotated else DIRECTIONS
    return CandidateSet(tuple(_make_relation(RelationPhrase(head, landmark, joint)) for head in (*heads, NEXT_TO)))


@cache
def _make_support_set(kind: str, joint: str) -> CandidateSet:
    """On whatever bears such a thing, and inside what holds it."""
    on = [RelationPhrase(SUPPORT, other.phrase, joint) for other in read_things().values() if kind in other.bears]
    inside = [RelationPhrase(INSIDE, other.phrase, joint) for other in read_things().values() if kind in other.contains]
    return CandidateSet(tuple(map(_make_relation, on + inside)))


@lru_cache(maxsize=1 << 14)
def _make_one_relation_set(statement: RelationPhrase) -> CandidateSet:
    return CandidateSet((_make_relation(statement),))


def _make_relation(statement: RelationPhrase, weight: float = 1.0) -> Candidate:
    return Candidate(statement.text, _relation_features(statement), weight)


@lru_cache(maxsize=1 << 12)
def _make_action_set(mine: RelationPhrase, verb: Verb, subject: Thing) -> CandidateSet:
    """The same deed to other things, other deeds to the same thing, and elsewhere by it."""
    anchor = resolve_noun_phrase(mine.landmark) if mine.landmark else None
    doable = [other for other in read_verbs().values() if other.accepts_subject(subject)]
    if anchor is None:
        found = [RelationPhrase(other.text, "", mine.scene_preposition) for other in doable if not other.takes]
        pool = []
    elif verb.takes:
        found = [
            RelationPhrase(other.text, mine.landmark, mine.scene_preposition)
            for other in doable
            if other.accepts_landmark(anchor)
        ]
        pool = [other for other in read_things().values() if verb.accepts_landmark(other)]
    else:
        found = [
            RelationPhrase(f"{other.text} {mine.preposition}", mine.landmark, mine.scene_preposition)
            for other in doable
            if not other.takes
        ]
        found += [
            RelationPhrase(f"{verb.text} {spot}", mine.landmark, mine.scene_preposition) for spot in PREPOSITIONS[:5]
        ]
        pool = [other for other in read_things().values() if other.kind == anchor.kind]
    found += [RelationPhrase(mine.predicate, other.phrase, mine.scene_preposition) for other in pool]
    return CandidateSet(tuple(_make_relation(statement) for statement in dict.fromkeys(found) if statement != mine))


def _find_scene_preposition(picture: Picture, region: Region) -> str:
    """What joins a relation of the region to the scene; a position is joined otherwise."""
    where = find_scene(picture, region)
    return where[1] if where else IN_A_PICTURE_OF


def _read_scene_preposition(caption: Caption, statement: RelationPhrase | None) -> str:
    return statement.scene_preposition if statement else caption.relation.rpartition(" ")[2]


def _classify_relation(statement: RelationPhrase) -> str:
    """What sort of relation it is."""
    if statement.verb:
        return "deed"
    return "position" if statement.predicate in POSITIONS else "direction"


def _scene_features(joint: str, phrase: str) -> tuple[str, ...]:
    return (f"scene {joint} {phrase}",)


def _object_features(noun: str, does: bool) -> tuple[str, ...]:
    return f"object {'does ' if does else ''}{without_colour(noun)}", f"colour {_find_colour(noun)}"


def _relation_features(statement: RelationPhrase) -> tuple[str, ...]:
    return (
        f"head {statement.predicate}",
        f"anchor {_classify_relation(statement)} {statement.landmark}",
        f"joint {statement.scene_preposition}",
    )


def _iter_other_nouns(noun: str, elsewhere: Sequence[str]) -> Iterator[str]:
    """Whom a person may not be; for a coloured thing, its head in the colours of others and theirs in its colour."""
    if noun in read_person_nouns():
        yield from read_person_nouns()
        return
    head = without_colour(noun)
    colour = noun.removesuffix(head)
    if not colour:
        return
    coloured = [other for other in elsewhere if without_colour(other) != other]
    for other in coloured:
        yield f"{other.removesuffix(without_colour(other))}{head}"
        yield f"{colour}{without_colour(other)}"
    if not coloured:
        yield from (f"{other} {head}" for other in read_colours())
