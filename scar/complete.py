"""The caption that is true of a region, from what its source knows of the picture.

The scene is the source's label or the place that the captions name. The relation is, in this order of worth, what a
caption says that the thing does, an annotated relation, where it stands to another thing, where it is in the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from scar import english, wordnet
from scar.geometry import DIRECTIONS, OPPOSITE, POSITIONS, holds, is_at
from scar.lexicon import Place, Thing, alike, people, thing
from scar.sample import Caption, Picture, Region
from scar.sentences import Deed, deeds, says, stated_places, tokens
from scar.setting import setting
from scar.statement import FRAMED, SHOWN, SPOTS, Statement

PERSON = 7846
"""WordNet's synset of persons."""

_LANDMARK_SHARE = 0.01
"""Smallest share of the image that a thing covers to which others are related: readers must find it."""

_ABOVE = ("flying", "bird", "street", "fixture")
"""Kinds of things that hang or fly; of others, what is higher in a picture is rather behind than above."""

_DEED_CHANCE = 0.8
_LANDMARK_CHANCE = 0.7


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
    annotated = list(_annotated(picture, region, joint))
    if annotated:
        return rng.choice(annotated)
    beside = list(_beside(picture, region, place, joint))
    if beside and rng.random() < _LANDMARK_CHANCE:
        return rng.choice(beside)
    at = [Statement(position, "", FRAMED) for position in POSITIONS if is_at(position, region.box, picture)]
    return next((rng.choice(choices) for choices in (at, beside, done) if choices), None)


def _object(picture: Picture, region: Region) -> str:
    """The thing as captions name it; a person by the word that the captions agree on, if they mean nobody else."""
    that = thing(region.category)
    if that.name == "person" and _is_only(picture, region):
        called = Counter(
            word
            for caption in picture.captions
            for word, said in people().items()
            if any(says(caption, s) for s in said)
        )
        if len(called) == 1 and called.total() >= 2:
            return english.a(next(iter(called)))
    return that.phrase


def _done(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """What captions say that the only thing of its kind does, as long as they do not contradict each other."""
    if not _is_only(picture, region):
        return
    that = thing(region.category)
    anchors = {
        word: thing(other.category)
        for other in picture.regions
        if other.category != region.category and _is_only(picture, other)
        for word in thing(other.category).words
    }
    found: list[tuple[str, Deed]] = []
    for caption in picture.captions:
        subjects = that.words if that.kind != "person" else [w for w in tokens(caption) if wordnet.is_a(w, PERSON)]
        found += [(caption, deed) for deed in deeds(caption, subjects, anchors) if that.kind in deed.verb.subjects]
    if any(set(a.verb.states).isdisjoint(b.verb.states) for _, a in found for _, b in found):
        return
    for caption, deed in found:
        statement = _told(deed, place, joint, in_place=place in stated_places(caption))
        if statement:
            yield statement


def _told(deed: Deed, place: Place, joint: str, *, in_place: bool) -> Statement | None:
    """A deed as a relation; None if it says too little or makes no English."""
    if deed.anchor and place.name in deed.anchor.words:
        deed = Deed(deed.subject, deed.verb, deed.spot, None)
        in_place = True
    if deed.anchor is None:
        ok = in_place and joint != SHOWN and not deed.verb.takes
        return Statement(deed.verb.text, "", joint) if ok else None
    if deed.verb.takes:
        ok = deed.verb.fits(deed.anchor) and deed.spot in ("", "on")
        return Statement(deed.verb.text, deed.anchor.phrase, joint) if ok else None
    return Statement(f"{deed.verb.text} {deed.spot}", deed.anchor.phrase, joint) if deed.spot in SPOTS else None


def _annotated(picture: Picture, region: Region, joint: str) -> Iterator[Statement]:
    """Relations of the region that its source gives and that have a place among ours."""
    by_id = {other.id: other for other in picture.regions}
    for fact in picture.relations:
        head = fact.predicate if fact.predicate in OPPOSITE else f"to the {fact.predicate}"
        if fact.subject == region.id and head in OPPOSITE and fact.object in by_id:
            yield Statement(head, thing(by_id[fact.object].category).phrase, joint)


def _beside(picture: Picture, region: Region, place: Place, joint: str) -> Iterator[Statement]:
    """Where the thing plainly stands to others that can be told from it and from the scene."""
    that = thing(region.category)
    for other in picture.regions:
        landmark = thing(other.category)
        if not is_landmark(picture, other) or alike(that.name, landmark.name) or place.name in landmark.words:
            continue
        for direction in DIRECTIONS:
            level = direction in DIRECTIONS[:2]
            if holds(direction, region.box, other.box) and (level or _hangs(that, landmark, direction)):
                yield Statement(direction, landmark.phrase, joint)


def is_landmark(picture: Picture, region: Region) -> bool:
    """Whether a thing can be told from all others of the picture by its category, and is large enough to be found."""
    return _is_only(picture, region) and region.box.area >= _LANDMARK_SHARE * picture.width * picture.height


def _is_only(picture: Picture, region: Region) -> bool:
    """Whether the picture has one thing of the category and nothing that it may be taken for."""
    like = [other for other in picture.regions if other.category == region.category]
    return len(like) == 1 and not region.crowd


def _hangs(that: Thing, landmark: Thing, direction: str) -> bool:
    upper = that if direction == "above" else landmark
    return upper.kind in _ABOVE
