"""The gold caption of a region, from the annotations of its picture.

The scene is the label of the source or the scene of the captions. The relation is the first of these that the evidence
gives: an action of the captions, an annotated relation, a relation to another thing, a position in the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from scar.evidence.geometry import find_directions, find_positions, is_in_direction, is_next_to, is_within_bearer
from scar.evidence.occlusion import find_depth_relations
from scar.evidence.scene_vote import find_scene
from scar.language import english, wordnet
from scar.language.caption_parser import Action, find_stated_scenes, has_noun, is_about, parse_actions, tokenize_caption
from scar.language.lexicon import Scene, Thing, is_interchangeable, read_person_nouns, resolve_category, without_colour
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    ABOVE,
    IN_A_PICTURE_OF,
    INSIDE,
    LEFT,
    NEXT_TO,
    PREPOSITIONS,
    RIGHT,
    SUPPORT,
    RelationPhrase,
    normalize_predicate,
)
from scar.sample import Box, Caption, Picture, Region

_PERSON_SYNSET = 7846
"""WordNet's synset of persons."""

_MIN_LANDMARK_SHARE = 0.01
"""Least share of the image that a landmark's box covers: a reader must find the landmark."""

_CONSPICUOUS_RATIO = 4
"""Largest ratio of areas at which a smaller thing of a category may still be the one that a reader means."""

_SUBJECT_RATIO = 8
"""Smallest ratio of areas at which a caption about one thing of a category means the largest one."""

_HIGH_KINDS = ("flying", "bird", "street", "fixture")
"""Kinds of things that hang or fly; another thing that is higher in the picture is farther away rather than above."""

_ACTION_CHANCE = 0.8
"""Chance to use an action of the captions if there is one: other relations keep a share."""

_SUPPORT_CHANCE = 0.5
"""Chance to use a relation to the thing's support or container if nothing before it was chosen: it says little."""

_LANDMARK_CHANCE = 0.9
"""Chance to use a relation to any other thing if nothing before it was chosen: positions keep a share."""


def write_gold(picture: Picture, region: Region, rng: Random) -> Caption | None:
    """Write the true caption of a region, from its annotations, its geometry and the captions of the image.

    Args:
        picture: the picture that contains the region.
        region: the region that the caption describes.
        rng: chooses among relations that are equally true.

    Returns:
        None if the evidence gives no scene or no relation.
    """
    found = find_scene(picture, region)
    if found is None:
        return None
    scene, preposition = found
    relation = _choose_relation(picture, region, scene, preposition, rng)
    return Caption(_name_object(picture, region), relation.text, scene.phrase) if relation else None


def _choose_relation(
    picture: Picture, region: Region, scene: Scene, preposition: str, rng: Random
) -> RelationPhrase | None:
    actions = list(_iter_actions(picture, region, scene, preposition))
    if actions and rng.random() < _ACTION_CHANCE:
        return rng.choice(actions)
    annotated = list(dict.fromkeys(_iter_annotated_relations(picture, region, scene, preposition)))
    if annotated:
        return rng.choice(annotated)
    supports = list(_iter_support_relations(picture, region, scene, preposition))
    if supports and rng.random() < _SUPPORT_CHANCE:
        return rng.choice(supports)
    directions = [
        *_iter_direction_relations(picture, region, scene, preposition),
        *_iter_depth_relations(picture, region, scene, preposition),
    ]
    if directions and rng.random() < _LANDMARK_CHANCE:
        return rng.choice(directions)
    positions = [RelationPhrase(position, "", A_PICTURE_OF) for position in find_positions(region.box, picture)]
    return next((rng.choice(choices) for choices in (positions, directions, actions) if choices), None)


def _name_object(picture: Picture, region: Region) -> str:
    """The noun phrase for the region, in the words of the source or of the captions.

    A phrase of the source counts if it is a noun of the category, alone or with a colour. A person without such a
    phrase is a man, a woman or a child if the captions agree and the picture has no other person.
    """
    thing = resolve_category(region.category)
    is_person = thing.name == "person"
    for phrase in region.phrases:
        noun = english.strip_article(phrase.lower())
        is_name = without_colour(noun) in thing.words or (is_person and noun in read_person_nouns())
        if is_name and not english.is_plural(noun):
            return english.with_article(noun)
    if is_person and _is_only(picture, region):
        nouns = Counter(
            noun
            for caption in picture.captions
            for noun, synonyms in read_person_nouns().items()
            if has_noun(caption, synonyms)
        )
        if len(nouns) == 1 and nouns.total() >= 2:
            return english.with_article(next(iter(nouns)))
    return thing.phrase


