"""Any model of sentence-transformers, for text alone or for text and images."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmeb_eval.adapters.shared import (
    count_cut_texts,
    embed_by_kind,
    local_revision,
    make_image_error,
    make_load_error,
    name_model,
    normalise_rows,
    pixel_range,
    split_revision,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SentenceTransformersEmbedder:
    """A model of sentence-transformers.

    If the model takes image and text at once, an item with both becomes one input; else its vector is the normalised
    sum of the image's and the text's vector. The model's default prompt is switched off, as the texts contain the
    instruction.

    Args:
        model_id: a local folder, or an id on the hub; ``@`` and a revision may follow the id.

    Raises:
        EvalError: the model cannot be loaded.
    """

    def __init__(self, model_id: str) -> None:
        from sentence_transformers import SentenceTransformer

        self.name = f"sentence-transformers:{name_model(model_id)}"
        path, revision = split_revision(model_id)
        try:
            self._model = SentenceTransformer(path, revision=revision)
        except (OSError, ValueError) as error:
            raise make_load_error(self.name, error) from error
        self._model.default_prompt_name = None
        config = getattr(getattr(self._model[0], "auto_model", None), "config", None)
        self._revision = local_revision(model_id) or getattr(config, "_commit_hash", None)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of `mmeb_eval.embedder.SETTINGS`; ``max_tokens``, the limit of a text; and the library's version.

        The revision of the weights is None if it is unknown.
        """
        processor = getattr(self._model[0], "processor", None)
        return {
            "revision": self._revision,
            "processor": type(processor).__name__,
            **pixel_range(getattr(processor, "image_processor", None)),
            "dtype": str(next(self._model.parameters()).dtype).removeprefix("torch."),
            "max_tokens": self._model.max_seq_length,
            "library": f"sentence-transformers {importlib.metadata.version('sentence-transformers')}",
        }

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """``texts_cut``: number of items whose text exceeds the model's limit. Empty if the limit is unknown."""
        max_tokens, tokenizer = self._model.max_seq_length, getattr(self._model, "tokenizer", None)
        tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor contains its tokenizer
        if max_tokens is None or not callable(tokenizer):
            return {}
        return count_cut_texts(items, tokenizer, max_tokens)

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened or that the model does not take.
            ContractError: the model does not give each item one vector; or there is no item.
        """
        return embed_by_kind(items, self.name, self._embed_kind)

    def _embed_kind(self, items: Sequence[Item], has_text: bool, has_image: bool) -> NDArray[np.float32]:
        """Rows of L2 norm 1 for items with the same kinds of content: text, image or both."""
        if has_image and not (self._model.supports("image") or self._model.supports(("image", "text"))):
            raise make_image_error(self.name, items[0])
        texts = [{"text": item.text} for item in items] if has_text else []
        images = [{"image": open_rgb(item.image)} for item in items if item.image is not None]
        if not (has_text and has_image):
            return self._encode_inputs(texts or images)
        if self._model.supports(("image", "text")):
            return self._encode_inputs([image | text for image, text in zip(images, texts, strict=True)])
        return normalise_rows(self._encode_inputs(texts) + self._encode_inputs(images), self.name, len(items))

    def _encode_inputs(self, inputs: list[dict[str, Any]]) -> NDArray[np.float32]:
        """Rows of L2 norm 1. Inputs are dictionaries: the library would open a string that looks like a path."""
        return normalise_rows(
            self._model.encode(inputs, batch_size=len(inputs), show_progress_bar=False), self.name, len(inputs)
        )


def load(model_id: str) -> SentenceTransformersEmbedder:
    """Load a model from a local folder or from the hub; ``@`` and a revision may follow the hub id.

    Raises:
        EvalError: the model cannot be loaded.
    """
    return SentenceTransformersEmbedder(model_id)
