"""Candidates for each element of a caption, from the word tables, the true captions of the corpus and the picture.

Vetoes decide later whether a candidate is false. A candidate has a higher weight if it is hard to tell from the true
element; `weigh_candidates` multiplies the weight by the weights of the candidate's features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from scar.evidence.occlusion import find_depth_relations
from scar.evidence.scene_vote import find_scene
from scar.generators.rules.records import Candidate, CandidateSet, CaptionStats, WeightedSets
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
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    DIRECTIONS,
    IN_A_PICTURE_OF,
    INSIDE,
    NEXT_TO,
    OPPOSITES,
    POSITIONS,
    PREPOSITIONS,
    SUPPORT,
    RelationPhrase,
)
from scar.language.wordnet import find_co_hyponyms
from scar.sample import Caption, Part, Picture, Region

_SAME_SIDE_FACTOR = 2
"""Factor for a scene of the same side (indoor, outdoor, top) as the true scene: it is harder to tell from it."""

_UNUSUAL_FACTOR = 0.1
"""Factor for a thing in an unusual scene or with an unusual action: world knowledge alone would exclude it."""

_SAME_KIND_FACTOR = 4
"""Factor for an object of the same kind as the true object: it is harder to tell from it."""

_IN_PICTURE_FACTOR = 8.0
"""Weight of each thing of the picture, relative to all other things together: only the region excludes it."""

_OTHER_COLOUR_FACTOR = 0.3
"""Factor for another person or another colour, relative to a thing of the picture: it is the most similar object."""

_OPPOSITE_FACTOR = 4.0
"""Factor for the opposite of the true relation, relative to others of its form: only the picture excludes it."""

_SAME_FORM_FACTOR = 30.0
"""Factor for a direction in place of a direction, or a position in place of a position: another form gives it away."""

_ACTION_FACTOR = 1000.0
"""Factor for an action in place of an action: only there are actions proposed, as nothing else excludes an action."""


def find_features(part: Part, caption: Caption) -> tuple[str, ...]:
    """The features of one part of a caption: what a text-only model can learn about it."""
    relation = RelationPhrase.parse(caption.relation)
    if part == "scene":
        return _scene_features(_read_scene_preposition(caption, relation), caption.scene)
    if part == "relation":
        return _relation_features(relation) if relation else (caption.relation,)
    return _object_features(english.strip_article(caption.object), bool(relation and relation.verb))


def propose_scenes(gold: Caption, region: Region, stats: CaptionStats) -> WeightedSets:
    """Propose scenes that take the scene preposition of the gold caption and can hold the thing.

    Args:
        gold: true caption of the region.
        region: the region that the captions describe.
        stats: statistics of the true captions of the corpus.
    """
    preposition = _read_scene_preposition(gold, RelationPhrase.parse(gold.relation))
    return [(_find_scene_set(preposition, gold.scene, gold.object, region.category, stats), 1.0)]


@lru_cache(maxsize=1 << 16)
def _find_scene_set(preposition: str, scene: str, phrase: str, category: str, stats: CaptionStats) -> CandidateSet:
    """The candidate scenes of a caption; captions with the same side, kind and noun share one set."""
    thing, noun = resolve_category(category), without_colour(english.strip_article(phrase))
    side = resolve_scene(english.strip_article(scene)).side
    known_noun = noun if noun in stats.scenes_by_noun else ""
    return _make_scene_set(preposition, side, thing.kind, thing.found_in, known_noun, stats)


@lru_cache(maxsize=1 << 12)
def _make_scene_set(
    preposition: str, side: str, kind: str, found_in: tuple[str, ...], noun: str, stats: CaptionStats
) -> CandidateSet:
    corpus_scenes = map(resolve_scene, map(english.strip_article, stats.scene_frequency))
    scenes = {scene.phrase: scene for scene in (*read_scenes().values(), *corpus_scenes)}
    candidates = []
    for phrase, scene in scenes.items():
        can_hold = preposition in scene.prepositions and (not scene.holds_kinds or kind in scene.holds_kinds)
        if preposition in (IN_A_PICTURE_OF, A_PICTURE_OF) or can_hold:
            is_usual = not found_in or scene.side in found_in or (scene.side == "top" and "indoor" in found_in)
            side_factor = _SAME_SIDE_FACTOR if scene.side == side else 1
            weight = scene.weight * side_factor * (1 if is_usual else _UNUSUAL_FACTOR)
            weight *= stats.compute_lift(noun, phrase)
            candidates.append(Candidate(phrase, _scene_features(preposition, phrase), weight))
    return CandidateSet(tuple(candidates))


def propose_objects(gold: Caption, picture: Picture, region: Region, stats: CaptionStats) -> WeightedSets:
    """Propose things of the picture, and all other things; an object with a colour gets candidates with a colour.

    Args:
        gold: true caption of the region.
        picture: the picture that contains the region.
        region: the region that the captions describe.
        stats: statistics of the true captions of the corpus.
    """
    gold_noun, relation = english.strip_article(gold.object), RelationPhrase.parse(gold.relation)
    verb = relation.verb if relation else None
    colour, is_acting = _find_colour(gold_noun), verb is not None
    sets = [
        (_make_picture_set(picture, colour, is_acting), _IN_PICTURE_FACTOR),
        (_find_object_set(region.category, colour, verb, stats), 1.0),
    ]
    if colour or gold_noun in read_person_nouns():
        nouns = dict.fromkeys(_iter_similar_nouns(gold_noun, _list_nouns(picture)))
        similar = tuple(_make_one_object_set(noun, colour, is_acting) for noun in nouns)
        sets.append((CandidateSet(subsets=similar), _IN_PICTURE_FACTOR * _OTHER_COLOUR_FACTOR))
    return sets


@lru_cache(maxsize=1 << 16)
def _find_object_set(category: str, colour: str, verb: Verb | None, stats: CaptionStats) -> CandidateSet:
    """All things as candidates for a category; categories with the same kind, sides and siblings share one set."""
    thing = resolve_category(category)
    return _make_object_set(thing.kind, thing.found_in, _find_sibling_nouns(thing, stats), colour, verb, stats)


@lru_cache(maxsize=1 << 16)
def _find_colour(noun: str) -> str:
    """The colour before a noun; empty if there is none."""
    return noun.removesuffix(without_colour(noun)).strip()


@lru_cache(maxsize=64)
def _make_picture_set(picture: Picture, colour: str, is_acting: bool) -> CandidateSet:
    """The things of the picture as candidates for the object."""
    return CandidateSet(subsets=tuple([_make_one_object_set(noun, colour, is_acting) for noun in _list_nouns(picture)]))


@lru_cache(maxsize=8)
def _list_nouns(picture: Picture) -> tuple[str, ...]:
    """Nouns of the things in a picture, each once."""
    return tuple(dict.fromkeys(resolve_category(category).noun for category in picture.regions_by_category))


@lru_cache(maxsize=1 << 12)
def _make_object_set(
    kind: str,
    found_in: tuple[str, ...],
    siblings: frozenset[str],
    colour: str,
    verb: Verb | None,
    stats: CaptionStats,
) -> CandidateSet:
    """All things as candidates; things of the same kind or side, and things that can do the same, weigh more."""
    weights = {
        noun: thing.weight
        * (_SAME_KIND_FACTOR if thing.kind == kind or noun in siblings else 1)
        * (1 if not found_in or set(thing.found_in) & set(found_in) else _UNUSUAL_FACTOR)
        * (1 if verb is None or verb.accepts_subject(thing) else _UNUSUAL_FACTOR)
        for noun, thing in _index_all_things(stats).items()
    }
    total = sum(weights.values())
    is_acting = verb is not None
    return CandidateSet(
        tuple(_make_object(noun, colour, weight / total, is_acting) for noun, weight in weights.items())
    )


@lru_cache(maxsize=16)
def _index_all_things(stats: CaptionStats) -> Mapping[str, Thing]:
    """Noun -> thing, for the things of things.toml and the objects of the corpus."""
    listed = {thing.noun: thing for thing in read_things().values()}
    return listed | {noun: resolve_category(noun) for noun in stats.nouns}


@lru_cache(maxsize=1 << 14)
def _find_sibling_nouns(thing: Thing, stats: CaptionStats) -> frozenset[str]:
    """Nouns of the thing's co-hyponyms in WordNet."""
    siblings = frozenset(find_co_hyponyms(thing.name))
    return frozenset(noun for noun, other in _index_all_things(stats).items() if other.name in siblings)


