"""The things of a picture that a caption can name to tell where another thing is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import hypot

from scar.evidence.depth import is_other_depth
from scar.evidence.geometry import find_directions, is_apart, measure_gaps
from scar.evidence.open_pairs import is_between
from scar.evidence.ordinals import name_others
from scar.evidence.picture_evidence import PictureEvidence, name_thing
from scar.evidence.thing_groups import find_groups, is_stuff
from scar.evidence.visibility import is_hardly_seen, is_well_seen
from scar.language.lexicon import is_interchangeable
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import ABOVE, LEFT, NEAR, RIGHT
from scar.sample import Box, Region

_MIN_IMAGE_SHARE = 0.01
"""Least share of the image that a landmark's box covers: a reader must find the landmark."""

_MIN_RELATIVE_AREA = 0.5
"""Least area of a landmark relative to the thing: nobody locates a bus by a bottle."""

_MIN_LONE_AREA = 0.1
"""The same for a thing that has no rival, which needs no more than to be found: a laptop near a mouse."""

_MIN_LONE_SHARE = 0.004
"""Least share of the image for the landmark of such a thing."""

_CONSPICUOUS_RATIO = 4
"""Largest ratio of areas at which a smaller thing of a category may still be the one that a reader means."""

_MIN_OFFSET_SHARE = 0.85
"""Least distance of two centres along x, as a share of the mean width, at which one is clearly to the left."""

_MIN_SLOPE = 2.0
"""Least distance of two centres along x, relative to that along y, at which two things are side by side."""

_MAX_RELATIVE_GAP = 2.0
"""Largest gap between a thing and its landmark, relative to the larger of their mean sides: farther is no neighbour."""

_MIN_PAIR_SHARE = 0.025
"""Least share of the image for each of two things of one name: whoever misses one does not know what is meant."""

_MAX_LEVEL_OFFSET = 0.55
"""Largest vertical distance of the feet of two things side by side, relative to the larger height: with more, the upper
one is far behind the other, or on something else."""

_MAX_SIDE_RATIO = 8
"""Largest ratio of the areas of two things side by side: nobody locates a large thing by a far smaller one."""

_MIN_SIDE_SHARE = 0.02
"""Least share of the image that each of two things side by side covers: names of smaller ones are often in doubt."""

_MAX_MEANT = 2
"""Most things that the words for a landmark may mean: of more, nobody knows which one is meant."""

_MIN_HIDDEN_SHARE = 0.7
"""Least share of a thing's box in that of a person who holds it or hides it."""

_MAX_OTHERS = 4
"""Most things of one name whose order a reader sees at a glance, without the region itself."""

_MIN_OTHER_SHARE = 0.012
"""Least share of the image for each of several other things of the region's name: a reader counts all of them."""

_MAX_OTHER_RATIO = 8
"""Largest ratio of the areas of things of one name that a reader counts together."""

_MAX_OTHER_OVERLAP = 0.5
"""Largest share of a thing's box in that of another one of its name: with more, the one hides the other."""

_MAX_NEAR_GAP = 0.6
"""Largest gap between a thing and a landmark that it is near, relative to the smaller one's mean side."""

_MIN_NEAR_SHARE = 0.013
"""Least share of the image for two near things."""

_MAX_NEAR_OVERLAP = 0.1
"""Largest share of the smaller one's box in the other: what may be on a table is not near it."""

_MAX_FOOT_OFFSET = 1.6
"""Largest vertical distance of the feet of two near things, relative to the larger height.

On a table that one sees from above, feet are far apart; with a larger distance, the upper thing is behind the other."""

_SMALL, _DISH_PART = "small_neighbor", "dish_part"
"""The groups of what stands on tables, which one sees from above, and of what lies on plates there.

Of all other things, boxes do not tell whether they are near: the one that is higher in the picture is farther away."""

_TABLES, _SEATS = frozenset({"table", "shelf"}), frozenset({"seat", "bed"})
_ON_SEATS = frozenset({"portable", "soft_thing"})
"""Groups of `thing_groups.toml`: what may rest on what it touches, though its mask may not show it.

What is at home on tables is not located by a table in any way but "on"."""

_MAX_REST_GAP = 0.1
"""Largest gap between a thing and what it may rest on, relative to its width."""

_ONE_PIECE, _MAX_JOINT_GAP = "one_piece", 0.05
"""The group of what may have two boxes that touch, and the largest gap between them, relative to the smaller width."""

_HIGH = "high"
"""The group of what hangs or flies; another thing that is higher in the picture is farther away."""

_HAD = frozenset({"held by", "carried by", "worn by"})
"""Predicates of what a person has: nobody says that another thing is near it, nor that it is near another thing."""

_NO_LANDMARK = "no_landmark"
"""The group of what nobody chooses as a landmark, however large it is in the picture."""


