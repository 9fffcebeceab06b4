"""Turn the prompt that a user draws on an image into points in the segmenter's square."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmeb_eval.item import Points, Prompt
from scar.errors import InputError, ItemError
from scar.sample import Box, Mask
from virtue_ref.config import Profile

NEGATIVE, POSITIVE, FIRST_CORNER, SECOND_CORNER = 0, 1, 2, 3
"""SAM's labels for the points of a prompt."""


@dataclass(frozen=True, slots=True)
class PointPrompt:
    """A prompt as the segmenter takes it.

    Attributes:
        xy: P points (x, y) in pixels of the segmenter's square; the corners of a box are two of these points.
        labels: P labels in SAM's numbering (`NEGATIVE` to `SECOND_CORNER`).
        mask: the pixels of the original image that belong to the thing, for the segmenter's mask input; None without.
    """

    xy: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    mask: Mask | None = None


def make_grid_prompt(side: int, points_per_side: int) -> PointPrompt:
    """The substitute for a missing prompt: a grid of positive points spread evenly over the image, row by row.

    >>> make_grid_prompt(1024, 2).xy
    ((256.0, 256.0), (768.0, 256.0), (256.0, 768.0), (768.0, 768.0))
    """
    steps = [(i + 0.5) / points_per_side * side for i in range(points_per_side)]
    xy = tuple((x, y) for y in steps for x in steps)
    return PointPrompt(xy, (POSITIVE,) * len(xy))


def make_point_prompt(
    prompt: Prompt | None, size: tuple[int, int], side: int, points_per_side: int, profile: Profile
) -> PointPrompt:
    """Turn a user's prompt into the segmenter's prompt.

    Args:
        prompt: box, points or mask in pixels of the original image; None gives the grid of `make_grid_prompt`.
        size: (width, height) of the original image in pixels.
        side: side of the segmenter's square in pixels.
        points_per_side: the grid has points_per_side x points_per_side points.
        profile: its `prompt_frame` says whether coordinates are scaled to the square.

    Raises:
        ItemError: the prompt is empty, has a coordinate that is not a number, lies outside the image, or is a mask
            whose size is not the image's.
    """
    match prompt:
        case None:
            return make_grid_prompt(side, points_per_side)
        case Mask():
            return PointPrompt((), (), _check_mask(prompt, size))
        case Box():
            xy = _find_corners(prompt, size, side, profile)
            labels: tuple[int, ...] = (FIRST_CORNER, SECOND_CORNER)
        case Points():
            xy, labels = prompt.xy, prompt.labels
            _check_points(prompt, size, side, profile)
            if prompt.box is not None and profile.box_beside_points:
                xy = (*_find_corners(prompt.box, size, side, profile), *xy)
                labels = (FIRST_CORNER, SECOND_CORNER, *labels)
        case _:
            raise ItemError(f"a {type(prompt).__name__} is no prompt: it is a Box, Points or a Mask.")
    if profile.prompt_frame == "image":
        scale_x, scale_y = side / size[0], side / size[1]
        xy = tuple((x * scale_x, y * scale_y) for x, y in xy)
    return PointPrompt(xy, labels)


def _find_bounds(size: tuple[int, int], side: int, profile: Profile) -> Box:
    """The box of valid coordinates: the image; if prompts are not scaled, image and segmenter's square together."""
    return Box(0, 0, *(size if profile.prompt_frame == "image" else (max(size[0], side), max(size[1], side))))


def _find_corners(box: Box, size: tuple[int, int], side: int, profile: Profile) -> tuple[tuple[float, float], ...]:
    """Both corners of a box, clipped to the image if prompts are scaled."""
    corners = (box.x0, box.y0, box.x1, box.y1)
    if not all(math.isfinite(corner) for corner in corners):
        raise ItemError(f"box {corners} has a corner that is not a number.")
    frame = _find_bounds(size, side, profile)
    if (
        max(box.x0, box.x1) < 0
        or max(box.y0, box.y1) < 0
        or min(box.x0, box.x1) > frame.x1
        or min(box.y0, box.y1) > frame.y1
    ):
        raise ItemError(f"box {corners} lies outside the image, which has {size[0]} x {size[1]} pixels.")
    if profile.prompt_frame == "image":
        if box.area == 0:
            raise ItemError(f"box {corners} has no area: x0 < x1 and y0 < y1 are wanted.")
        box = box.intersection(frame)
    return (box.x0, box.y0), (box.x1, box.y1)


def _check_points(points: Points, size: tuple[int, int], side: int, profile: Profile) -> None:
    if not points.xy:
        raise ItemError("the prompt has no points: give at least one, or no prompt.")
    if len(points.labels) != len(points.xy) or not set(points.labels) <= {NEGATIVE, POSITIVE}:
        raise ItemError(f"{len(points.xy)} points need as many labels, each 0 or 1, not {points.labels}.")
    frame = _find_bounds(size, side, profile)
    for x, y in points.xy:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ItemError(f"point ({x}, {y}) is not a number.")
        if not (0 <= x <= frame.x1 and 0 <= y <= frame.y1):
            raise ItemError(f"point ({x}, {y}) lies outside the image, which has {size[0]} x {size[1]} pixels.")


def _check_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    if tuple(mask.size) != (size[1], size[0]):
        raise ItemError(
            f"a mask of {mask.size[1]} x {mask.size[0]} pixels on an image of {size[0]} x {size[1]}: they must agree."
        )
    try:
        empty = not mask.to_array().any()
    except InputError as error:
        raise ItemError(str(error)) from error
    if empty:
        raise ItemError("the mask is empty.")
    return mask
