"""Select the regions of a picture that may become samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from random import Random

from scar.evidence.spoken_picture import NO_THING, names_thing
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Source
from scar.sample import Picture, Region


def list_eligible_regions(
    picture: Picture, source: Source, rejected: Counter[str], words: Words = NO_WORDS
) -> list[Region]:
    """The regions of a picture that may become samples, in the picture's order.

    Args:
        picture: the picture, with boxes inside the image. Regions that are no targets are passed over and not counted.
        source: the source of the picture, with the limits of the size of a box.
        rejected: counts rejected regions as ``crowd``, ``small`` or ``no_thing``.
        words: the user's words for categories; a region whose category names no thing is rejected.
    """
    eligible = []
    least_area = source.min_area_share * picture.width * picture.height
    for region in picture.regions:
        if not region.target:
            continue
        if region.crowd:
            rejected["crowd"] += 1
        elif min(region.box.width, region.box.height) < source.min_side or region.box.area < least_area:
            rejected["small"] += 1
        elif not names_thing(region, words):
            rejected[NO_THING] += 1
        else:
            eligible.append(region)
    return eligible


def choose_regions(regions: Sequence[Region], tiers: Mapping[int, int], most: int, rng: Random) -> list[Region]:
    """Choose regions of a picture: those of lower tiers before the others, and as many categories as possible.

    Args:
        regions: regions of one picture.
        tiers: tier of each region, by its id: 0 for the regions that are to be chosen first. A region of a category
            gives way to those of lower tiers, and then to the first ones of other categories.
        most: largest number of regions to choose.
        rng: draws the order among equals.

    Returns:
        At most ``most`` regions in the order of ``regions``.
    """
    by_category: dict[str, list[Region]] = defaultdict(list)
    for region in regions:
        by_category[region.category].append(region)
    # The second region of a category ranks below the first region of every other category.
    ranked: list[tuple[int, int, float, Region]] = []
    for category in sorted(by_category):
        shuffled = rng.sample(by_category[category], len(by_category[category]))
        for rank, region in enumerate(sorted(shuffled, key=lambda region: tiers[region.id])):
            ranked.append((tiers[region.id], rank, rng.random(), region))
    ranked.sort(key=lambda entry: entry[:3])
    chosen = {region.id for *_, region in ranked[:most]}
    return [region for region in regions if region.id in chosen]