def _iter_actions(picture: Picture, region: Region, scene: Scene, preposition: str) -> Iterator[RelationPhrase]:
    """Actions that phrases of the region and captions of the image state; none if two of them exclude each other."""
    thing = resolve_category(region.category)
    found = [
        (text, action)
        for text, action in _iter_attributed_actions(picture, region)
        if action.verb.accepts_subject(thing)
    ]
    if any(set(a.verb.states).isdisjoint(b.verb.states) for _, a in found for _, b in found):
        return
    for text, action in found:
        relation = _make_action_relation(action, scene, preposition, is_in_scene=_states_scene(text, scene))
        if relation:
            yield relation


def _iter_attributed_actions(picture: Picture, region: Region) -> Iterator[tuple[str, Action]]:
    """Each action of the region, with the phrase or caption that states it.

    A phrase is about its own region. A caption is about the region if the region is the only one of its category, by
    far the largest one, or one of as many as the caption counts.
    """
    thing, group = resolve_category(region.category), picture.regions_by_category[region.category]
    count = 1 if _is_subject(region, group) else len(group)
    texts = [(phrase, _list_subjects(phrase, thing), 1) for phrase in region.phrases]
    if not any(other.crowd for other in group):
        for caption in picture.captions:
            subjects = _list_subjects(caption, thing)
            if is_about(caption, subjects, count):
                texts.append((caption, subjects, count))
    for number in dict.fromkeys(count for _, _, count in texts):
        landmarks = _index_landmarks(picture, region, number)
        for text, subjects, count in texts:
            if count == number:
                yield from ((text, action) for action in parse_actions(text, subjects, landmarks, count))


def _list_subjects(text: str, thing: Thing) -> tuple[str, ...]:
    """Nouns that a text may use for a thing; for a person, the nouns for persons in the text itself."""
    return thing.words if thing.kind != "person" else _find_person_nouns(text)


def _index_landmarks(picture: Picture, region: Region, count: int) -> dict[str, Thing]:
    """Nouns of things that a caption may use as landmarks: the picture has one, or one for each of several subjects."""
    landmarks: dict[str, Thing] = {}
    for category, several in picture.regions_by_category.items():
        if category == region.category:
            continue
        thing = resolve_category(category)
        if len(several) == 1 and not several[0].crowd:
            landmarks |= dict.fromkeys(thing.words, thing)
        elif len(several) == count:
            landmarks |= dict.fromkeys(map(english.to_plural, thing.words), thing)
    return landmarks


def _states_scene(caption: str, scene: Scene) -> bool:
    return any(stated.name == scene.name for stated in find_stated_scenes(caption))


@lru_cache(maxsize=64)
def _find_person_nouns(caption: str) -> tuple[str, ...]:
    """Nouns for persons in a caption, in the singular."""
    nouns = map(english.to_singular, tokenize_caption(caption))
    return tuple(noun for noun in dict.fromkeys(nouns) if wordnet.is_a(noun, _PERSON_SYNSET))


def _is_subject(region: Region, group: Sequence[Region]) -> bool:
    """Whether a caption about one thing of a category means this region."""
    return all(other.box.area * _SUBJECT_RATIO < region.box.area for other in group if other.id != region.id)


def _make_action_relation(
    action: Action, scene: Scene, preposition: str, *, is_in_scene: bool
) -> RelationPhrase | None:
    """The relation phrase of an action; None if the action says too little or the phrase would be no English."""
    verb, landmark = action.verb, action.landmark
    if landmark and scene.name in landmark.words:
        landmark, is_in_scene = None, True
    if landmark is None:
        if is_in_scene and preposition != IN_A_PICTURE_OF and not verb.landmarks:
            return RelationPhrase(verb.text, "", preposition)
    elif verb.landmarks:
        if verb.accepts_landmark(landmark) and action.preposition in ("", "on"):
            return RelationPhrase(verb.text, landmark.phrase, preposition)
    elif action.preposition in PREPOSITIONS:
        return RelationPhrase(f"{verb.text} {action.preposition}", landmark.phrase, preposition)
    return None


