"""A picture of what a query found: the query's image first, then the hits with their scores."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from mmeb_eval.data.images import decode_rgb
from mmeb_eval.item import XY, Item, Lasso, Points, Polygon, Scribble
from scar.common.files import write_bytes
from scar.common.image_bytes import ImageFile
from scar.errors import DataError, VirtueError
from scar.sample import Box, Mask
from virtue_ref.search.index import Hit

CELL, TEXT_HEIGHT, GAP = 220, 34, 6
"""Side of a picture, height of its caption and distance between cells, in pixels."""

QUERY_COLOUR, HIT_COLOUR = "#c2410c", "#0f766e"


def draw_hits(hits: Sequence[Hit], out: str | Path, query: str | Item | None = None, *, columns: int = 6) -> Path:
    """Draw hits as a sheet of pictures with their boxes, best first, and write it to a file.

    Args:
        hits: what `virtue_ref.search.index.Index.search` found.
        out: the file; its ending says the format, such as ``.png``.
        query: the query, drawn before the hits; None leaves it out.
        columns: number of pictures in a row.

    Returns:
        The file.

    Raises:
        VirtueError: an image of a hit is gone or broken, or the ending is of no image format.
    """
    path = check_picture_path(out)
    cells = [] if query is None else [_draw_query(query)]
    for rank, hit in enumerate(hits, start=1):
        cells.append(_draw_cell(hit.image, hit.box, f"{rank}.  {hit.score:.3f}  {hit.text}", HIT_COLOUR))
    rows = max(1, math.ceil(len(cells) / columns))
    width, height = min(columns, max(1, len(cells))) * (CELL + GAP) + GAP, rows * (CELL + TEXT_HEIGHT + GAP) + GAP
    sheet = Image.new("RGB", (width, height), "white")
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        sheet.paste(cell, (GAP + column * (CELL + GAP), GAP + row * (CELL + TEXT_HEIGHT + GAP)))
    return write_picture(sheet, path)


def check_picture_path(out: str | Path) -> Path:
    """Return the path of a picture that Pillow can write.

    Raises:
        VirtueError: its ending is of no such format, or it is a folder.
    """
    path = Path(out)
    Image.init()
    if Image.EXTENSION.get(path.suffix.lower()) not in Image.SAVE:
        raise VirtueError(f"{path}: its ending is of no image format that can be written; name it .png or .jpg.")
    if path.is_dir():
        raise VirtueError(f"{path}: is a folder; name a file in it.")
    return path


def write_picture(image: Image.Image, path: Path) -> Path:
    """Write an image in the format that its ending says, and return the path; missing folders are made.

    Raises:
        WriteError: the file cannot be written.
    """
    content = io.BytesIO()
    image.save(content, Image.EXTENSION[path.suffix.lower()])
    write_bytes(content.getvalue(), path)
    return path


def _draw_query(query: str | Item) -> Image.Image:
    if isinstance(query, str) or query.image is None:
        cell = Image.new("RGB", (CELL, CELL + TEXT_HEIGHT), "white")
        text = query if isinstance(query, str) else query.text
        words = "\n".join(text[start : start + 34] for start in range(0, min(len(text), 340), 34))
        ImageDraw.Draw(cell).text((4, 4), words, QUERY_COLOUR, ImageFont.load_default(12))
        return cell
    return _draw_cell(query.image, find_outer_box(query), "query", QUERY_COLOUR)


def find_outer_box(item: Item) -> Box | None:
    """The box around what an item's prompt marks; None without a prompt, or if the mask is empty."""
    match item.prompt:
        case Box():
            return item.prompt
        case Points(xy) | Polygon(xy) | Lasso(xy):
            return _surround(xy)
        case Scribble(strokes):
            return _surround(tuple(pair for stroke in strokes for pair in stroke))
        case Mask():
            from pycocotools import mask

            x, y, width, height = mask.toBbox({"size": list(item.prompt.size), "counts": item.prompt.counts.encode()})
            return Box.from_xywh(x, y, width, height) if width and height else None
    return None


def _surround(xy: XY) -> Box:
    across, down = zip(*xy, strict=True)
    return Box(min(across) - 4, min(down) - 4, max(across) + 4, max(down) + 4)


def _draw_cell(path: ImageFile, box: Box | None, caption: str, colour: str) -> Image.Image:
    try:
        image = decode_rgb(path)
    except DataError as error:
        raise VirtueError(f"the image of a hit cannot be drawn: {error}") from error
    scale = CELL / max(image.size)
    small = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (CELL, CELL + TEXT_HEIGHT), "white")
    left, top = (CELL - small.width) // 2, (CELL - small.height) // 2
    cell.paste(small, (left, top))
    draw = ImageDraw.Draw(cell)
    if box is not None:
        corners = sorted((box.x0, box.x1)), sorted((box.y0, box.y1))
        (x0, x1), (y0, y1) = ([value * scale for value in pair] for pair in corners)
        draw.rectangle((left + x0, top + y0, left + x1, top + y1), outline=colour, width=3)
    draw.text((2, CELL + 3), caption[:36], colour, ImageFont.load_default(12))
    draw.text((2, CELL + 17), caption[36:76], colour, ImageFont.load_default(12))
    return cell