@lru_cache(maxsize=1 << 14)
def _make_one_object_set(noun: str, colour: str, is_acting: bool) -> CandidateSet:
    return CandidateSet((_make_object(noun, colour, 1.0, is_acting),))


def _make_object(noun: str, colour: str, weight: float, is_acting: bool) -> Candidate:
    coloured = f"{colour} {noun}" if colour and without_colour(noun) == noun else noun
    return Candidate(english.with_article(coloured), _object_features(coloured, is_acting), weight)


def propose_relations(gold: Caption, picture: Picture, region: Region) -> WeightedSets:
    """Propose other positions, other relations to things in the picture, and other actions.

    Args:
        gold: true caption of the region.
        picture: the picture that contains the region.
        region: the region that the captions describe.
    """
    relation, thing = RelationPhrase.parse(gold.relation), resolve_category(region.category)
    if relation is None:
        return []
    preposition = relation.scene_preposition
    if preposition == A_PICTURE_OF:
        preposition = _find_scene_preposition(picture, region)
    form = _classify_relation(relation)
    direction_factor = _SAME_FORM_FACTOR if form == "direction" else 1.0
    sets = [
        (_make_position_set(), _SAME_FORM_FACTOR if form == "position" else 1.0),
        (_make_directions_set(picture, preposition), direction_factor),
        (_make_support_set(thing.kind, preposition), direction_factor),
    ]
    for predicate, other in find_depth_relations(picture, region):
        reverse = RelationPhrase(OPPOSITES[predicate], resolve_category(other.category).phrase, preposition)
        sets.append((_make_one_relation_set(reverse), direction_factor))
    if relation.predicate in OPPOSITES:
        opposite = RelationPhrase(OPPOSITES[relation.predicate], relation.landmark, relation.scene_preposition)
        sets.append((_make_one_relation_set(opposite), direction_factor * _OPPOSITE_FACTOR))
    if relation.verb:
        sets.append((_make_action_set(relation, relation.verb, thing), _ACTION_FACTOR))
    return sets


