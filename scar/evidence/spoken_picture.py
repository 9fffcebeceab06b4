"""A picture in the words of its captions: the user's, and without the regions that no caption can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from scar.evidence.geometry import measure_gaps
from scar.language.category_names import describe_category
from scar.language.lexicon import resolve_category
from scar.language.scene_names import describe_scene
from scar.language.user_words import Words
from scar.language.word_tables import read_word_table
from scar.sample import Box, Picture, Region

NO_THING = "no_thing"
"""The reason under which a build counts regions whose category names no thing, such as "background"."""

MAX_COMPANY_GAP = 0.5
"""Largest gap between two close things, relative to the longer side of the first one."""

MIN_BORNE_SHARE = 0.7
"""Least share of a sink that is inside of the box of a counter."""


def names_thing(region: Region, words: Words) -> bool:
    """Whether the category of a region names a thing that a caption can tell of."""
    return describe_category(region.category, words).phrase is not None


def speak_picture(picture: Picture, words: Words) -> Picture:
    """The picture with the user's phrases for its categories and its scene, without regions that name no thing.

    A category without such a phrase may become a narrower word because of what is beside the thing: a television by a
    keyboard is a monitor, as `company.toml` says. The picture is the same object if nothing of it changes.
    """
    named = [region for region in picture.regions if names_thing(region, words)]
    regions = tuple(_speak_region(region, named, words) for region in named)
    scene = picture.scene
    if scene is not None and (described := describe_scene(scene, words)).origin == "user":
        scene = described.text
    if scene == picture.scene and len(regions) == len(picture.regions) and all(map(_is_same, regions, picture.regions)):
        return picture
    return msgspec.structs.replace(picture, regions=regions, scene=scene)


def describe_company(category: str) -> str:
    """The narrower words for a category beside certain other things, from `company.toml`; empty if it has none.

    >>> describe_company("tv")
    'a computer monitor by a keyboard or a mouse'
    """
    rules = _index_rules().get(resolve_category(category).name, ())
    return "; ".join(f"{rule['says']} by {' or '.join(f'a {name}' for name in rule['by'])}" for rule in rules)


def _is_same(one: Region, other: Region) -> bool:
    return one is other


def _speak_region(region: Region, others: Sequence[Region], words: Words) -> Region:
    """The region with the user's phrase as its category, or that of `company.toml`; the region itself without one."""
    described = describe_category(region.category, words)
    if described.origin == "user" and described.phrase is not None:
        return msgspec.structs.replace(region, category=described.phrase.text)
    for rule in _index_rules().get(resolve_category(region.category).name, ()):
        company = (other.box for other in others if resolve_category(other.category).name in rule["by"])
        if any(_COMPANY_TESTS[rule["test"]](region.box, box) for box in company):
            return msgspec.structs.replace(region, category=rule["says"])
    return region


def _is_close(box: Box, other: Box) -> bool:
    return max(measure_gaps(box, other)) <= MAX_COMPANY_GAP * max(box.width, box.height)


def _bears(box: Box, other: Box) -> bool:
    return box.intersection_area(other) >= MIN_BORNE_SHARE * other.area > 0


_COMPANY_TESTS: Mapping[str, Callable[[Box, Box], bool]] = {"close": _is_close, "bears": _bears}
"""The tests of `company.toml`, of the boxes of a thing and of another one by it."""


@cache
def _index_rules() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The rules of `company.toml` by the name of the thing that they rename."""
    rules = read_word_table("company")["rule"]
    return {thing: [rule for rule in rules if rule["thing"] == thing] for thing in {rule["thing"] for rule in rules}}