@dataclass(frozen=True, eq=False)
class Landmark:
    """A thing, or a group of things of one kind, by which a caption can locate another thing.

    Attributes:
        phrase: the words for it: "a sink", "another one", "two others".
        regions: the things that the words may mean.
    """

    phrase: NounPhrase
    regions: tuple[Region, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The boxes of the things that the words may mean."""
        return tuple(region.box for region in self.regions)


def find_direction_relations(evidence: PictureEvidence, region: Region) -> Iterator[tuple[str, Landmark, float]]:
    """Yield each relation of a region to a landmark that boxes clearly show: predicate, landmark and closeness.

    The predicate is one of `DIRECTIONS`, if the region is in that direction from each thing that the landmark's words
    may mean; or `NEAR`, if it is near one of them. Of "above" and "below", the upper thing is one that hangs or flies.
    Closeness falls from 1, for boxes that touch, to 0; it is 1 for `NEAR`, and 0.5 for things of the region's own name.
    Stuff such as grass is in no direction from anything, nor anything from it; nor is a thing from one of another name
    that clearly is at another distance, nor a spoon from a table. Of a thing that the frame cuts off but for a strip,
    nothing is said.
    """
    thing = evidence.things[region.category]
    if is_stuff(region.category) or is_hardly_seen(region, evidence.picture):
        return
    for landmark, name in _iter_landmarks(evidence, region):
        if name != thing.name and _is_near(evidence, region, landmark.regions):
            yield NEAR, landmark, 1.0
        closeness = 0.5 if name == thing.name else _measure_closeness(region.box, landmark.boxes)
        if not closeness:
            continue
        if name != thing.name and any(is_other_depth(region, other, evidence.picture) for other in landmark.regions):
            continue
        if any(_may_rest(region, other) for other in landmark.regions):
            continue
        is_side = name == thing.name or _are_side_by_side(evidence, region, landmark.regions)
        held = [_find_clear_directions(region.box, box) for box in landmark.boxes]
        for direction in sorted(set.intersection(*held)):
            upper = region.category if direction == ABOVE else _find_category(evidence, name)
            if is_side if direction in (LEFT, RIGHT) else _HIGH in find_groups(upper):
                yield direction, landmark, closeness


def _are_side_by_side(evidence: PictureEvidence, region: Region, others: Sequence[Region]) -> bool:
    """Whether one sees at a glance that a region and things of another name are side by side.

    They are few, of similar size and at one level; nobody holds or hides them, and nothing is between them.
    """
    picture = evidence.picture
    if len(others) > _MAX_MEANT or any(_is_behind_person(evidence, one) for one in (region, *others)):
        return False
    areas = [one.box.area for one in (region, *others)]
    if min(areas) < max(_MIN_SIDE_SHARE * picture.width * picture.height, max(areas) / _MAX_SIDE_RATIO):
        return False
    return all(
        abs(region.box.y1 - other.box.y1) <= _MAX_LEVEL_OFFSET * max(region.box.height, other.box.height)
        and not is_between(picture.regions, region, other)
        for other in others
    )


def _is_behind_person(evidence: PictureEvidence, region: Region) -> bool:
    """Whether most of a thing is in the box of a person, who holds it or hides it."""
    if "person" in find_groups(region.category):
        return False
    return any(
        region.box.intersection_area(other.box) >= _MIN_HIDDEN_SHARE * region.box.area
        for other in evidence.picture.regions
        if "person" in find_groups(other.category)
    )


def _find_category(evidence: PictureEvidence, name: str) -> str:
    """A category of the things with a name in the picture."""
    return evidence.regions_by_name[name][0].category


def _is_near(evidence: PictureEvidence, region: Region, others: tuple[Region, ...]) -> bool:
    """Whether one would say that a region is near one of the regions that a landmark's words may mean."""
    small = [
        other
        for other in (region, *others)
        if _SMALL in find_groups(other.category)
        and _DISH_PART not in find_groups(other.category)
        and is_well_seen(other.box, evidence.picture, _MIN_NEAR_SHARE)
    ]
    return (
        region in small
        and not _is_had(evidence, region)
        and any(
            _is_close(region.box, other.box) and not is_other_depth(region, other, evidence.picture)
            for other in small
            if other is not region
        )
    )


def _may_rest(region: Region, other: Region) -> bool:
    """Whether one may rest on the other, as far as their kinds and boxes say."""
    own, groups = find_groups(region.category), find_groups(other.category)
    if "tabletop" in own and _TABLES & groups:
        return True
    may_bear = ("furnishing" in own and _TABLES & groups) or (_ON_SEATS & own and _SEATS & groups)
    return bool(may_bear) and max(measure_gaps(region.box, other.box)) <= _MAX_REST_GAP * region.box.width


def _is_had(evidence: PictureEvidence, region: Region) -> bool:
    """Whether a person holds or wears a region."""
    return any(contact.predicate in _HAD for contact in evidence.contacts.get(region.id, ()))


def _is_close(box: Box, other: Box) -> bool:
    """Whether a small gap, and nothing of the one in the other, is between two boxes, whose feet are at one level."""
    gap_x, gap_y = measure_gaps(box, other)
    smaller = min(box.area, other.area)
    if hypot(max(gap_x, 0), max(gap_y, 0)) > _MAX_NEAR_GAP * smaller**0.5 or is_apart(box, other):
        return False
    most = _MAX_FOOT_OFFSET * max(box.height, other.height)
    return abs(box.y1 - other.y1) <= most and box.intersection_area(other) < _MAX_NEAR_OVERLAP * smaller


def _find_clear_directions(box: Box, other: Box) -> set[str]:
    """The directions of `find_directions`; left and right also of things that are more side by side than stacked."""
    found = set(find_directions(box, other))
    offset_x, offset_y = box.center[0] - other.center[0], box.center[1] - other.center[1]
    clear = _MIN_OFFSET_SHARE * (box.width + other.width) / 2
    if abs(offset_x) >= max(clear, _MIN_SLOPE * abs(offset_y)):
        found.add(LEFT if offset_x < 0 else RIGHT)
    return found


def _iter_landmarks(evidence: PictureEvidence, region: Region) -> Iterator[tuple[Landmark, str]]:
    """Yield the landmarks for a region, each with the name of its things."""
    is_lone = not evidence.list_rivals(region)
    least = (_MIN_LONE_SHARE if is_lone else _MIN_IMAGE_SHARE) * evidence.picture.width * evidence.picture.height
    relative = _MIN_LONE_AREA if is_lone else _MIN_RELATIVE_AREA
    name = evidence.things[region.category].name
    for other_name, group in evidence.regions_by_name.items():
        others = [other for other in group if other.id != region.id]
        if not others or any(other.crowd for other in group) or is_stuff(group[0].category):
            continue
        largest = max(other.box.area for other in others)
        is_odd = largest < _MIN_RELATIVE_AREA * region.box.area and _SMALL in find_groups(others[0].category)
        if largest < max(least, relative * region.box.area) or (is_odd and _SMALL not in find_groups(region.category)):
            continue
        if other_name == name:
            if not _may_miss(evidence, region, others):
                yield Landmark(name_others(name, len(others)), tuple(others)), name
        elif not is_interchangeable(name, other_name) and _NO_LANDMARK not in find_groups(others[0].category):
            meant = tuple(other for other in others if other.box.area * _CONSPICUOUS_RATIO >= largest)
            if not any(_is_had(evidence, other) or is_hardly_seen(other, evidence.picture) for other in meant):
                yield Landmark(name_thing(others[0].category), meant), other_name


def _may_miss(evidence: PictureEvidence, region: Region, others: Sequence[Region]) -> bool:
    """Whether a reader may miss one of the other things of a region's name, or take it for a part of the region."""
    if len(others) > 1:
        return not _are_counted(evidence, (region, *others))
    (other,) = others
    gap_x, gap_y = measure_gaps(region.box, other.box)
    is_joint = max(gap_x, gap_y) <= _MAX_JOINT_GAP * min(region.box.width, other.box.width)
    is_part = is_joint and _ONE_PIECE in find_groups(region.category)
    are_seen = all(is_well_seen(one.box, evidence.picture, _MIN_PAIR_SHARE) for one in (region, other))
    return is_part or not are_seen


def _are_counted(evidence: PictureEvidence, group: Sequence[Region]) -> bool:
    """Whether a reader counts several things at a glance: few, of similar size, all seen well, none behind another."""
    areas = [one.box.area for one in group]
    return (
        len(group) <= _MAX_OTHERS + 1
        and max(areas) <= _MAX_OTHER_RATIO * min(areas)
        and all(is_well_seen(one.box, evidence.picture, _MIN_OTHER_SHARE) for one in group)
        and not any(
            one.box.intersection_area(other.box) > _MAX_OTHER_OVERLAP * min(one.box.area, other.box.area)
            for one, other in combinations(group, 2)
        )
    )


def _measure_closeness(box: Box, others: tuple[Box, ...]) -> float:
    """1 for boxes that touch, less for a gap, 0 beyond the largest gap; the nearest of the others counts."""
    gaps = []
    for other in others:
        gap = max(box.x0 - other.x1, other.x0 - box.x1, box.y0 - other.y1, other.y0 - box.y1, 0)
        size = max(box.area, other.area) ** 0.5
        gaps.append(gap / (_MAX_RELATIVE_GAP * size) if size else 1.0)
    return max(0.0, 1 - min(gaps))
