"""Turn the prompt that a user draws on an image into points in the segmenter's square; a mask stays a mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmeb_eval.item import Lasso, Phrase, Points, Polygon, Prompt, Scribble
from mmeb_eval.regions.box_problems import find_box_problem
from scar.errors import InputError, ItemError
from scar.sample import Box, Mask
from virtue_ref.config import Profile
from virtue_ref.model.drawn import check_outline, check_scribble, fill_outline, find_outline_box, sample_scribble

NEGATIVE, POSITIVE, FIRST_CORNER, SECOND_CORNER = 0, 1, 2, 3
"""SAM's labels for the points of a prompt."""


@dataclass(frozen=True, slots=True)
class PointPrompt:
    """A prompt as the segmenter takes it: points, a mask, or both.

    Attributes:
        xy: P points (x, y) in pixels of the segmenter's square; a box is its two corners, which come first.
        labels: P labels in SAM's numbering (`NEGATIVE` to `SECOND_CORNER`).
        mask: the pixels that belong to the thing. It has the size of the image that the model sees, before that is
            resized; the segmenter resizes it. None without a mask.
    """

    xy: tuple[tuple[float, float], ...]
    labels: tuple[int, ...]
    mask: Mask | None = None


def make_grid_prompt(side: int, points_per_side: int) -> PointPrompt:
    """Make the prompt of an image without one: a grid of positive points, evenly spread, row by row.

    Args:
        side: side of the segmenter's square in pixels.
        points_per_side: the grid has points_per_side x points_per_side points.

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
        prompt: any prompt but a phrase, in pixels of the image that the model sees; None gives the grid of
            `make_grid_prompt`. An outline becomes its mask and the box around it, a scribble its points.
        size: (width, height) in pixels of the image that the model sees.
        side: side of the segmenter's square in pixels.
        points_per_side: see `make_grid_prompt`.
        profile: its `prompt_frame` says whether coordinates are scaled to the square, its `box_beside_points` whether a
            box beside points is used. Boxes that are scaled are first cut at the image's edges.

    Raises:
        ItemError: `check_prompt` refuses the prompt.
    """
    if prompt is None:
        return make_grid_prompt(side, points_per_side)
    is_scaled = profile.prompt_frame == "image"
    check_prompt(prompt, size, size if is_scaled else (max(size[0], side), max(size[1], side)))
    box, clicks, mask = _split_prompt(prompt, size)
    if clicks.xy and not profile.box_beside_points:
        box = None
    xy, labels = clicks.xy, clicks.labels
    if box is not None:
        box = box.intersection(Box(0, 0, *size)) if is_scaled else box
        xy = ((box.x0, box.y0), (box.x1, box.y1), *xy)
        labels = (FIRST_CORNER, SECOND_CORNER, *labels)
    if is_scaled:
        scale_x, scale_y = side / size[0], side / size[1]
        xy = tuple((x * scale_x, y * scale_y) for x, y in xy)
    return PointPrompt(xy, labels, mask)


def _split_prompt(prompt: Prompt, size: tuple[int, int]) -> tuple[Box | None, Points, Mask | None]:
    """The box, the clicks and the mask of a prompt, which `check_prompt` has accepted."""
    nothing = Points((), ())
    match prompt:
        case Box():
            return prompt, nothing, None
        case Points(box=box):
            return box, prompt, None
        case Mask():
            return None, nothing, prompt
        case Polygon() | Lasso():
            return find_outline_box(prompt, size), nothing, Mask.from_array(fill_outline(prompt, size))
        case Scribble():
            return None, sample_scribble(prompt, size), None
    raise TypeError(f"a {type(prompt).__name__} is not drawn.")


def check_prompt(prompt: Prompt, size: tuple[int, int], bounds: tuple[int, int]) -> None:
    """Check that a prompt is whole and lies on the image, in pixels.

    A box or an outline may reach beyond the bounds, but a part of it must lie inside. Every point must lie inside.

    Args:
        prompt: any prompt but a phrase, for which a detector finds a box first.
        size: (width, height) of the image in pixels.
        bounds: (width, height) of the area in which coordinates are allowed; at least the image's.

    Raises:
        ItemError: the prompt is empty, has a coordinate that is not a number, lies outside the bounds, looks like
            fractions of the image or like x, y, width and height; or is a mask whose size is not the image's.
    """
    match prompt:
        case Box():
            _check_box(prompt, size, bounds)
        case Points():
            _check_points(prompt, size, bounds)
            if prompt.box is not None:
                _check_box(prompt.box, size, bounds)
        case Mask():
            _check_mask(prompt, size)
        case Polygon() | Lasso():
            check_outline(prompt, size)
        case Scribble():
            check_scribble(prompt, size)
        case Phrase():
            raise ItemError(
                f"no detector looks for {prompt.words!r}: load the model with detector=..., SAM 3's weights."
            )
        case _:
            raise ItemError(f"a {type(prompt).__name__} is no prompt: see mmeb_eval.item.Prompt.")


def _check_box(box: Box, size: tuple[int, int], bounds: tuple[int, int]) -> None:
    if (problem := find_box_problem(box, size, bounds)) is not None:
        raise ItemError(problem)


def _check_points(points: Points, size: tuple[int, int], bounds: tuple[int, int]) -> None:
    if not points.xy:
        raise ItemError("the prompt has no points: give at least one, or no prompt.")
    if len(points.labels) != len(points.xy) or not set(points.labels) <= {NEGATIVE, POSITIVE}:
        raise ItemError(f"{len(points.xy)} points need as many labels, each 0 or 1, not {points.labels}.")
    for x, y in points.xy:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ItemError(f"point ({x}, {y}) is not a number.")
        if not (0 <= x <= bounds[0] and 0 <= y <= bounds[1]):
            raise ItemError(f"point ({x}, {y}) lies outside the image, which has {size[0]} x {size[1]} pixels.")
    values = [value for pair in points.xy for value in pair]
    if max(values) <= 1 and any(value != int(value) for value in values):
        way_out = f"multiply x by {size[0]} and y by {size[1]}"
        raise ItemError(f"points {points.xy} look like fractions of the image: {way_out}.")


def _check_mask(mask: Mask, size: tuple[int, int]) -> None:
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