def _iter_annotated_relations(
    picture: Picture, region: Region, scene: Scene, preposition: str
) -> Iterator[RelationPhrase]:
    """Annotated relations of the region for which our captions have a predicate."""
    thing = resolve_category(region.category)
    for annotated, other in picture.relations_by_subject.get(region.id, ()):
        predicate, landmark = normalize_predicate(annotated), resolve_category(other.category)
        if predicate is None or not _is_landmark_for(thing, landmark, scene):
            continue
        relation = RelationPhrase(predicate, landmark.phrase, preposition)
        verb = relation.verb
        if verb is None or (verb.accepts_subject(thing) and (not verb.landmarks or verb.accepts_landmark(landmark))):
            yield relation


def _iter_support_relations(
    picture: Picture, region: Region, scene: Scene, preposition: str
) -> Iterator[RelationPhrase]:
    """Relations of the thing to another thing that it lies on, is worn by or is inside."""
    thing = resolve_category(region.category)
    if scene.side == "top":
        return
    for category, several in picture.regions_by_category.items():
        landmark = resolve_category(category)
        is_supported = thing.kind in landmark.supports_kinds
        predicate = SUPPORT if is_supported else INSIDE if thing.kind in landmark.contains_kinds else ""
        for other in several if predicate else ():
            if is_within_bearer(region.box, other.box) and not other.crowd:
                yield RelationPhrase(predicate, landmark.phrase, preposition)


def _iter_direction_relations(
    picture: Picture, region: Region, scene: Scene, preposition: str
) -> Iterator[RelationPhrase]:
    """Directions from landmarks that differ from the thing and from the scene.

    A category with several conspicuous things is a landmark if the direction is the same from each of them.
    """
    thing = resolve_category(region.category)
    for landmark, boxes in _find_landmarks(picture):
        if not _is_landmark_for(thing, landmark, scene):
            continue
        for direction in find_directions(region.box, boxes[0]):
            is_unique = len(boxes) == 1 or all(is_in_direction(direction, region.box, box) for box in boxes)
            if is_unique and (direction in (LEFT, RIGHT) or _is_upper_high(thing, landmark, direction)):
                yield RelationPhrase(direction, landmark.phrase, preposition)
        if len(boxes) == 1 and is_next_to(region.box, boxes[0]):
            yield RelationPhrase(NEXT_TO, landmark.phrase, preposition)


def _iter_depth_relations(picture: Picture, region: Region, scene: Scene, preposition: str) -> Iterator[RelationPhrase]:
    """Relations of the thing to another thing that it is clearly in front of or behind."""
    thing = resolve_category(region.category)
    for predicate, other in find_depth_relations(picture, region):
        landmark = resolve_category(other.category)
        if _is_landmark_for(thing, landmark, scene):
            yield RelationPhrase(predicate, landmark.phrase, preposition)


def _is_landmark_for(thing: Thing, landmark: Thing, scene: Scene) -> bool:
    """Whether a reader can tell the landmark from the thing and from the scene."""
    return scene.name not in landmark.words and not is_interchangeable(thing.name, landmark.name)


@lru_cache(maxsize=8)
def _find_landmarks(picture: Picture) -> list[tuple[Thing, list[Box]]]:
    """Possible landmarks, each with the boxes of its conspicuous things; without small things and crowds."""
    found = []
    for category, group in picture.regions_by_category.items():
        largest = max(other.box.area for other in group)
        if largest >= _MIN_LANDMARK_SHARE * picture.width * picture.height and not any(other.crowd for other in group):
            boxes = [other.box for other in group if other.box.area * _CONSPICUOUS_RATIO >= largest]
            found.append((resolve_category(category), boxes))
    return found


def _is_only(picture: Picture, region: Region) -> bool:
    """Whether the region is the only one of its category in the picture, and no crowd."""
    return len(picture.regions_by_category[region.category]) == 1 and not region.crowd


def _is_upper_high(thing: Thing, landmark: Thing, direction: str) -> bool:
    """Whether the upper of the two things is of a kind that hangs or flies."""
    upper = thing if direction == ABOVE else landmark
    return upper.kind in _HIGH_KINDS
