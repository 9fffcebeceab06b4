"""Options of the `virtue` commands that say which thing on an image is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

BoxOption: TypeAlias = Annotated[
    str | None, typer.Option("--box", metavar="X0,Y0,X1,Y1", help="Region of the image, in pixels as displayed.")
]
PointOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--point", metavar="X,Y", help="Point on the thing; may be repeated.")
]
MaskOption: TypeAlias = Annotated[
    Path | None, typer.Option("--mask", help="Image of the thing's mask, black outside it.")
]
PolygonOption: TypeAlias = Annotated[
    str | None, typer.Option("--polygon", metavar="'X,Y X,Y ...'", help="Corners around the thing; no sides cross.")
]
LassoOption: TypeAlias = Annotated[
    str | None, typer.Option("--lasso", metavar="'X,Y X,Y ...'", help="Line by hand around the thing.")
]
ScribbleOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--scribble", metavar="'X,Y ...'", help="Stroke on the thing; may be repeated.")
]
BesideOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--beside", metavar="'X,Y ...'", help="Stroke beside the thing, with --scribble; may be repeated."),
]
PhraseOption: TypeAlias = Annotated[
    str | None, typer.Option("--phrase", help="Words for the thing, found in the image by --detector.")
]
DetectorOption: TypeAlias = Annotated[
    str | None, typer.Option("--detector", help="Folder or Hub id of SAM 3, which finds the thing of a --phrase.")
]


def make_prompt_record(
    *,
    box: str | None = None,
    point: list[str] | None = None,
    mask: Path | None = None,
    polygon: str | None = None,
    lasso: str | None = None,
    scribble: list[str] | None = None,
    beside: list[str] | None = None,
    phrase: str | None = None,
) -> dict[str, Any]:
    """Make the prompt's part of a record, as `virtue_ref.inference.records` describes it, from the options.

    Returns:
        The keys that were given; empty if none was.

    Raises:
        ConfigError: a value is not of the option's form.
    """
    record = {
        "box": None if box is None else _read_numbers(box, "--box", "x0,y0,x1,y1"),
        "points": [_read_numbers(each, "--point", "x,y") for each in point or ()] or None,
        "mask": None if mask is None else str(mask),
        "polygon": None if polygon is None else _read_pairs(polygon, "--polygon"),
        "lasso": None if lasso is None else _read_pairs(lasso, "--lasso"),
        "scribble": [_read_pairs(each, "--scribble") for each in scribble or ()] or None,
        "beside": [_read_pairs(each, "--beside") for each in beside or ()] or None,
        "phrase": phrase,
    }
    return {key: value for key, value in record.items() if value is not None}


def _read_pairs(text: str, option: str) -> list[list[float]]:
    """The points of an option's 'x,y x,y ...'."""
    return [_read_numbers(pair, option, "x,y") for pair in text.split()]


def _read_numbers(text: str, option: str, form: str) -> list[float]:
    from scar.errors import ConfigError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(form.split(",")):
        raise ConfigError(f"{option} {text!r}: give {form} in pixels.")
    return numbers