@cache
def _make_position_set() -> CandidateSet:
    most = max(POSITIONS.values())
    relations = ((RelationPhrase(predicate, "", A_PICTURE_OF), weight) for predicate, weight in POSITIONS.items())
    return CandidateSet(tuple(_make_relation(relation, weight / most) for relation, weight in relations))


@lru_cache(maxsize=64)
def _make_directions_set(picture: Picture, preposition: str) -> CandidateSet:
    """Relations in every direction from every thing of the picture."""
    has_depth = bool(picture.relations)
    landmarks = map(english.with_article, _list_nouns(picture))
    return CandidateSet(subsets=tuple([_make_direction_set(each, preposition, has_depth) for each in landmarks]))


@lru_cache(maxsize=1 << 14)
def _make_direction_set(landmark: str, preposition: str, has_depth: bool) -> CandidateSet:
    """Relations in every direction from one landmark; in front of and behind it too, if ``has_depth``."""
    predicates = (*(OPPOSITES if has_depth else DIRECTIONS), NEXT_TO)
    return CandidateSet(tuple(_make_relation(RelationPhrase(each, landmark, preposition)) for each in predicates))


@cache
def _make_support_set(kind: str, preposition: str) -> CandidateSet:
    """Relations "on" every thing that supports this kind of thing, and "inside" every thing that contains it."""
    things = read_things().values()
    on = [RelationPhrase(SUPPORT, other.phrase, preposition) for other in things if kind in other.supports_kinds]
    inside = [RelationPhrase(INSIDE, other.phrase, preposition) for other in things if kind in other.contains_kinds]
    return CandidateSet(tuple(map(_make_relation, on + inside)))


