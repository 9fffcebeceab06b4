"""Store an embedder's language model as 8-bit integers, and measure what that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PIL import Image
from torch import nn

from mmeb_eval.item import Item
from virtue_ref.model.int8 import round_linears

if TYPE_CHECKING:
    from mmeb_eval.embedder import Embedder
    from virtue_ref.model.virtue import Virtue

TEXTS = (
    "a dog",
    "a red cup to the left of a laptop on a wooden desk",
    "Which city hosted the Olympic Games of 2012?",
    "A man in a blue jacket is riding a bicycle down a wet street, with parked cars on both sides and trees behind.",
    "Find the caption that best describes the object.",
)
"""What is embedded with both weights, each alone and with an image."""


def round_language_model(model: Virtue, embedder: Embedder) -> float:
    """Round the weights of a model's language model in place; vision encoder and segmenter stay as they are.

    Args:
        model: the model.
        embedder: an embedder with this model, which keeps no vectors.

    Returns:
        The least cosine of vectors before and after, over `TEXTS` and an image.
    """
    image = Image.linear_gradient("L").convert("RGB")
    items = [Item(text, given) for text in TEXTS for given in (None, image)]
    before = embedder.embed(items)
    round_linears(cast(nn.Module, model.backbone.language_model))
    return float((before * embedder.embed(items)).sum(axis=1).min())
