"""Checks that an embedder keeps its contract, on eight toy items: takes seconds and downloads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from mmeb_eval.embedder import Embedder, check_vectors, get_layout_name, get_prompt_kinds
from mmeb_eval.item import Item, Points, Prompt, describe_item
from mmeb_eval.templates.fused import get_layout
from scar.errors import ContractError, EvalError, UnknownName
from scar.sample import Box, Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VECTOR_TOLERANCE = 1e-3
"""Largest difference, in any component, between two vectors of one item that still counts as rounding."""

IMAGE_SIDE = 64
"""Height and width of the toy images in pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, as one line for the author of an embedder.

    Attributes:
        level: ``error`` if the embedder breaks the contract; ``note`` for what is allowed, but worth knowing.
        text: what is wrong and what to do.
    """

    level: Literal["error", "note"]
    text: str


def check(embedder: Embedder) -> list[Finding]:
    """Check an embedder on eight items; it keeps the contract if no finding has the level ``error``."""
    with TemporaryDirectory(prefix="mmeb-eval-check-") as folder:
        return list(_iter_findings(embedder, Path(folder)))


def draw_toy_items(folder: Path, image_token: str = "") -> list[Item]:
    """Make the toy items and draw their images into ``folder``.

    They are two texts, two images, an image with a question, and three images with a question and a box.
    """
    red, blue = _draw_toy_image(folder / "red.png", "red"), _draw_toy_image(folder / "blue.png", "blue")
    left, right = Box(4, 4, 24, 60), Box(40, 4, 60, 60)
    question = f"{image_token}\nWhat is this?".strip()
    return [
        Item(text="a red square"),
        Item(text="a blue disc on the grass, seen from far above on a rainy day"),
        Item(text=image_token, image=red),
        Item(text=image_token, image=blue),
        Item(text=question, image=red),
        Item(text=question, image=red, prompt=left),
        Item(text=question, image=red, prompt=right),
        Item(text=question, image=blue, prompt=left),
    ]


def _iter_findings(embedder: Embedder, folder: Path) -> Iterator[Finding]:
    """Run the checks in order; those that would only repeat an earlier failure are left out."""
    try:
        kinds = get_prompt_kinds(embedder)
        layout = get_layout(get_layout_name(embedder))
    except UnknownName as error:
        yield Finding("error", str(error))
        return
    items = draw_toy_items(folder, layout.image_token)
    if "box" not in kinds:
        items = [replace(item, prompt=None) for item in items]
    try:
        whole = _embed_checked(embedder, items)
        alone = [_embed_checked(embedder, [item])[0] for item in items]
        backwards = _embed_checked(embedder, items[::-1])[::-1]
        again = _embed_checked(embedder, items)
    except EvalError as error:
        yield Finding("error", str(error))
        return
    except Exception as error:  # noqa: BLE001 - the author's code can raise anything
        yield Finding("error", f"embed raised {type(error).__name__}: {error}. It must take text, image and both.")
        return
    yield from _check_repeatable(
        items, whole, again, "two calls with the same items", "switch dropout off, fix every seed"
    )
    yield from _check_repeatable(
        items, whole, backwards, "the items in reverse", "return rows in the order given, mask padding"
    )
    yield from _check_repeatable(items, whole, alone, "the item alone", "mask padding, pool each item's own last token")
    yield from _check_sensitivity(items, whole)
    yield from _check_prompts(embedder, items, kinds)


def _embed_checked(embedder: Embedder, items: Sequence[Item]) -> NDArray[np.float32]:
    """Embed items, check the vectors and copy them, as the embedder may reuse its array."""
    return check_vectors(embedder.embed(items), items, embedder.name).copy()


def _check_repeatable(
    items: Sequence[Item],
    first: Iterable[NDArray[np.float32]],
    second: Iterable[NDArray[np.float32]],
    comparison: str,
    remedy: str,
) -> Iterator[Finding]:
    """Yield a finding for the first item whose two vectors differ."""
    for item, a, b in zip(items, first, second, strict=True):
        if a.shape != b.shape:
            yield Finding("error", f"{comparison}: the width is {len(b)} and was {len(a)}; it must not change.")
            return
        if (difference := float(abs(a - b).max())) > VECTOR_TOLERANCE:
            yield Finding(
                "error", f"{comparison}: {describe_item(item)} has another vector (by {difference:.2g}); {remedy}."
            )
            return


def _check_sensitivity(items: Sequence[Item], vectors: NDArray[np.float32]) -> Iterator[Finding]:
    """Yield a finding if the texts, or the images, make no difference to the vectors."""
    if _are_all_equal(vectors):
        yield Finding("note", "all items have one vector: this embedder scores 0 wherever there are two candidates.")
        return
    if _are_all_equal(vectors[:2]):
        yield Finding("note", "two different texts have one vector: does the embedder read the text?")
    pictures = [row for row, item in enumerate(items) if item.image is not None and item.prompt is None][:2]
    if _are_all_equal(vectors[pictures]):
        yield Finding("note", "two different images have one vector: does the embedder open the image?")


def _check_prompts(embedder: Embedder, items: Sequence[Item], kinds: frozenset[str]) -> Iterator[Finding]:
    """Yield a finding for each declared kind of prompt that fails or makes no difference, and for `embed_roi`."""
    import numpy as np

    if not kinds:
        yield Finding("note", "it takes no prompts: the text names the region, and results say region = text.")
    half = np.arange(IMAGE_SIDE * IMAGE_SIDE).reshape(IMAGE_SIDE, IMAGE_SIDE) % IMAGE_SIDE < IMAGE_SIDE // 2
    pairs: dict[str, tuple[Prompt, Prompt]] = {
        "box": (Box(4, 4, 24, 60), Box(40, 4, 60, 60)),
        "points": (Points(((10, 32),), (1,)), Points(((50, 32),), (1,))),
        "mask": (Mask.from_array(half), Mask.from_array(~half)),
    }
    for kind in sorted(kinds):
        pair = [replace(items[4], prompt=prompt) for prompt in pairs[kind]]
        try:
            vectors = _embed_checked(embedder, pair)
        except ContractError as error:
            yield Finding("error", str(error))
        except Exception as error:  # noqa: BLE001 - as above
            yield Finding("error", f"embed raised {type(error).__name__} on a {kind}: {error}. Take it from `prompts`?")
        else:
            if _are_all_equal(vectors):
                yield Finding("error", f"a {kind} here and one there have one vector: it is ignored. Use item.prompt.")
    embed_roi = getattr(embedder, "embed_roi", None)
    if embed_roi is not None:
        pair = [replace(items[4], prompt=prompt) for prompt in pairs["box"]]
        try:
            if _are_all_equal(check_vectors(embed_roi(pair), pair, embedder.name)):
                yield Finding("error", "embed_roi gives a box here and one there one vector: pool inside the box.")
        except EvalError as error:
            yield Finding("note", f"--region roi does not work: {error}")


def _are_all_equal(vectors: NDArray[np.float32]) -> bool:
    """Whether all rows are equal up to rounding."""
    return bool(abs(vectors - vectors[0]).max() < 1e-6)


def _draw_toy_image(path: Path, colour: str) -> Path:
    """Draw a toy image with an object on each side."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (IMAGE_SIDE, IMAGE_SIDE), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((8, 16, 24, 48), fill=colour)
    pen.ellipse((40, 16, 60, 48), fill="green")
    image.save(path)
    return path
