"""Self-contained HTML pages: render templates, embed images, outline masks, and split captions into their parts."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.pixels import to_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

    from scar.sample import Caption, Mask, Part

FOLDER = Path(__file__).parent
"""Folder of the templates that all pages share: `layout.html`, `base.css` and `drawing.html`."""


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """An image inside an HTML page.

    Attributes:
        uri: the reduced image as a ``data:`` URI.
        width: width in pixels that the image had before it was reduced.
        height: its height, likewise.
    """

    uri: str
    width: int
    height: int


def render_page(template: str, *folders: Path, **values: Any) -> str:
    """Render a template into an HTML page; values are escaped.

    Args:
        template: file name of the template, in one of ``folders`` or in `FOLDER`.
        folders: folders with templates, searched before `FOLDER`.
        values: the values of the names in the template; a name without one raises ``jinja2.UndefinedError``.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def embed_image(image: Image, side: int) -> EmbeddedImage:
    """Embed an image, whose pixels are as displayed, as JPEG of at most ``side`` pixels on its longer side."""
    width, height = image.size
    image = to_rgb(image.copy())
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return EmbeddedImage(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", width, height)


def make_png_uri(data: bytes) -> str:
    """A PNG file as a ``data:`` URI."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def trace_outline(mask: Mask, side: int) -> str:
    """The outline of a mask as SVG path data, in pixels of the mask; empty if the mask is empty.

    Args:
        mask: the mask.
        side: the mask is reduced to this many pixels on its longer side before it is traced; the path stays in pixels
            of the whole mask.
    """
    import numpy as np
    from contourpy import contour_generator
    from PIL import Image

    height, width = mask.size
    pixels = Image.fromarray(mask.to_array().astype(np.uint8) * 255)
    share = min(1.0, side / max(width, height))
    small = pixels.resize((max(round(width * share), 1), max(round(height * share), 1)), Image.Resampling.BOX)
    # an empty rim closes the outlines of things that touch the border of the image
    rimmed = np.pad(np.asarray(small, np.float64), 1)
    lines = contour_generator(z=rimmed).lines(127.5)
    scale = np.array([width / small.width, height / small.height])
    parts = []
    for line in lines:
        points = np.clip((np.asarray(line) - 0.5) * scale, 0, [width, height])
        parts.append("M" + " ".join(f"{x:.0f},{y:.0f}" if share < 1 else f"{x:.1f},{y:.1f}" for x, y in points) + "Z")
    return "".join(parts)


def split_caption(caption: Caption, replaced: Part | None) -> tuple[tuple[str, bool], ...]:
    """Split a caption into its parts, for a page that marks one of them.

    Args:
        caption: the caption.
        replaced: the part that differs from the gold caption; None for the gold caption itself.

    Returns:
        Text, and whether it is the ``replaced`` part, of object, relation and scene; empty parts are left out.
    """
    elements = (("object", caption.object), ("relation", caption.relation), ("scene", caption.scene))
    return tuple((text, part == replaced) for part, text in elements if text)
