"""Models of open_clip: of its list with a name of pretrained weights, of the hub, or of a local folder."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmeb_eval.adapters.shared import (
    embed_by_kind,
    list_items,
    local_revision,
    make_load_error,
    name_model,
    name_options,
    normalise_rows,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
from scar.errors import EvalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMES = ("hf-hub:", "local-dir:")
"""What stands before the id of a model on the hub, and before a folder, as open_clip has it."""


class OpenClipEmbedder:
    """A model of open_clip.

    An item with text and image gets the normalised sum of its two unit vectors, as in the MMEB paper. Texts are cut at
    the model's context length; `counts` says how many are.

    Args:
        name: name of the model in results.
        model: the model, in evaluation mode.
        transform: turns an image into the model's tensor.
        tokenizer: turns texts into (N, context length) token ids.
        revision: revision of the weights; None if unknown.
    """

    def __init__(self, name: str, model: Any, transform: Any, tokenizer: Any, revision: str | None) -> None:
        self.name = name
        self._model = model
        self._transform = transform
        self._tokenizer = tokenizer
        self._revision = revision
        self._device = next(model.parameters()).device

    @property
    def settings(self) -> dict[str, Any]:
        """Those of `mmeb_eval.embedder.SETTINGS`; ``max_tokens``, the limit of a text; and the library's version."""
        size = self._model.visual.image_size
        height, width = size if isinstance(size, tuple | list) else (size, size)
        return {
            "revision": self._revision,
            "processor": " ".join(str(self._transform).split()),
            "min_pixels": height * width,
            "max_pixels": height * width,
            "dtype": str(next(self._model.parameters()).dtype).removeprefix("torch."),
            "max_tokens": self._model.context_length,
            "library": f"open_clip_torch {importlib.metadata.version('open_clip_torch')}",
        }

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """``texts_cut``: number of items whose text exceeds the context length."""
        texts = [item.text for item in items if item.text]
        if not texts:
            return {"texts_cut": 0}
        most = self._model.context_length
        longer = self._tokenizer(texts, context_length=most + 1)
        empty = self._tokenizer([""], context_length=most + 1)
        return {"texts_cut": int((longer[:, most] != empty[0, most]).sum())}

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1; the class says how an item with text and image gets its vector.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened.
            ContractError: there is no item.
        """
        rows: NDArray[np.float32] = embed_by_kind(list_items(items, self.name), self.name, self._embed_kind)
        return rows

    def _embed_kind(self, items: Sequence[Item], has_text: bool, has_image: bool) -> NDArray[np.float32]:
        """Rows of L2 norm 1 for items with the same kinds of content: text, image or both."""
        import torch

        parts = []
        with torch.inference_mode():
            if has_text:
                parts.append(self._model.encode_text(self._tokenizer([item.text for item in items]).to(self._device)))
            if has_image:
                images = [self._transform(open_rgb(item.image)) for item in items if item.image is not None]
                dtype = next(self._model.parameters()).dtype
                parts.append(self._model.encode_image(torch.stack(images).to(self._device, dtype)))
        rows = [normalise_rows(part, self.name, len(items)) for part in parts]
        return rows[0] if len(rows) == 1 else normalise_rows(rows[0] + rows[1], self.name, len(items))


def load(model_id: str, /, *, pretrained: str | None = None, precision: str | None = None) -> OpenClipEmbedder:
    """Load a model.

    Args:
        model_id: a name such as ``ViT-B-32``; or ``hf-hub:`` and a hub id, or ``local-dir:`` and a folder.
        pretrained: name of the weights, or their file, such as ``laion2b_s34b_b79k``; only a bare name takes them, and
            must have them.
        precision: number format, such as ``bf16``; None means ``fp32``.

    Raises:
        EvalError: the model cannot be loaded, or a bare name has no weights.
    """
    import open_clip
    import torch

    named = model_id
    folder = model_id.removeprefix("local-dir:") if model_id.startswith("local-dir:") else None
    if folder is not None:
        named = f"local-dir:{name_model(folder)}"
    name = f"open_clip:{named}{name_options({'pretrained': pretrained, 'precision': precision})}"
    if pretrained is None and not model_id.startswith(SCHEMES):
        known = ", ".join(open_clip.list_pretrained_tags_by_model(model_id)[:6])
        hint = f"such as {known}" if known else "and a name that open_clip lists"
        raise EvalError(f"{name}: which weights? Write open_clip:{model_id}?pretrained=NAME, {hint}.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model, transform = open_clip.create_model_from_pretrained(
            model_id, pretrained=pretrained, precision=precision or "fp32", device=device
        )
        tokenizer = open_clip.get_tokenizer(model_id)
    except (OSError, ValueError, RuntimeError, FileNotFoundError) as error:
        raise make_load_error(name, error) from error
    revision = local_revision(folder) if folder is not None else pretrained
    return OpenClipEmbedder(name, model.eval(), transform, tokenizer, revision)
