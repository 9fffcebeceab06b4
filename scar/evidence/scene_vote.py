"""Where a picture was taken, and whether a thing in it is there."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from scar.language.caption_parser import says, stated_places
from scar.language.lexicon import Place, Thing, place, places, thing
from scar.language.relation_phrase import SHOWN
from scar.sample import Picture, Region

_ALOFT = ("flying", "bird")
"""Kinds of things that may pass over any place."""

_HINTS = 2
"""So many captions or categories must hint at a place that no caption names."""


@lru_cache(maxsize=8)
def setting(picture: Picture, region: Region) -> tuple[Place, str] | None:
    """The place of a picture, and what joins a region of it to that place; None if nothing tells the place.

    The label of the source counts, else the place that most captions name, as long as the captions agree.
    """
    that = thing(region.category)
    if picture.scene:
        label = place(picture.scene)
        return label, next(iter(label.at), SHOWN)
    votes = {found: votes for found, votes in _votes(picture) if not _is(found, that)}
    agreed = [
        found
        for found, count in votes.items()
        if not any(other.excludes(found) and against >= count for other, against in votes.items())
    ]
    # A place that the thing can be in or on comes before others, then the one that more captions name.
    ranked = [(not _is_in(that, found, picture), -votes[found], number) for number, found in enumerate(agreed)]
    if not ranked:
        return None
    outside, count, number = min(ranked)
    if -count < max(votes.values()) / 2:
        return None
    return agreed[number], SHOWN if outside else agreed[number].at[0]


@lru_cache(maxsize=64)
def _votes(picture: Picture) -> tuple[tuple[Place, int], ...]:
    """Each place with the number of captions that state it; if none is stated, with the number of hints to it."""
    votes = Counter(found for caption in picture.captions for found in dict.fromkeys(stated_places(caption)))
    if not votes:
        for hinted in places().values():
            said = sum(says(caption, hinted.implied) for caption in picture.captions)
            hints = max(said, len(picture.groups.keys() & set(hinted.shows)))
            if hints >= _HINTS:
                votes[hinted] = hints
    return tuple(votes.items())


def _is(place: Place, that: Thing) -> bool:
    """Whether a place is the thing itself, as with a bed on a bed."""
    return place.name in that.words


def _is_in(that: Thing, place: Place, picture: Picture) -> bool:
    """Whether a thing is in or on the place: all are where there is nothing else, others if a caption says both."""
    if not place.holds and that.kind not in _ALOFT:
        return True
    if place.holds and that.kind not in place.holds:
        return False
    return any(place in stated_places(caption) and says(caption, that.words) for caption in picture.captions)
