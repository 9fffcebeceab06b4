"""Draw an explanation: the image with its prompt, with its mask, and with the map of similarity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmeb_eval.data.images import decode_rgb
from mmeb_eval.item import XY, Lasso, Points, Polygon, Prompt, Scribble
from scar.errors import DataError, VirtueError
from scar.sample import Box, Mask
from virtue_ref.explain.explanation import Explanation
from virtue_ref.explain.similarity_map import find_peak, is_flat
from virtue_ref.search.sheet import check_picture_path, write_picture

SIDE, CAPTION_HEIGHT, GAP = 480, 40, 8
"""Longer side of a panel, height of the caption below it and distance between panels, in pixels."""

MOST_LETTERS = 200
"""More than fit below a panel; longer captions would only take time to shorten."""

PROMPT_COLOUR, BESIDE_COLOUR, MASK_COLOUR, TEXT_COLOUR = "#c2410c", "#1d4ed8", (255, 0, 140), "#1b1f25"
MASK_STRENGTH, MAP_STRENGTH = 0.5, 0.6
"""Share of the colour in a coloured pixel."""

RAMP = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64)
"""Colours of the map from its least to its greatest value: five of viridis, which also differ in brightness."""


def draw_explanation(explanation: Explanation, out: str | Path) -> Path:
    """Draw an explanation as two or three panels, and write it to a file.

    Args:
        explanation: what `virtue_ref.explain.explanation.explain_item` made.
        out: the file; its ending says the format, such as ``.png``.

    Returns:
        The file.

    Raises:
        VirtueError: the image is gone or broken, or the ending is of no image format.
        WriteError: the file cannot be written.
    """
    path = check_picture_path(out)
    panels = make_panels(explanation)
    width = sum(panel.width + GAP for panel in panels) + GAP
    sheet = Image.new("RGB", (width, panels[0].height + 2 * GAP), "white")
    left = GAP
    for panel in panels:
        sheet.paste(panel, (left, GAP))
        left += panel.width + GAP
    return write_picture(sheet, path)


def make_panels(explanation: Explanation) -> list[Image.Image]:
    """Make the panels: the image with its prompt; with its best mask, if any; with the map, if any."""
    image = explanation.item.image
    if image is None:
        raise VirtueError("an explanation has an image.")
    try:
        whole = decode_rgb(image)
    except DataError as error:
        raise VirtueError(f"the image cannot be drawn: {error}") from error
    scale = SIDE / max(whole.size)
    plain = whole.resize([max(1, round(side * scale)) for side in whole.size], Image.Resampling.LANCZOS)
    shown = plain.copy()
    if explanation.item.prompt is not None:
        draw_prompt(shown, explanation.item.prompt, scale)
    panels = [_add_caption(shown, image.name, "")]
    if explanation.segments is not None:
        mask, score = explanation.segments.masks[0], explanation.segments.scores[0]
        count = len(explanation.segments.masks)
        best = "" if count == 1 else f", the best of {count}"
        told = f"mask: {mask.mean():.1%} of the image{best}"
        panels.append(_add_caption(_tint(plain, mask), told, f"estimated overlap with the thing {score:.2f}"))
    if explanation.similarity is not None:
        panels.append(_draw_map(plain, explanation, scale))
    return panels


def draw_prompt(image: Image.Image, prompt: Prompt, scale: float) -> None:
    """Draw a prompt onto an image that is `scale` times the size of the displayed one."""
    draw = ImageDraw.Draw(image)
    match prompt:
        case Box():
            _draw_box(draw, prompt, scale)
        case Points(xy, labels, box):
            if box is not None:
                _draw_box(draw, box, scale)
            for (x, y), label in zip(xy, labels, strict=True):
                colour = PROMPT_COLOUR if label else BESIDE_COLOUR
                draw.circle((x * scale, y * scale), 5, fill=colour, outline="white", width=2)
        case Polygon(xy) | Lasso(xy):
            _draw_line(draw, (*xy, xy[0]), scale, PROMPT_COLOUR)
        case Scribble(strokes, beside):
            for lines, colour in ((strokes, PROMPT_COLOUR), (beside, BESIDE_COLOUR)):
                for line in lines:
                    _draw_line(draw, line, scale, colour)
        case Mask():
            image.paste(_tint(image, prompt.to_array()))


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, scale: float) -> None:
    corners = sorted((box.x0, box.x1)), sorted((box.y0, box.y1))
    (x0, x1), (y0, y1) = ([value * scale for value in pair] for pair in corners)
    draw.rectangle((x0, y0, x1, y1), outline=PROMPT_COLOUR, width=3)


def _draw_line(draw: ImageDraw.ImageDraw, xy: XY, scale: float, colour: str) -> None:
    draw.line([(x * scale, y * scale) for x, y in xy], fill=colour, width=4, joint="curve")


def _tint(image: Image.Image, mask: NDArray[np.bool_]) -> Image.Image:
    """Colour an image where a mask of another size is true."""
    inside = Image.fromarray(mask * np.uint8(255 * MASK_STRENGTH)).resize(image.size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", image.size, MASK_COLOUR), image, inside)


def _draw_map(plain: Image.Image, explanation: Explanation, scale: float) -> Image.Image:
    similarity = explanation.similarity
    if similarity is None:
        raise VirtueError("an explanation without a text has no map.")
    heat = Image.fromarray(colour_map(similarity)).resize(plain.size, Image.Resampling.BICUBIC)
    grey = plain.convert("L").convert("RGB")  # so that all colour is the map's
    drawn = Image.blend(grey, heat, MAP_STRENGTH)
    x, y = find_peak(similarity, explanation.size)
    if not is_flat(similarity):
        ImageDraw.Draw(drawn).circle((x * scale, y * scale), 7, outline="white", width=3)
    told = f"cosine {similarity.min():.3f} (violet) to {similarity.max():.3f} (yellow)"
    if explanation.item.prompt is not None:
        told += f"; the thing {explanation.score:.3f}"
    return _add_caption(drawn, f'"{explanation.text}"', told)


def colour_map(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) colours of (H, W) values, spread over the ramp from the least to the greatest; equal ones are least."""
    spread = float(values.max() - values.min())
    shares = (values - values.min()) / spread if spread else np.zeros_like(values)
    steps = np.linspace(0, 1, len(RAMP))
    channels = [np.interp(shares, steps, RAMP[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _add_caption(image: Image.Image, *lines: str) -> Image.Image:
    panel = Image.new("RGB", (max(image.width, 240), image.height + CAPTION_HEIGHT), "white")
    panel.paste(image, (0, 0))
    draw, font = ImageDraw.Draw(panel), ImageFont.load_default(13)
    for row, text in enumerate(lines):
        line = " ".join(text.split())[:MOST_LETTERS]
        while line and draw.textlength(line, font) > panel.width:
            line = f"{line.rstrip('.')[:-1]}..."
        draw.text((0, image.height + 4 + 17 * row), line, TEXT_COLOUR, font)
    return panel
