"""Where a picture was taken, and whether a thing in it is there."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from scar.language.caption_parser import find_stated_scenes, has_noun
from scar.language.lexicon import Scene, Thing, read_scenes, resolve_category, resolve_scene
from scar.language.relation_phrase import IN_A_PICTURE_OF
from scar.sample import Picture, Region

_FLYING_KINDS = ("flying", "bird")
"""Kinds of things that may pass over any place."""

_MIN_HINTS = 2
"""So many captions or categories must hint at a place that no caption names."""


@lru_cache(maxsize=8)
def find_scene(picture: Picture, region: Region) -> tuple[Scene, str] | None:
    """The place of a picture, and what joins a region of it to that place; None if nothing tells the place.

    The label of the source counts, else the place that most captions name, as long as the captions agree.
    """
    that = resolve_category(region.category)
    if picture.scene:
        label = resolve_scene(picture.scene)
        return label, next(iter(label.at), IN_A_PICTURE_OF)
    votes = {found: votes for found, votes in _count_votes(picture) if not _is_scene_itself(found, that)}
    agreed = [
        found
        for found, count in votes.items()
        if not any(other.is_incompatible_with(found) and against >= count for other, against in votes.items())
    ]
    # A place that the thing can be in or on comes before others, then the one that more captions name.
    ranked = [(not _is_in_scene(that, found, picture), -votes[found], number) for number, found in enumerate(agreed)]
    if not ranked:
        return None
    outside, count, number = min(ranked)
    if -count < max(votes.values()) / 2:
        return None
    return agreed[number], IN_A_PICTURE_OF if outside else agreed[number].at[0]


@lru_cache(maxsize=64)
def _count_votes(picture: Picture) -> tuple[tuple[Scene, int], ...]:
    """Each place with the number of captions that state it; if none is stated, with the number of hints to it."""
    votes = Counter(found for caption in picture.captions for found in dict.fromkeys(find_stated_scenes(caption)))
    if not votes:
        for hinted in read_scenes().values():
            said = sum(has_noun(caption, hinted.implied) for caption in picture.captions)
            hints = max(said, len(picture.regions_by_category.keys() & set(hinted.shows)))
            if hints >= _MIN_HINTS:
                votes[hinted] = hints
    return tuple(votes.items())


def _is_scene_itself(place: Scene, that: Thing) -> bool:
    """Whether a place is the thing itself, as with a bed on a bed."""
    return place.name in that.words


def _is_in_scene(that: Thing, place: Scene, picture: Picture) -> bool:
    """Whether a thing is in or on the place: all are where there is nothing else, others if a caption says both."""
    if not place.holds and that.kind not in _FLYING_KINDS:
        return True
    if place.holds and that.kind not in place.holds:
        return False
    return any(place in find_stated_scenes(caption) and has_noun(caption, that.words) for caption in picture.captions)
