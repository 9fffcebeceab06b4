"""The caption that is true of a region, from what its source knows of the picture.

The scene is the source's label or the place that the captions name. The relation is, in this order of worth, what a
caption says that the thing does, an annotated relation, where it stands to another thing, where it is in the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from scar.evidence.geometry import INSIDE, LEFT, NEXT, RIGHT, SUPPORT, directions, holds, is_next_to, lies_on, positions
from scar.evidence.occlusion import depths
from scar.evidence.scene_vote import setting
from scar.language import english, wordnet
from scar.language.caption_parser import Deed, deeds, is_about, says, stated_places, tokens
from scar.language.lexicon import Place, Thing, alike, people, plain, thing
from scar.language.relation_phrase import FRAMED, SHOWN, SPOTS, Statement, head_of
from scar.sample import Box, Caption, Picture, Region

PERSON = 7846
"""WordNet's synset of persons."""

_LANDMARK_SHARE = 0.01
"""Smallest share of the image that a thing covers to which others are related: readers must find it."""

_CONSPICUOUS = 4
"""Of several things of a category, a reader may mean those not smaller than the largest by this factor."""

_SUBJECT = 8
"""Of several things of a category, a caption about one means the one that is larger than all others by this factor."""

_ABOVE = ("flying", "bird", "street", "fixture")
"""Kinds of things that hang or fly; of others, what is higher in a picture is rather behind than above."""

_DEED_CHANCE = 0.8
_LANDMARK_CHANCE = 0.9
_BORNE_CHANCE = 0.5


def complete(picture: Picture, region: Region, rng: Random) -> Caption | None:
    """The caption that is true of the region: what is known from its annotations, geometry and the image's captions.

    Args:
        picture: where the region is.
        region: what the caption is about.
        rng: chooses among relations that are true alike.

    Returns:
        None when no honest caption can be given: nothing tells where the picture was taken, or how the thing stands.
    """
    where = setting(picture, region)
    if where is None:
        return None
    place, joint = where
    relation = _relation(picture, region, place, joint, rng)
    return Caption(_object(picture, region), relation.text, place.phrase) if relation else None


def _relation(picture: Picture, region: Region, place: Place, joint: str, rng: Random) -> Statement | None:
    done = list(_done(picture, region, place, joint))
    if done and rng.random() < _DEED_CHANCE:
        return rng.choice(done)
    annotated = list(dict.fromkeys(_annotated(picture, region, place, joint)))
    if annotated:
        return rng.choice(annotated)
    borne = list(_borne(picture, region, place, joint))
    if borne and rng.random() < _BORNE_CHANCE:
        return rng.choice(borne)
    beside = [*_beside(picture, region, place, joint), *_layered(picture, region, place, joint)]
    if beside and rng.random() < _LANDMARK_CHANCE:
        return rng.choice(beside)
    at = [Statement(position, "", FRAMED) for position in positions(region.box, picture)]
    return next((rng.choice(choices) for choices in (at, beside, done) if choices), None)


def _object(picture: Picture, region: Region) -> str:
    """The thing as its source or the captions name it.

    A phrase of the source counts if it is the category's noun, or a kind of it, with a colour or alone. A person of
    whom there is no phrase is a man, a woman or a child if the captions agree and mean nobody else.
    """
    that = thing(region.category)
    for phrase in region.phrases:
        noun = english.bare(phrase.lower())
        if not english.is_plural(noun) and (plain(noun) in that.words or (that.name == "person" and noun in people())):
            return english.a(noun)
    if that.name == "person" and _is_only(picture, region):
        called = Counter(word for caption in picture.captions for word, said in people().items() if says(caption, said))
        if len(called) == 1 and called.total() >= 2:
            return english.a(next(iter(called)))
    return that.phrase


