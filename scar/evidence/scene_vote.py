"""The scene of a picture, by its label or by a vote of its captions."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from scar.language.caption_parser import find_stated_scenes, has_noun
from scar.language.lexicon import Scene, Thing, read_scenes, resolve_category, resolve_scene
from scar.language.relation_phrase import IN_A_PICTURE_OF
from scar.sample import Picture, Region

_FLYING_KINDS = ("flying", "bird")
"""Kinds of things that may be above a scene without being in it."""

_MIN_HINTS = 2
"""Captions or categories that must hint at a scene which no caption states; one hint is often wrong."""


@lru_cache(maxsize=8)
def find_scene(picture: Picture, region: Region) -> tuple[Scene, str] | None:
    """The scene of a picture, and the preposition that puts a region into it; None if the evidence is not enough.

    The label of the source counts first, then the scene of most captions if the captions agree.
    """
    thing = resolve_category(region.category)
    if picture.scene:
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
    if -negative_votes < max(votes.values()) / 2:
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
            if hints >= _MIN_HINTS:
                votes[scene] = hints
    return tuple(votes.items())


def _is_scene_itself(scene: Scene, thing: Thing) -> bool:
    """Whether scene and thing are the same, as with a bed on a bed."""
    return scene.name in thing.words


def _is_in_scene(thing: Thing, scene: Scene, picture: Picture) -> bool:
    """Whether a thing is in the scene: by its kind, or because one caption has both."""
    if not scene.holds_kinds and thing.kind not in _FLYING_KINDS:
        return True
    if scene.holds_kinds and thing.kind not in scene.holds_kinds:
        return False
    return any(scene in find_stated_scenes(caption) and has_noun(caption, thing.words) for caption in picture.captions)
