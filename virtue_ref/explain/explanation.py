"""What a model makes of an item: the masks of its prompt, and where its image is like a text."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import Item
from scar.errors import ItemError
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.explain.similarity_map import CELLS, map_similarity
from virtue_ref.inference.check_items import check_items
from virtue_ref.inference.segment import Segments
from virtue_ref.model.images import read_displayed_size
from virtue_ref.search.index import INSTRUCTION


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a model makes of an item.

    Attributes:
        item: the item, with a box in the place of a phrase.
        size: (width, height) of the displayed image in pixels.
        segments: the masks of the prompt; None without a prompt.
        text: the text with which the image is compared; empty without one.
        score: cosine of the item and the text; None without a text.
        similarity: (rows, columns) cosines of the text and a window around each cell; None without a text.
    """

    item: Item
    size: tuple[int, int]
    segments: Segments | None
    text: str
    score: float | None
    similarity: NDArray[np.float32] | None


def explain_item(embedder: VirtueEmbedder, item: Item, text: str = "", *, cells: int = CELLS) -> Explanation:
    """Make the masks of an item's prompt, and compare its image with a text.

    Args:
        embedder: the model.
        item: an item with an image. An empty text of it becomes SCaR's question, as in an index.
        text: what to look for; empty makes no map.
        cells: number of cells along the longer side of the image.

    Raises:
        ItemError: the item has no image, neither a prompt nor a text is given, or either cannot be used.
        InputError: `cells` is out of range.
        VirtueError: the model has no segmenter.
    """
    (checked,) = check_items([item])
    if checked.image is None:
        raise ItemError("nothing to explain without an image.")
    if checked.prompt is None and not text.strip():
        raise ItemError("nothing to explain: give a prompt, such as a box, or a text to look for.")
    (found,) = embedder.find_phrases([checked])
    size = read_displayed_size(checked.image)
    segments = None if found.prompt is None else embedder.segment(found)
    if not text.strip():
        return Explanation(found, size, segments, "", None, None)
    asked = dataclasses.replace(found, text=found.text or INSTRUCTION)
    similarity = map_similarity(embedder, checked.image, size, text, asked.text, cells)
    vectors = embedder.embed([asked, Item(text)])
    return Explanation(found, size, segments, text, float(vectors[0] @ vectors[1]), similarity)
