"""HTML pages that need no network and no other file: what is drawn in them, and how a template becomes one."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from scar.sample import Caption, Mask, Part

FOLDER = Path(__file__).parent
"""Of the templates: `base.css` and `drawing.html` are for pages of other packages too."""


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """An embedded picture.

    Attributes:
        uri: the reduced picture as a ``data:`` URI.
        width: of the original in pixels; so is `height`.
        height: see `width`.
    """

    uri: str
    width: int
    height: int


def render_page(template: str, *folders: Path, **values: Any) -> str:
    """A page.

    Args:
        template: its file, in one of ``folders`` or here; all that it writes is escaped.
        folders: where else templates lie.
        values: what the template names; it is an error to leave one out.
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
    """A picture as JPEG whose larger side has at most so many pixels."""
    width, height = image.size
    image = image.convert("RGB")
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return EmbeddedImage(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", width, height)


def make_png_uri(data: bytes) -> str:
    """A PNG file as a ``data:`` URI."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def trace_outline(mask: Mask, side: int) -> str:
    """The edge of a mask as the path data of an SVG, in pixels of the original; empty if it has no pixel.

    Args:
        mask: what is outlined.
        side: the edge is as fine as in a picture whose larger side has so many pixels.
    """
    import numpy as np
    from contourpy import contour_generator
    from PIL import Image

    height, width = mask.size
    pixels = Image.fromarray(mask.to_array().astype(np.uint8) * 255)
    share = min(1.0, side / max(width, height))
    small = pixels.resize((max(round(width * share), 1), max(round(height * share), 1)), Image.Resampling.BOX)
    # a rim of nothing closes the edge of what touches the end of the image
    rimmed = np.pad(np.asarray(small, np.float64), 1)
    lines = contour_generator(z=rimmed).lines(127.5)
    scale = np.array([width / small.width, height / small.height])
    parts = []
    for line in lines:
        points = np.clip((np.asarray(line) - 0.5) * scale, 0, [width, height])
        parts.append("M" + " ".join(f"{x:.0f},{y:.0f}" if share < 1 else f"{x:.1f},{y:.1f}" for x, y in points) + "Z")
    return "".join(parts)


def split_caption(caption: Caption, replaced: Part | None) -> tuple[tuple[str, bool], ...]:
    """The elements of a caption in the order of its text, each with whether it is the replaced one."""
    elements = (("object", caption.object), ("relation", caption.relation), ("scene", caption.scene))
    return tuple((text, part == replaced) for part, text in elements if text)
