"""The caption that is true of a region, from what its source knows of the picture.

The scene is the source's label or the place that the captions name. The relation is, in this order of worth, what a
caption says that the thing does, an annotated relation, where it stands to another thing, where it is in the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from scar.evidence.geometry import (
    INSIDE,
    LEFT,
    NEXT_TO,
    RIGHT,
    SUPPORT,
    find_directions,
    find_positions,
    is_in_direction,
    is_next_to,
    is_within_bearer,
)
from scar.evidence.occlusion import find_depth_relations
from scar.evidence.scene_vote import find_scene
from scar.language import english, wordnet
from scar.language.caption_parser import Action, find_stated_scenes, has_noun, is_about, parse_actions, tokenize_caption
from scar.language.lexicon import Scene, Thing, is_interchangeable, read_person_nouns, resolve_category, without_colour
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    IN_A_PICTURE_OF,
    PREPOSITIONS,
    RelationPhrase,
    normalize_predicate,
)
from scar.sample import Box, Caption, Picture, Region

PERSON_SYNSET = 7846
"""WordNet's synset of persons."""

_MIN_LANDMARK_SHARE = 0.01
"""Smallest share of the image that a thing covers to which others are related: readers must find it."""

_CONSPICUOUS_RATIO = 4
"""Of several things of a category, a reader may mean those not smaller than the largest by this factor."""

_SUBJECT_RATIO = 8
"""Of several things of a category, a caption about one means the one that is larger than all others by this factor."""

_HIGH_KINDS = ("flying", "bird", "street", "fixture")
"""Kinds of things that hang or fly; of others, what is higher in a picture is rather behind than above."""

_ACTION_CHANCE = 0.8
_LANDMARK_CHANCE = 0.9
_SUPPORT_CHANCE = 0.5


def write_gold(picture: Picture, region: Region, rng: Random) -> Caption | None:
    """The caption that is true of the region: what is known from its annotations, geometry and the image's captions.

    Args:
        picture: where the region is.
        region: what the caption is about.
        rng: chooses among relations that are true alike.

    Returns:
        None when no honest caption can be given: nothing tells where the picture was taken, or how the thing stands.
    """
    where = find_scene(picture, region)
    if where is None:
        return None
    place, joint = where
    relation = _choose_relation(picture, region, place, joint, rng)
    return Caption(_name_object(picture, region), relation.text, place.phrase) if relation else None


def _choose_relation(picture: Picture, region: Region, place: Scene, joint: str, rng: Random) -> RelationPhrase | None:
    done = list(_iter_actions(picture, region, place, joint))
    if done and rng.random() < _ACTION_CHANCE:
        return rng.choice(done)
    annotated = list(dict.fromkeys(_iter_annotated_relations(picture, region, place, joint)))
    if annotated:
        return rng.choice(annotated)
    borne = list(_iter_support_relations(picture, region, place, joint))
    if borne and rng.random() < _SUPPORT_CHANCE:
        return rng.choice(borne)
    beside = [
        *_iter_direction_relations(picture, region, place, joint),
        *_iter_depth_relations(picture, region, place, joint),
    ]
    if beside and rng.random() < _LANDMARK_CHANCE:
        return rng.choice(beside)
    at = [RelationPhrase(position, "", A_PICTURE_OF) for position in find_positions(region.box, picture)]
    return next((rng.choice(choices) for choices in (at, beside, done) if choices), None)


def _name_object(picture: Picture, region: Region) -> str:
    """The thing as its source or the captions name it.

    A phrase of the source counts if it is the category's noun, or a kind of it, with a colour or alone. A person of
    whom there is no phrase is a man, a woman or a child if the captions agree and mean nobody else.
    """
    that = resolve_category(region.category)
    for phrase in region.phrases:
        noun = english.strip_article(phrase.lower())
        if not english.is_plural(noun) and (
            without_colour(noun) in that.words or (that.name == "person" and noun in read_person_nouns())
        ):
            return english.with_article(noun)
    if that.name == "person" and _is_only(picture, region):
        called = Counter(
            word
            for caption in picture.captions
            for word, said in read_person_nouns().items()
            if has_noun(caption, said)
        )
        if len(called) == 1 and called.total() >= 2:
            return english.with_article(next(iter(called)))
    return that.phrase


