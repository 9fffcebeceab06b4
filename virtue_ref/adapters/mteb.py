"""VIRTUE as an `mteb` model with its segmenter, which mteb's own wrapper of VIRTUE leaves out.

    mteb.evaluate(MtebVirtue("Sony/VIRTUE-2B-SCaR"), tasks)

The columns `text`, `image`, `box`, `points`, `labels` and `mask` of a task are read; see
`virtue_ref.inference.records`. Other names of prompts, such as `bbox`, are refused; all other columns are ignored. An
image without a prompt gets the grid of points that VIRTUE was trained with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from numpy.typing import NDArray

from scar.errors import ItemError
from virtue_ref.adapters.items import embed_items, make_items
from virtue_ref.embedder import load
from virtue_ref.inference.records import PROMPT_LIKE, RECORD_KEYS, check_keys

QUESTION_TEMPLATE = "<|image_pad|>\nRepresent the given image with the following question: {}"
IMAGE_TEXT = "<|image_pad|>\nRepresent the given image."


class MtebVirtue(AbsEncoder):  # type: ignore[misc, unused-ignore]
    """VIRTUE as an encoder of mteb.

    Args:
        model_name: name of the model, see the argument `config` of `virtue_ref.load`.
        revision: branch, tag or commit of a Hugging Face repository; None is its main branch.
        device: for example "cuda:1"; None takes a GPU if there is one.
        options: further options of `virtue_ref.load`.
    """

    def __init__(
        self, model_name: str, revision: str | None = None, *, device: str | None = None, **options: Any
    ) -> None:
        self.embedder = load(model_name, revision=revision, device=device, **options)
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": model_name if "/" in model_name else f"virtue_ref/{model_name}",
                "revision": self.embedder.name,
                "modalities": ["text", "image"],
                "embed_dim": self.embedder.dim,
                "similarity_fn_name": ScoringFunction.COSINE,
            }
        )

    def encode(self, inputs: Any, **_: Any) -> NDArray[np.float32]:
        """Embed the rows of a task.

        The text of a row with an image is put into `QUESTION_TEMPLATE`; an image alone gets `IMAGE_TEXT`.

        Args:
            inputs: a DataLoader whose batches are dictionaries of column -> list of values.

        Returns:
            (N, D) float32 rows of L2 norm 1, one for each row of the task in the same order; (0, D) if there are none.

        Raises:
            ItemError: a batch has neither text nor image, a column is another name of a prompt, or a row cannot be
                embedded.
        """
        vectors = [self._encode_batch(batch) for batch in inputs]
        return np.concatenate(vectors) if vectors else np.empty((0, self.embedder.dim), np.float32)

    def _encode_batch(self, batch: dict[str, list[Any]]) -> NDArray[np.float32]:
        check_keys(PROMPT_LIKE & batch.keys(), RECORD_KEYS)
        known = [key for key in RECORD_KEYS if key in batch]
        if not {"text", "image"} & set(known):
            raise ItemError(f"a batch with columns {', '.join(map(str, batch))} has neither text nor image.")
        records = [dict(zip(known, row, strict=True)) for row in zip(*(batch[key] for key in known), strict=True)]
        for record in records:
            if record.get("image") is not None:
                record["text"] = QUESTION_TEMPLATE.format(record["text"]) if record.get("text") else IMAGE_TEXT
        return embed_items(self.embedder, make_items(records))
