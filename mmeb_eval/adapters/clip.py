"""CLIP-like models through transformers: one tower for text, one for images, one space for both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmeb_eval.data import sha256
from mmeb_eval.embedder import Item
from mmeb_eval.errors import EvalError
from mmeb_eval.images import open_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Clip:
    """An image and a text of one item become the normalised sum of their vectors, as in the MMEB paper's baselines.

    Texts longer than the model can read are cut at its own limit; `counts` says how many.
    """

    def __init__(self, model_id: str) -> None:
        self.name = f"clip:{model_id}"
        self._model, self._tokenizer, self._processor = _read(model_id)
        folder = Path(model_id)
        self._revision = _digest(folder) if folder.is_dir() else getattr(self._model.config, "_commit_hash", None)
        self._longest = int(self._model.config.text_config.max_position_embeddings)

    @property
    def settings(self) -> dict[str, Any]:
        """Revision of the weights, the number format and the text limit in tokens."""
        return {"revision": self._revision, "dtype": str(self._model.dtype), "max_tokens": self._longest}

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """``texts_cut``: items whose text is longer than the model can read."""
        texts = [item.text for item in items if item.text]
        tokens = self._tokenizer(texts)["input_ids"] if texts else []
        return {"texts_cut": sum(len(ids) > self._longest for ids in tokens)}

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of length 1."""
        import torch

        texts = [row for row, item in enumerate(items) if item.text or item.image is None]
        images = [row for row, item in enumerate(items) if item.image is not None]
        summed = torch.zeros(len(items), self._model.config.projection_dim)
        with torch.inference_mode():
            if texts:
                summed[texts] += self._texts([items[row].text for row in texts])
            if images:
                summed[images] += self._images([items[row] for row in images])
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(summed, dim=-1).numpy()
        return vectors

    def _texts(self, texts: list[str]) -> Any:
        """(len(texts), D) tensor of unit rows."""
        tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
        too_long = tokens["attention_mask"].sum(dim=1) > self._longest
        if too_long.any():
            tokens = self._tokenizer(
                texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            )
        return _unit(self._model.get_text_features(**tokens.to(self._model.device)))

    def _images(self, items: list[Item]) -> Any:
        """(len(items), D) tensor of unit rows."""
        pictures = [open_rgb(item.image) for item in items if item.image is not None]
        pixels = self._processor(pictures, return_tensors="pt")
        return _unit(self._model.get_image_features(**pixels.to(self._model.device)))


def load(model_id: str) -> Clip:
    """A CLIP model from a local folder or, where there is a network, from the hub.

    Raises:
        EvalError: transformers is not installed, or the model cannot be read.
    """
    return Clip(model_id)


def _read(model_id: str) -> tuple[Any, Any, Any]:
    """Model, tokenizer and image processor."""
    try:
        import torch
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
    except ImportError as error:
        raise EvalError(f"clip:{model_id}: {error}; `pip install 'scar-virtue[virtue]'` installs it.") from error
    try:
        model = AutoModel.from_pretrained(model_id).eval()
        tokenizer = AutoTokenizer.from_pretrained(model_id)
        processor = AutoImageProcessor.from_pretrained(model_id)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EvalError(f"clip:{model_id}: neither a readable local folder nor a model of the hub: {reason}") from error
    if not (hasattr(model, "get_text_features") and hasattr(model, "get_image_features")):
        raise EvalError(f"clip:{model_id}: {type(model).__name__} has no text and image towers in one space.")
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer, processor


def _digest(folder: Path) -> str:
    """What stands for the revision of a local folder: other weights or settings in it make another one."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    listed = "".join(f"{path.name} {sha256(path)}\n" for path in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _unit(output: Any) -> Any:
    """Unit rows of what a tower returns, on the CPU in float32."""
    import torch

    return torch.nn.functional.normalize(output.pooler_output.float().cpu(), dim=-1)