def _iter_actions(picture: Picture, region: Region, place: Scene, joint: str) -> Iterator[RelationPhrase]:
    """What phrases of the region and captions of the image say that it does, unless they contradict each other."""
    that = resolve_category(region.category)
    found = [
        (said, deed) for said, deed in _iter_attributed_actions(picture, region) if deed.verb.accepts_subject(that)
    ]
    if any(set(a.verb.states).isdisjoint(b.verb.states) for _, a in found for _, b in found):
        return
    for said, deed in found:
        statement = _make_action_relation(deed, place, joint, in_place=_states_scene(said, place))
        if statement:
            yield statement


def _iter_attributed_actions(picture: Picture, region: Region) -> Iterator[tuple[str, Action]]:
    """What the thing does, and who says so.

    A phrase is about this very thing. A caption is about it if the thing is the only one of its kind, by far the
    largest one, or one of as many as the caption counts.
    """
    that, group = resolve_category(region.category), picture.regions_by_category[region.category]
    count = 1 if _is_subject(region, group) else len(group)
    about = [(phrase, _list_subjects(phrase, that), 1) for phrase in region.phrases]
    if not any(other.crowd for other in group):
        for caption in picture.captions:
            subjects = _list_subjects(caption, that)
            if is_about(caption, subjects, count):
                about.append((caption, subjects, count))
    for number in dict.fromkeys(count for _, _, count in about):
        anchors = _index_landmarks(picture, region, number)
        for said, subjects, count in about:
            if count == number:
                yield from ((said, deed) for deed in parse_actions(said, subjects, anchors, count))


def _list_subjects(said: str, that: Thing) -> tuple[str, ...]:
    """Nouns that a sentence may call a thing."""
    return that.words if that.kind != "person" else _find_person_nouns(said)


def _index_landmarks(picture: Picture, region: Region, count: int) -> dict[str, Thing]:
    """Nouns of other things of which there is one, or one for each of so many, and what they are."""
    anchors: dict[str, Thing] = {}
    for category, several in picture.regions_by_category.items():
        if category == region.category:
            continue
        if len(several) == 1 and not several[0].crowd:
            anchors |= {word: resolve_category(category) for word in resolve_category(category).words}
        elif len(several) == count:
            anchors |= {
                english.to_plural(word): resolve_category(category) for word in resolve_category(category).words
            }
    return anchors


def _states_scene(caption: str, place: Scene) -> bool:
    return any(stated.name == place.name for stated in find_stated_scenes(caption))


@lru_cache(maxsize=64)
def _find_person_nouns(caption: str) -> tuple[str, ...]:
    """The nouns for persons that a caption has, in the singular."""
    nouns = map(english.to_singular, tokenize_caption(caption))
    return tuple(noun for noun in dict.fromkeys(nouns) if wordnet.is_a(noun, PERSON_SYNSET))


def _is_subject(region: Region, group: Sequence[Region]) -> bool:
    """Whether a caption that speaks of one thing of a category means this one."""
    return all(other.box.area * _SUBJECT_RATIO < region.box.area for other in group if other.id != region.id)


def _make_action_relation(action: Action, place: Scene, joint: str, *, in_place: bool) -> RelationPhrase | None:
    """A deed as a relation; None if it says too little or makes no English."""
    if action.landmark and place.name in action.landmark.words:
        action = Action(action.verb, action.preposition, None)
        in_place = True
    if action.landmark is None:
        ok = in_place and joint != IN_A_PICTURE_OF and not action.verb.takes
        return RelationPhrase(action.verb.text, "", joint) if ok else None
    if action.verb.takes:
        ok = action.verb.accepts_landmark(action.landmark) and action.preposition in ("", "on")
        return RelationPhrase(action.verb.text, action.landmark.phrase, joint) if ok else None
    return (
        RelationPhrase(f"{action.verb.text} {action.preposition}", action.landmark.phrase, joint)
        if action.preposition in PREPOSITIONS
        else None
    )


