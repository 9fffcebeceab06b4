"""A picture in a user's words, without the regions that no caption can name."""

from __future__ import annotations

import msgspec

from scar.language.category_names import describe_category
from scar.language.scene_names import describe_scene
from scar.language.user_words import Words
from scar.sample import Picture, Region

NO_THING = "no_thing"
"""The reason under which a build counts regions whose category names no thing, such as "background"."""


def names_thing(region: Region, words: Words) -> bool:
    """Whether the category of a region names a thing that a caption can tell of."""
    return describe_category(region.category, words).phrase is not None


def speak_region(region: Region, words: Words) -> Region:
    """The region with the user's phrase as its category; the region itself if the user gives none."""
    described = describe_category(region.category, words)
    if described.origin != "user" or described.phrase is None:
        return region
    return msgspec.structs.replace(region, category=described.phrase.text)


def speak_picture(picture: Picture, words: Words) -> Picture:
    """The picture with the user's phrases for its categories and its scene, without regions that name no thing.

    It is the same object if nothing of it changes.
    """
    regions = tuple(speak_region(region, words) for region in picture.regions if names_thing(region, words))
    scene = picture.scene
    if scene is not None and (described := describe_scene(scene, words)).origin == "user":
        scene = described.text
    if scene == picture.scene and len(regions) == len(picture.regions) and all(map(_is_same, regions, picture.regions)):
        return picture
    return msgspec.structs.replace(picture, regions=regions, scene=scene)


def _is_same(one: Region, other: Region) -> bool:
    return one is other
