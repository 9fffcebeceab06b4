"""What masks say about which of two things is in front of the other.

Where a thing hides a part of another, annotators trace the other one around it: its mask goes on at both sides and has
a gap where the first one's mask is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from scar.errors import BadRecord
from scar.evidence.geometry import BEHIND, IN_FRONT_OF
from scar.language.lexicon import Thing, resolve_category
from scar.sample import Box, Mask, Picture, Region

_MARGIN_SHARE = 0.2
"""The hidden thing goes on at each side for this part of the width of what hides it."""

_MIN_OWN_FILL, _MAX_HIDDEN_FILL = 0.5, 0.1
"""Its own mask fills so much at least of the box of what hides, as far as the other one's has it, the other at most."""

_MIN_SIDE_FILL = 0.3
"""Part of a strip at each side that the mask of the hidden thing fills at least."""


def is_in_front(near: Region, far: Region) -> bool:
    """Whether the masks plainly show that `near` hides a part of `far`; False if one of them has no mask."""
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
    """What a region is plainly in front of or behind, as masks show; nothing where the source annotates relations.

    Told are things of which there is one, unless one of the two bears or holds the other.
    """
    if picture.relations or region.crowd:
        return ()
    that = resolve_category(region.category)
    found: list[tuple[str, Region]] = []
    for other, what in _list_single_things(picture):
        head = IN_FRONT_OF if is_in_front(region, other) else BEHIND if is_in_front(other, region) else ""
        if head and that.kind not in (*what.bears, *what.contains) and what.kind not in (*that.bears, *that.contains):
            found.append((head, other))
    return tuple(found)


@lru_cache(maxsize=8)
def _list_single_things(picture: Picture) -> tuple[tuple[Region, Thing], ...]:
    """The things of a known kind of which a picture has one; a wall or the sky is behind everything."""
    groups = (
        (group[0], resolve_category(category))
        for category, group in picture.regions_by_category.items()
        if len(group) == 1
    )
    return tuple((region, what) for region, what in groups if what.kind and not region.crowd)


@lru_cache(maxsize=64)
def _read_mask(region: Region) -> Mask | None:
    try:
        return region.with_mask().mask
    except BadRecord:  # it is counted when the region's own turn comes
        return None


def _measure_filled_share(mask: Mask, box: Box) -> float:
    """Part of a box that a mask fills."""
    import numpy as np
    from pycocotools import mask as coco

    height, width = mask.size
    piece: Any = coco.frPyObjects(np.array([box.xywh], np.float64), height, width)
    whole: Any = {"size": list(mask.size), "counts": mask.counts.encode()}
    area = float(coco.area(piece)[0])
    return float(coco.area(coco.merge([whole, piece[0]], True))) / area if area else 0.0