def _iter_annotated_relations(picture: Picture, region: Region, place: Scene, joint: str) -> Iterator[RelationPhrase]:
    """Relations of the region that its source gives and that captions of ours can tell."""
    that = resolve_category(region.category)
    for predicate, other in picture.relations_by_subject.get(region.id, ()):
        head, anchor = normalize_predicate(predicate), resolve_category(other.category)
        if head is None or is_interchangeable(that.name, anchor.name) or place.name in anchor.words:
            continue
        statement = RelationPhrase(head, anchor.phrase, joint)
        verb = statement.verb
        if verb is None or (verb.accepts_subject(that) and (not verb.takes or verb.accepts_landmark(anchor))):
            yield statement


def _iter_support_relations(picture: Picture, region: Region, place: Scene, joint: str) -> Iterator[RelationPhrase]:
    """What the thing lies on, is worn by or is inside of."""
    that = resolve_category(region.category)
    if place.side == "top":
        return
    for category, several in picture.regions_by_category.items():
        bearer = resolve_category(category)
        head = SUPPORT if that.kind in bearer.bears else INSIDE if that.kind in bearer.contains else ""
        for other in several if head else ():
            if is_within_bearer(region.box, other.box) and not other.crowd:
                yield RelationPhrase(head, bearer.phrase, joint)


def _iter_direction_relations(picture: Picture, region: Region, place: Scene, joint: str) -> Iterator[RelationPhrase]:
    """Where the thing plainly stands to others that can be told from it and from the scene.

    Several of a category are one landmark if the thing stands in one direction to each that is not much smaller.
    """
    that = resolve_category(region.category)
    for landmark, boxes in _find_landmarks(picture):
        if is_interchangeable(that.name, landmark.name) or place.name in landmark.words:
            continue
        for direction in find_directions(region.box, boxes[0]):
            level = direction in (LEFT, RIGHT)
            plain = len(boxes) == 1 or all(is_in_direction(direction, region.box, box) for box in boxes)
            if plain and (level or _is_high(that, landmark, direction)):
                yield RelationPhrase(direction, landmark.phrase, joint)
        if len(boxes) == 1 and is_next_to(region.box, boxes[0]):
            yield RelationPhrase(NEXT_TO, landmark.phrase, joint)


def _iter_depth_relations(picture: Picture, region: Region, place: Scene, joint: str) -> Iterator[RelationPhrase]:
    """What the thing plainly is in front of or behind."""
    that = resolve_category(region.category)
    for head, other in find_depth_relations(picture, region):
        what = resolve_category(other.category)
        if place.name not in what.words and not is_interchangeable(that.name, what.name):
            yield RelationPhrase(head, what.phrase, joint)


@lru_cache(maxsize=8)
def _find_landmarks(picture: Picture) -> list[tuple[Thing, list[Box]]]:
    """What a reader may take as a landmark, with the boxes of all that may be meant.

    No landmark is what is small, nor what is there as a crowd.
    """
    found = []
    for category, group in picture.regions_by_category.items():
        largest = max(other.box.area for other in group)
        if largest >= _MIN_LANDMARK_SHARE * picture.width * picture.height and not any(other.crowd for other in group):
            boxes = [other.box for other in group if other.box.area * _CONSPICUOUS_RATIO >= largest]
            found.append((resolve_category(category), boxes))
    return found


def _is_only(picture: Picture, region: Region) -> bool:
    """Whether the picture has one thing of the category and nothing that it may be taken for."""
    return len(picture.regions_by_category[region.category]) == 1 and not region.crowd


def _is_high(that: Thing, landmark: Thing, direction: str) -> bool:
    upper = that if direction == "above" else landmark
    return upper.kind in _HIGH_KINDS
