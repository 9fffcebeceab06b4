"""Any model of sentence-transformers, of text alone or of images too."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmeb_eval.adapters.parts import (
    embed_by_kind,
    local_revision,
    make_load_error,
    normalise_rows,
    pixel_range,
    refuse_prompts,
    split_revision,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item, describe_item
from scar.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SentenceTransformersEmbedder:
    """A model that fuses an image and a text does so itself; of others the normalised sum of both vectors is taken.

    The texts of a task hold its instruction, so no prompt of the model's own comes before them.
    """

    def __init__(self, model_id: str) -> None:
        from sentence_transformers import SentenceTransformer

        self.name = f"sentence-transformers:{model_id}"
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
        """Revision of the weights, processor, number format, text limit, and the library's version."""
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
        """``texts_cut``: items whose text is longer than the model reads; nothing where it does not say how far."""
        longest, tokenizer = self._model.max_seq_length, getattr(self._model, "tokenizer", None)
        tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor's
        if longest is None or not callable(tokenizer):
            return {}
        texts = [item.text for item in items if item.text]
        tokens = tokenizer(texts)["input_ids"] if texts else []
        return {"texts_cut": sum(len(ids) > longest for ids in tokens)}

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of length 1.

        Raises:
            DataError: an item has a prompt, or an image for a model of text alone.
        """
        refuse_prompts(items, self.name)
        return embed_by_kind(items, self._embed_kind)

    def _embed_kind(self, items: Sequence[Item], has_text: bool, has_image: bool) -> NDArray[np.float32]:
        """Unit rows of items of one kind."""
        if has_image and not (self._model.supports("image") or self._model.supports(("image", "text"))):
            raise DataError(f"{self.name}: reads text alone, but {describe_item(items[0])} shows an image.")
        texts = [{"text": item.text} for item in items] if has_text else []
        images = [{"image": open_rgb(item.image)} for item in items if item.image is not None]
        if not (has_text and has_image):
            return self._encode_inputs(texts or images)
        if self._model.supports(("image", "text")):
            return self._encode_inputs([image | text for image, text in zip(images, texts, strict=True)])
        return normalise_rows(self._encode_inputs(texts) + self._encode_inputs(images))

    def _encode_inputs(self, inputs: list[dict[str, Any]]) -> NDArray[np.float32]:
        """Unit rows; dictionaries, because a bare text that looks like the path of an image is taken for one."""
        return normalise_rows(self._model.encode(inputs, batch_size=len(inputs), show_progress_bar=False))


def load(model_id: str) -> SentenceTransformersEmbedder:
    """A model from a local folder or, where there is a network, from the hub; ``@`` and a revision may follow.

    Raises:
        EvalError: the model cannot be read.
    """
    return SentenceTransformersEmbedder(model_id)
