"""Select the regions of a picture that may become samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ShuffledRegions:
    """The regions of a picture in random order.

    Attributes:
        regions: the regions in the picture's order.
        groups: the regions of each category in random order, and a random number from 0 to 1 for each place in it.
    """

    regions: Sequence[Region]
    groups: Sequence[tuple[Sequence[Region], Sequence[float]]]


def shuffle_regions(regions: Sequence[Region], rng: Random) -> ShuffledRegions:
    """Draw the order in which `choose_regions` takes regions that are equal otherwise."""
    by_category: dict[str, list[Region]] = defaultdict(list)
    for region in regions:
        by_category[region.category].append(region)
    several = (by_category[category] for category in sorted(by_category))
    return ShuffledRegions(regions, [(rng.sample(own, len(own)), [rng.random() for _ in own]) for own in several])


def choose_regions(shuffled: ShuffledRegions, tiers: Mapping[int, int], most: int) -> list[Region]:
    """Choose regions of a picture: those of lower tiers before the others, and as many categories as possible.

    A region without a tier counts as one of tier 0. So a caller may find the tiers of the chosen regions alone, and
    choose again until all of them have one: the tiers of the others cannot change the choice then.

    Args:
        shuffled: regions of one picture.
        tiers: tier of each region, by its id: 0 for the regions that are to be chosen first. A region of a category
            gives way to those of lower tiers, and then to the first ones of other categories.
        most: largest number of regions to choose.

    Returns:
        At most ``most`` regions in the order of ``shuffled.regions``.
    """
    if len(shuffled.regions) <= most:
        return list(shuffled.regions)
    # The second region of a category ranks below the first region of every other category.
    ranked: list[tuple[int, int, float, int]] = []
    for regions, draws in shuffled.groups:
        known = sorted([(tiers.get(region.id, 0), place, region.id) for place, region in enumerate(regions)])
        ranked += [(tier, rank, draws[rank], number) for rank, (tier, _, number) in enumerate(known)]
    ranked.sort()
    chosen = {number for *_, number in ranked[:most]}
    return [region for region in shuffled.regions if region.id in chosen]