@lru_cache(maxsize=1 << 14)
def _make_one_relation_set(relation: RelationPhrase) -> CandidateSet:
    return CandidateSet((_make_relation(relation),))


def _make_relation(relation: RelationPhrase, weight: float = 1.0) -> Candidate:
    return Candidate(relation.text, _relation_features(relation), weight)


@lru_cache(maxsize=1 << 12)
def _make_action_set(gold: RelationPhrase, verb: Verb, subject: Thing) -> CandidateSet:
    """The same action with other landmarks, other actions with the same landmark, and the verb's other prepositions."""
    landmark = resolve_noun_phrase(gold.landmark) if gold.landmark else None
    verbs = [other for other in read_verbs().values() if other.accepts_subject(subject)]
    things = read_things().values()
    landmarks: list[Thing] = []
    if landmark is None:
        phrases = [(other.text, "") for other in verbs if not other.landmarks]
    elif verb.landmarks:
        phrases = [(other.text, gold.landmark) for other in verbs if other.accepts_landmark(landmark)]
        landmarks = [other for other in things if verb.accepts_landmark(other)]
    else:
        phrases = [(f"{other.text} {gold.preposition}", gold.landmark) for other in verbs if not other.landmarks]
        phrases += [(f"{verb.text} {preposition}", gold.landmark) for preposition in PREPOSITIONS[:5]]
        landmarks = [other for other in things if other.kind == landmark.kind]
    phrases += [(gold.predicate, other.phrase) for other in landmarks]
    relations = dict.fromkeys(RelationPhrase(*phrase, gold.scene_preposition) for phrase in phrases)
    return CandidateSet(tuple(_make_relation(relation) for relation in relations if relation != gold))


def _find_scene_preposition(picture: Picture, region: Region) -> str:
    """The preposition that puts a region into its scene, for relations that replace a position."""
    scene = find_scene(picture, region)
    return scene[1] if scene else IN_A_PICTURE_OF


def _read_scene_preposition(caption: Caption, relation: RelationPhrase | None) -> str:
    return relation.scene_preposition if relation else caption.relation.rpartition(" ")[2]


def _classify_relation(relation: RelationPhrase) -> str:
    """The form of a relation: action, position or direction."""
    if relation.verb:
        return "action"
    return "position" if relation.predicate in POSITIONS else "direction"


def _scene_features(preposition: str, phrase: str) -> tuple[str, ...]:
    return (f"scene {preposition} {phrase}",)


def _object_features(noun: str, is_acting: bool) -> tuple[str, ...]:
    return f"object {'acting ' if is_acting else ''}{without_colour(noun)}", f"colour {_find_colour(noun)}"


def _relation_features(relation: RelationPhrase) -> tuple[str, ...]:
    return (
        f"predicate {relation.predicate}",
        f"landmark {_classify_relation(relation)} {relation.landmark}",
        f"scene_preposition {relation.scene_preposition}",
    )


def _iter_similar_nouns(noun: str, picture_nouns: Sequence[str]) -> Iterator[str]:
    """For a person, all nouns for persons; for a thing with a colour, nouns with their colours exchanged."""
    if noun in read_person_nouns():
        yield from read_person_nouns()
        return
    head = without_colour(noun)
    colour = noun.removesuffix(head)
    if not colour:
        return
    coloured = [other for other in picture_nouns if without_colour(other) != other]
    for other in coloured:
        yield f"{other.removesuffix(without_colour(other))}{head}"
        yield f"{colour}{without_colour(other)}"
    if not coloured:
        yield from (f"{other} {head}" for other in read_colours())
