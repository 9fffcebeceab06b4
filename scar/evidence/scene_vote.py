"""Find the scene of a picture, by its label or, if it has none, by a vote of its captions."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from scar.evidence.thing_groups import is_stuff
from scar.language.caption_parser import find_stated_scenes, has_noun
from scar.language.lexicon import Scene, Thing, read_scenes, resolve_category, resolve_scene
from scar.language.relation_phrase import IN_A_PICTURE_OF
from scar.language.scene_names import describe_scene
from scar.sample import Picture, Region

_FLYING_KINDS = ("flying", "bird")
"""Kinds of things that may be above a scene without being in it."""

_MIN_HINTS = 2
"""Least number of captions or categories that hint at a scene, if no caption states one; one is often wrong."""

_MIN_SURE_SHARE = 0.03
"""Least share of the picture for the one thing that tells a room: a smaller one may be seen through a door."""

_MIN_VOTES, _MIN_CAPTIONS = 2, 3
"""Least number of captions that state a scene, if a picture has so many captions: one alone is often wrong."""


@lru_cache(maxsize=8)
def find_scene(picture: Picture, region: Region) -> tuple[Scene, str] | None:
    """The scene of a picture, and the preposition that puts a region into it; None if the evidence is not enough.

    The scene label of the source decides if it names a scene. Otherwise the captions vote: a scene is left out if
    another scene that is incompatible with it has as many votes, and scenes that can hold the region are preferred. If
    the region may be outside of the scene, the preposition is `IN_A_PICTURE_OF`.
    Stuff such as a road makes up a scene, and is in none.
    """
    thing = resolve_category(region.category)
    if is_stuff(region.category):
        return None
    if picture.scene and describe_scene(picture.scene).phrase:
        scene = resolve_scene(picture.scene)
        return scene, next(iter(scene.prepositions), IN_A_PICTURE_OF)
    votes = {scene: count for scene, count in _count_votes(picture) if not _is_scene_itself(scene, thing)}
    agreed = [
        scene
        for scene, count in votes.items()
        if not any(other.is_incompatible_with(scene) and against >= count for other, against in votes.items())
    ]
    # Scenes that can hold the thing come first, then scenes with more votes.
    ranked = [(not _is_in_scene(thing, scene, picture), -votes[scene], number) for number, scene in enumerate(agreed)]
    if not ranked:
        return None
    is_outside, negative_votes, number = min(ranked)
    least = _MIN_VOTES if len(picture.captions) >= _MIN_CAPTIONS else 1
    if -negative_votes < max(least, max(votes.values()) / 2):
        return None
    return agreed[number], IN_A_PICTURE_OF if is_outside else agreed[number].prepositions[0]


@lru_cache(maxsize=64)
def _count_votes(picture: Picture) -> tuple[tuple[Scene, int], ...]:
    """Each scene with the number of captions that state it, or with the number of hints if no caption states one."""
    votes = Counter(scene for caption in picture.captions for scene in dict.fromkeys(find_stated_scenes(caption)))
    if not votes:
        for scene in read_scenes().values():
            captions = sum(has_noun(caption, scene.hint_words) for caption in picture.captions)
            hints = max(captions, len(picture.regions_by_category.keys() & set(scene.hint_categories)))
            if _shows_sure_thing(scene, picture):
                hints = max(hints, _MIN_HINTS)
            if hints >= _MIN_HINTS:
                votes[scene] = hints
    return tuple(votes.items())


def _shows_sure_thing(scene: Scene, picture: Picture) -> bool:
    """Whether a thing that is in this scene wherever one sees it is seen: in a room, at some size."""
    least = _MIN_SURE_SHARE * picture.width * picture.height if scene.side == "indoor" else 0
    regions = (region for name in scene.sure_categories for region in picture.regions_by_category.get(name, ()))
    return any(region.box.area >= least for region in regions)


def _is_scene_itself(scene: Scene, thing: Thing) -> bool:
    """Whether a scene and a thing are the same: a bed would be on a bed."""
    return scene.name in thing.words


def _is_in_scene(thing: Thing, scene: Scene, picture: Picture) -> bool:
    """Whether a thing is in the scene: by its kind or, for kinds that may be outside, if one caption has both."""
    if not scene.holds_kinds and thing.kind not in _FLYING_KINDS:
        return True
    if scene.holds_kinds and thing.kind not in scene.holds_kinds:
        return False
    if thing.name in scene.sure_categories:
        return True
    return any(scene in find_stated_scenes(caption) and has_noun(caption, thing.words) for caption in picture.captions)
