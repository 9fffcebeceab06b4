"""Read items from records, such as rows of JSONL or dictionaries of other libraries.

A record has `text`, `image`, or both, and at most one prompt, in pixels of the image as it is displayed: `box` [x0, y0,
x1, y1]; `points` [[x, y], ...] with `labels`, 1 for a point on the thing and 0 for one beside it (all 1 if left out; a
`box` may come with them); `mask` (COCO's polygons or run lengths, an array, or the path of an image that is black
outside the thing); `polygon` [[x, y], ...], whose sides do not cross; `lasso` [[x, y], ...], drawn by hand around the
thing; `scribble`, a list of strokes [[x, y], ...] on the thing, with strokes beside it under `beside`; or `phrase`,
words for what to find in the image. A value None means that the key is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from mmeb_eval.item import Item, Lasso, Polygon, Prompt
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError, UnknownName
from virtue_ref.inference.prompt_values import (
    read_box,
    read_mask,
    read_outline,
    read_phrase,
    read_points,
    read_scribble,
)
from virtue_ref.model.images import read_displayed_size

BESIDE = {"labels": "points", "beside": "scribble"}
"""Key of a record -> the key of the prompt that it belongs to."""

PROMPT_KEYS = ("box", "points", "mask", "polygon", "lasso", "scribble", "phrase", *BESIDE)
RECORD_KEYS = ("text", "image", *PROMPT_KEYS)

PROMPT_LIKE = frozenset(
    {"bbox", "bboxes", "boxes", "xyxy", "xywh", "region", "regions", "point", "point_labels", "masks"}
    | {"segmentation", "rle", "polygons", "lassos", "outline", "stroke", "strokes", "scribbles", "prompt"}
)
"""Keys under which other programs have their prompts. An adapter that ignores unknown columns refuses these."""


def read_record(
    record: Mapping[str, Any], find_image: Callable[[Any], ImageFile], folder: Path = Path(), also: Collection[str] = ()
) -> Item:
    """Read an item from a record; the head of this module says what a record is.

    Args:
        record: the record.
        find_image: function from the value of `image` to the image file; not called if there is no image.
        folder: folder that the path of a mask is relative to.
        also: further keys that a record may have; they are ignored.

    Raises:
        ItemError: a key is unknown, a value cannot be used, or there is a prompt without an image.
    """
    check_keys(record, (*RECORD_KEYS, *also))
    text = record.get("text")
    if not isinstance(text, str | None):
        raise ItemError(f"text {text!r} is no string: put it in quotes.")
    image = None if record.get("image") is None else find_image(record["image"])
    return Item(text or "", image, _read_prompt(record, image, folder))


def check_keys(keys: Collection[Any], known: Collection[str]) -> None:
    """Check that all keys of a record are known.

    Raises:
        ItemError: a key is not in `known`; the message proposes the nearest one.
    """
    for key in keys:
        if key not in known:
            way_out = f"an item has {', '.join(sorted(known))}; box is x0, y0, x1, y1."
            raise ItemError(str(UnknownName("key", str(key), known, way_out)))


def _read_prompt(record: Mapping[str, Any], image: ImageFile | None, folder: Path) -> Prompt | None:
    given = {key: record[key] for key in PROMPT_KEYS if record.get(key) is not None}
    if not given:
        return None
    if image is None:
        raise ItemError("a prompt without an image to draw it on.")
    for key, main in BESIDE.items():
        if key in given and main not in given:
            raise ItemError(f"{key} {given[key]!r} without {main}.")
    kinds = [key for key in given if key not in BESIDE]
    if len(kinds) > 1 and kinds != ["box", "points"]:
        raise ItemError(f"an item has one prompt, not {' and '.join(kinds)}; a box may come with points alone.")
    value = given[kinds[-1]]
    match kinds[-1]:
        case "box":
            return read_box(value)
        case "points":
            return read_points(value, given.get("labels"), given.get("box"))
        case "mask":
            return read_mask(value, lambda: read_displayed_size(image), folder)
        case "polygon":
            return read_outline(Polygon, value)
        case "lasso":
            return read_outline(Lasso, value)
        case "scribble":
            return read_scribble(value, given.get("beside", ()))
    return read_phrase(value)