def _done(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """What phrases of the region and captions of the image say that it does, unless they contradict each other."""
    that = thing(region.category)
    found = [(said, deed) for said, deed in _deeds(picture, region) if deed.verb.suits(that)]
    if any(set(a.verb.states).isdisjoint(b.verb.states) for _, a in found for _, b in found):
        return
    for said, deed in found:
        statement = _told(deed, place, joint, in_place=_states(said, place))
        if statement:
            yield statement


def _deeds(picture: Picture, region: Region) -> Iterator[tuple[str, Deed]]:
    """What the thing does, and who says so.

    A phrase is about this very thing. A caption is about it if the thing is the only one of its kind, by far the
    largest one, or one of as many as the caption counts.
    """
    that, group = thing(region.category), picture.groups[region.category]
    count = 1 if _is_subject(region, group) else len(group)
    about = [(phrase, _subjects(phrase, that), 1) for phrase in region.phrases]
    if not any(other.crowd for other in group):
        for caption in picture.captions:
            subjects = _subjects(caption, that)
            if is_about(caption, subjects, count):
                about.append((caption, subjects, count))
    for number in dict.fromkeys(count for _, _, count in about):
        anchors = _anchors(picture, region, number)
        for said, subjects, count in about:
            if count == number:
                yield from ((said, deed) for deed in deeds(said, subjects, anchors, count))


def _subjects(said: str, that: Thing) -> tuple[str, ...]:
    """Nouns that a sentence may call a thing."""
    return that.words if that.kind != "person" else _persons(said)


def _anchors(picture: Picture, region: Region, count: int) -> dict[str, Thing]:
    """Nouns of other things of which there is one, or one for each of so many, and what they are."""
    anchors: dict[str, Thing] = {}
    for category, several in picture.groups.items():
        if category == region.category:
            continue
        if len(several) == 1 and not several[0].crowd:
            anchors |= {word: thing(category) for word in thing(category).words}
        elif len(several) == count:
            anchors |= {english.plural(word): thing(category) for word in thing(category).words}
    return anchors


def _states(caption: str, place: Place) -> bool:
    return any(stated.name == place.name for stated in stated_places(caption))


@lru_cache(maxsize=64)
def _persons(caption: str) -> tuple[str, ...]:
    """The nouns for persons that a caption has, in the singular."""
    nouns = map(english.singular, tokens(caption))
    return tuple(noun for noun in dict.fromkeys(nouns) if wordnet.is_a(noun, PERSON))


def _is_subject(region: Region, group: Sequence[Region]) -> bool:
    """Whether a caption that speaks of one thing of a category means this one."""
    return all(other.box.area * _SUBJECT < region.box.area for other in group if other.id != region.id)


def _told(deed: Deed, place: Place, joint: str, *, in_place: bool) -> Statement | None:
    """A deed as a relation; None if it says too little or makes no English."""
    if deed.anchor and place.name in deed.anchor.words:
        deed = Deed(deed.verb, deed.spot, None)
        in_place = True
    if deed.anchor is None:
        ok = in_place and joint != SHOWN and not deed.verb.takes
        return Statement(deed.verb.text, "", joint) if ok else None
    if deed.verb.takes:
        ok = deed.verb.fits(deed.anchor) and deed.spot in ("", "on")
        return Statement(deed.verb.text, deed.anchor.phrase, joint) if ok else None
    return Statement(f"{deed.verb.text} {deed.spot}", deed.anchor.phrase, joint) if deed.spot in SPOTS else None


def _annotated(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """Relations of the region that its source gives and that captions of ours can tell."""
    that = thing(region.category)
    for predicate, other in picture.facts.get(region.id, ()):
        head, anchor = head_of(predicate), thing(other.category)
        if head is None or alike(that.name, anchor.name) or place.name in anchor.words:
            continue
        statement = Statement(head, anchor.phrase, joint)
        verb = statement.verb
        if verb is None or (verb.suits(that) and (not verb.takes or verb.fits(anchor))):
            yield statement


def _borne(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """What the thing lies on, is worn by or is inside of."""
    that = thing(region.category)
    if place.side == "top":
        return
    for category, several in picture.groups.items():
        bearer = thing(category)
        head = SUPPORT if that.kind in bearer.bears else INSIDE if that.kind in bearer.contains else ""
        for other in several if head else ():
            if lies_on(region.box, other.box) and not other.crowd:
                yield Statement(head, bearer.phrase, joint)


def _beside(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """Where the thing plainly stands to others that can be told from it and from the scene.

    Several of a category are one landmark if the thing stands in one direction to each that is not much smaller.
    """
    that = thing(region.category)
    for landmark, boxes in _landmarks(picture):
        if alike(that.name, landmark.name) or place.name in landmark.words:
            continue
        for direction in directions(region.box, boxes[0]):
            level = direction in (LEFT, RIGHT)
            plain = len(boxes) == 1 or all(holds(direction, region.box, box) for box in boxes)
            if plain and (level or _hangs(that, landmark, direction)):
                yield Statement(direction, landmark.phrase, joint)
        if len(boxes) == 1 and is_next_to(region.box, boxes[0]):
            yield Statement(NEXT, landmark.phrase, joint)


def _layered(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """What the thing plainly is in front of or behind."""
    that = thing(region.category)
    for head, other in depths(picture, region):
        what = thing(other.category)
        if place.name not in what.words and not alike(that.name, what.name):
            yield Statement(head, what.phrase, joint)


@lru_cache(maxsize=8)
def _landmarks(picture: Picture) -> list[tuple[Thing, list[Box]]]:
    """What a reader may take as a landmark, with the boxes of all that may be meant.

    No landmark is what is small, nor what is there as a crowd.
    """
    found = []
    for category, group in picture.groups.items():
        largest = max(other.box.area for other in group)
        if largest >= _LANDMARK_SHARE * picture.width * picture.height and not any(other.crowd for other in group):
            boxes = [other.box for other in group if other.box.area * _CONSPICUOUS >= largest]
            found.append((thing(category), boxes))
    return found


def _is_only(picture: Picture, region: Region) -> bool:
    """Whether the picture has one thing of the category and nothing that it may be taken for."""
    return len(picture.groups[region.category]) == 1 and not region.crowd


def _hangs(that: Thing, landmark: Thing, direction: str) -> bool:
    upper = that if direction == "above" else landmark
    return upper.kind in _ABOVE
