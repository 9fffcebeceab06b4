"""Select the regions of a picture that may become samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

from scar.evidence.spoken_picture import NO_THING, names_thing
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Source
from scar.sample import Picture, Region


def select_regions(
    picture: Picture, source: Source, rng: Random, rejected: Counter[str], words: Words = NO_WORDS
) -> tuple[Region, ...]:
    """Choose regions of a picture: as many categories as possible, at random within a category.

    Args:
        picture: the picture, with boxes inside the image. Regions that are no targets are passed over and not counted.
        source: the source of the picture, with the limits of the size of a box and of the number of regions.
        rng: draws the order within a category and among categories.
        rejected: counts rejected regions as ``crowd``, ``small``, ``no_thing`` or ``over_limit``.
        words: the user's words for categories; a region whose category names no thing is rejected.

    Returns:
        At most ``source.max_per_image`` regions in the picture's order.
    """
    by_category: dict[str, list[Region]] = defaultdict(list)
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
            by_category[region.category].append(region)

    # The second region of a category ranks below the first region of every other category.
    ranked: list[tuple[int, float, Region]] = []
    for category in sorted(by_category):
        regions = by_category[category]
        for rank, region in enumerate(rng.sample(regions, len(regions))):
            ranked.append((rank, rng.random(), region))
    ranked.sort(key=lambda entry: entry[:2])
    if len(ranked) > source.max_per_image:
        rejected["over_limit"] += len(ranked) - source.max_per_image
    chosen = {region.id for _, _, region in ranked[: source.max_per_image]}
    return tuple(region for region in picture.regions if region.id in chosen)
