"""VIRTUE, with its segmenter, as a module of a `SentenceTransformer`.

model = SentenceTransformer(modules=[SentenceTransformersVirtue("Sony/VIRTUE-2B-SCaR")])
model.encode(["a cat", {"text": "which one?", "image": picture, "box": [10, 20, 110, 90]}])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor

from virtue_ref.adapters.items import embed_items, make_items
from virtue_ref.embedder import load


class SentenceTransformersVirtue(InputModule):  # type: ignore[misc, unused-ignore]
    """A whole VIRTUE as the only module of a `SentenceTransformer`, for inference; train with `virtue_ref` itself.

    Args:
        config: name of the model, see `virtue_ref.load`; None raises `ConfigError`.
        options: further arguments of `virtue_ref.load`.
    """

    config_keys: list[str] = ["config", "options"]  # noqa: RUF012 - the library's own annotation
    save_in_root = False

    def __init__(self, config: str | None = None, options: dict[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.config = config
        self.options = options or {}
        self.embedder = load(config, **self.options)
        self.model = self.embedder.model  # so that .to() finds the weights

    @property
    def modalities(self) -> list[Any]:
        """Kinds of input that the model takes, in the names of the library."""
        return ["text", "image", ("image", "text"), ("text", "image")]

    def get_embedding_dimension(self) -> int:
        """Number of dimensions of the vectors."""
        return self.embedder.dim

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        """Make the features of `forward`.

        Args:
            inputs: B texts, images or dictionaries, see `virtue_ref.adapters.items.make_item`.
            prompt: words that are put before the text of each input, also if that is empty; None for none.

        Returns:
            ``{"items": [...]}`` with B items.
        """
        items = make_items(inputs)
        return {"items": [type(item)((prompt or "") + item.text, item.image, item.prompt) for item in items]}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Embed the items of `preprocess`.

        Returns:
            A copy of `features` with ``sentence_embedding``, (B, D) float32 of L2 norm 1, on the model's device.
        """
        vectors: Tensor = torch.from_numpy(embed_items(self.embedder, features["items"])).to(self.model.device)
        return {**features, "sentence_embedding": vectors}

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Save the model's name and options into a folder, not its weights; `virtue convert` writes weights."""
        self.save_config(output_path)


Virtue = SentenceTransformersVirtue
"""Old name of the class, which folders saved by version 0.1 refer to."""
