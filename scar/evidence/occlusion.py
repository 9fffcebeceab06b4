"""Evidence of masks: which of two things is in front of the other.

Annotators trace a partly hidden thing around the thing in front of it. So the hidden mask continues on both sides of
the front mask, and has a gap where the front mask is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from scar.errors import BadRecord
from scar.language.lexicon import Thing, resolve_category
from scar.language.relation_phrase import BEHIND, IN_FRONT_OF
from scar.sample import Box, Mask, Picture, Region

_MARGIN_SHARE = 0.2
"""Width of the strip on each side where the hidden mask must continue, as a share of the front box's width."""

_MIN_OWN_FILL, _MAX_HIDDEN_FILL = 0.5, 0.1
"""Least share of the common box that the front mask fills, and largest share that the hidden mask fills."""

_MIN_SIDE_FILL = 0.3
"""Least share of the strip on each side that the hidden mask fills: things do not fill their whole box."""


def is_in_front(near: Region, far: Region) -> bool:
    """Whether the masks clearly show that `near` hides a part of `far`; False if one of them has no mask."""
    box, other = near.box, far.box
    margin = _MARGIN_SHARE * (box.x1 - box.x0)
    if other.x0 > box.x0 - margin or other.x1 < box.x1 + margin:
        return False
    if box.intersection_area(other) < _MIN_OWN_FILL * box.area:
        return False
    mine, theirs = _read_mask(near), _read_mask(far)
    if mine is None or theirs is None or mine.size != theirs.size:
        return False
    shared = box.intersection(other)
    left = Box(box.x0 - margin, shared.y0, box.x0, shared.y1)
    right = Box(box.x1, shared.y0, box.x1 + margin, shared.y1)
    return (
        _measure_filled_share(theirs, shared) <= _MAX_HIDDEN_FILL
        and _measure_filled_share(theirs, left) >= _MIN_SIDE_FILL
        and _measure_filled_share(theirs, right) >= _MIN_SIDE_FILL
        and _measure_filled_share(mine, shared) >= _MIN_OWN_FILL
    )


@lru_cache(maxsize=8)
def find_depth_relations(picture: Picture, region: Region) -> tuple[tuple[str, Region], ...]:
    """Find the things that the masks clearly show to be behind or in front of a region.

    Other things count only if they are the only region of their category, and if neither thing may support or contain
    the other.

    Returns:
        `IN_FRONT_OF` with each thing that the region is in front of, and `BEHIND` with each one that it is behind.
        Empty if the source annotates relations in the picture, or the region is a crowd.
    """
    if picture.relations or region.crowd:
        return ()
    thing = resolve_category(region.category)
    found: list[tuple[str, Region]] = []
    for other, landmark in _list_single_things(picture):
        predicate = IN_FRONT_OF if is_in_front(region, other) else BEHIND if is_in_front(other, region) else ""
        if predicate and not _is_borne_by(thing, landmark) and not _is_borne_by(landmark, thing):
            found.append((predicate, other))
    return tuple(found)


def _is_borne_by(thing: Thing, other: Thing) -> bool:
    """Whether a thing of this kind may lie on the other thing, be worn by it or be inside it."""
    return thing.kind in other.supports_kinds or thing.kind in other.contains_kinds


@lru_cache(maxsize=8)
def _list_single_things(picture: Picture) -> tuple[tuple[Region, Thing], ...]:
    """Things with one region in the picture and a kind; walls and the sky have no kind: they are behind everything."""
    groups = (
        (group[0], resolve_category(category))
        for category, group in picture.regions_by_category.items()
        if len(group) == 1
    )
    return tuple((region, thing) for region, thing in groups if thing.kind and not region.crowd)


@lru_cache(maxsize=64)
def _read_mask(region: Region) -> Mask | None:
    try:
        return region.with_mask().mask
    except BadRecord:  # the builder counts it when it reads the region itself
        return None


def _measure_filled_share(mask: Mask, box: Box) -> float:
    """Share of a box that a mask fills."""
    import numpy as np
    from pycocotools import mask as coco

    height, width = mask.size
    piece: Any = coco.frPyObjects(np.array([box.xywh], np.float64), height, width)
    whole: Any = {"size": list(mask.size), "counts": mask.counts.encode()}
    area = float(coco.area(piece)[0])
    return float(coco.area(coco.merge([whole, piece[0]], True))) / area if area else 0.0
