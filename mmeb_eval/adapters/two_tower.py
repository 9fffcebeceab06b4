"""CLIP, SigLIP, MetaCLIP 2 and others of transformers: a text tower and an image tower with one space of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmeb_eval.adapters.shared import (
    count_cut_texts,
    find_offline,
    list_items,
    local_revision,
    make_load_error,
    name_model,
    name_options,
    normalise_rows,
    pixel_range,
    split_revision,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
from mmeb_eval.regions.strategies import pool_box
from scar.errors import ContractError, EvalError
from scar.sample import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

PADDING: Mapping[str, bool | str] = {"siglip": "max_length", "siglip2": "max_length"}
"""Model type -> padding of texts; all others pad to the longest of a batch. SigLIP was trained with full padding."""


class TwoTowerEmbedder:
    """A model with a text tower and an image tower.

    An item with text and image gets the sum of its two unit vectors, scaled to length 1, as in the MMEB paper. An item
    with neither gets the vector of the empty text. Texts are cut at the model's limit of tokens; `counts` says how many
    are.

    Args:
        name: name of the model in results.
        model_id: a local folder, or an id on the hub; ``@`` and a revision may follow the id.
        dtype: number format of the weights, such as ``bfloat16``; None means float32.

    Raises:
        EvalError: the model cannot be loaded, or has no text tower and image tower with a common space.
    """

    def __init__(self, name: str, model_id: str, dtype: str | None = None) -> None:
        self.name = name
        self._model, self._tokenizer, self._processor = _load_model(name, *split_revision(model_id), dtype)
        self._revision = local_revision(model_id) or getattr(self._model.config, "_commit_hash", None)
        self._padding = PADDING.get(self._model.config.model_type, True)
        self._max_tokens = int(self._model.config.text_config.max_position_embeddings)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of `mmeb_eval.embedder.SETTINGS`, and ``max_tokens``, the limit of a text."""
        return {
            "revision": self._revision,
            "processor": type(self._processor).__name__,
            **pixel_range(self._processor),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "max_tokens": self._max_tokens,
        }

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """``texts_cut``: number of items whose text exceeds the model's limit."""
        return count_cut_texts(items, self._tokenizer, self._max_tokens)

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1 for at least one item.

        The class says how an item with text and image gets its vector.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened.
            ContractError: there is no item.
        """
        return self._embed_sums(list_items(items, self.name))

    def embed_roi(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Like `embed`, but the patches inside an item's box stand in for its image.

        The whole image is resized to the model's square, as a centre crop would lose regions; a model of flexible
        resolution keeps its aspect ratio. Each patch token passes alone through the model's own head. The vector of a
        box is the mean of its patches, each weighted by its area in the box. An item without a box has the vector that
        `embed` gives.

        Raises:
            DataError: a prompt is not a box, or an image cannot be opened.
            EvalError: the model has no patch tokens that its head maps to the space of texts.
        """
        return self._embed_sums(list_items(items, self.name, allowed=(Box,)))

    def _embed_sums(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) rows of L2 norm 1: for each item, the normalised sum of its text's and its image's vector."""
        import torch

        if not items:
            raise ContractError(f"{self.name}: embed got no item; give it at least one.")
        towers: tuple[tuple[Callable[[Sequence[Item]], NDArray[np.float32]], Callable[[Item], bool]], ...] = (
            (self._embed_texts, lambda item: bool(item.text) or item.image is None),
            (self._embed_images, lambda item: item.image is not None and item.prompt is None),
            (self._embed_regions, lambda item: item.image is not None and item.prompt is not None),
        )
        vectors: list[list[NDArray[np.float32]]] = [[] for _ in items]
        with torch.inference_mode():
            for tower, applies in towers:
                if rows := [row for row, item in enumerate(items) if applies(item)]:
                    for row, vector in zip(rows, tower([items[row] for row in rows]), strict=True):
                        vectors[row].append(vector)
        return normalise_rows(np.stack([np.sum(own, axis=0) for own in vectors]), self.name, len(items))

    def _embed_texts(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) rows of L2 norm 1 from the items' texts."""
        tokens = self._tokenizer(
            [item.text for item in items],
            padding=self._padding,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        )
        return normalise_rows(
            self._model.get_text_features(**tokens.to(self._model.device)).pooler_output, self.name, len(items)
        )

    def _embed_images(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) rows of L2 norm 1 from the items' images."""
        pixels = self._processor(_open_images(items), return_tensors="pt")
        return normalise_rows(
            self._model.get_image_features(**pixels.to(self._model.device, self._model.dtype)).pooler_output,
            self.name,
            len(items),
        )

    def _embed_regions(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) rows of L2 norm 1 from the regions inside the items' boxes."""
        images = _open_images(items)
        boxes = [item.prompt for item in items if isinstance(item.prompt, Box)]
        grids = self._embed_patches(images)
        pooled = [pool_box(grid, box, image.size) for grid, box, image in zip(grids, boxes, images, strict=True)]
        return normalise_rows(np.stack(pooled), self.name, len(items))

    def _embed_patches(self, images: list[Image]) -> list[NDArray[np.float32]]:
        """For each image, (rows, columns, D) vectors of its patches in the space of texts."""
        vision = self._model.vision_model
        head = _find_patch_head(self._model)
        if head is None:
            raise EvalError(f"{self.name}: {type(self._model).__name__} has no patches that could be pooled.")
        if hasattr(self._processor, "max_num_patches"):  # keeps the aspect ratio, crops nothing, pads at the end
            pixels = self._processor(images, return_tensors="pt")
            shapes = [tuple(shape) for shape in pixels["spatial_shapes"].tolist()]
            tokens = vision(**pixels.to(self._model.device, self._model.dtype)).last_hidden_state  # (N, patches, width)
        else:
            side = vision.config.image_size
            square = {"height": side, "width": side}
            pixels = self._processor(images, size=square, do_center_crop=False, return_tensors="pt")
            shapes = [(side // vision.config.patch_size,) * 2] * len(images)
            tokens = vision(**pixels.to(self._model.device, self._model.dtype)).last_hidden_state
            tokens = tokens[:, -(shapes[0][0] ** 2) :]  # drops CLIP's class token
        return [
            head(cells[: rows * columns]).float().cpu().numpy().reshape(rows, columns, -1)
            for cells, (rows, columns) in zip(tokens, shapes, strict=True)
        ]


def load_clip(model_id: str, /, *, dtype: str | None = None) -> TwoTowerEmbedder:
    """Load a CLIP model from a local folder or from the hub; ``@`` and a revision may follow the hub id.

    Args:
        model_id: the folder or hub id.
        dtype: number format of the weights, such as ``bfloat16``; None means float32.

    Raises:
        EvalError: the model cannot be loaded, or has no text tower and image tower with a common space.
    """
    return TwoTowerEmbedder(f"clip:{name_model(model_id)}{name_options({'dtype': dtype})}", model_id, dtype)


def load_siglip(model_id: str, /, *, dtype: str | None = None) -> TwoTowerEmbedder:
    """Load a SigLIP or SigLIP 2 model, of fixed or flexible resolution; see `load_clip`."""
    return TwoTowerEmbedder(f"siglip:{name_model(model_id)}{name_options({'dtype': dtype})}", model_id, dtype)


def load_any(model_id: str, /, *, dtype: str | None = None) -> TwoTowerEmbedder:
    """Load any model of transformers with two towers, such as MetaCLIP 2, AltCLIP or Chinese CLIP; see `load_clip`."""
    return TwoTowerEmbedder(f"two-tower:{name_model(model_id)}{name_options({'dtype': dtype})}", model_id, dtype)


def _load_model(name: str, model_id: str, revision: str | None, dtype: str | None) -> tuple[Any, Any, Any]:
    """Load model, tokenizer and image processor."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    known: Any = {"revision": revision, "local_files_only": find_offline(name, model_id, revision)}
    try:
        model = AutoModel.from_pretrained(model_id, **known, **({"dtype": dtype} if dtype else {})).eval()
        tokenizer = AutoTokenizer.from_pretrained(model_id, **known)
        processor = AutoImageProcessor.from_pretrained(model_id, **known)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, AttributeError) as error:
        raise make_load_error(name, error) from error
    if not (hasattr(model, "get_text_features") and hasattr(model, "get_image_features")):
        raise EvalError(f"{name}: {type(model).__name__} has no text and image towers in one space.")
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer, processor


def _find_patch_head(model: Any) -> Callable[[Any], Any] | None:
    """The function that maps (N, width) patch tokens to the space of texts; None if the model has none."""
    vision: Any = getattr(model, "vision_model", None)
    if (head := getattr(vision, "head", None)) is not None:  # SigLIP's head attends over tokens; here over a single one
        return lambda tokens: head(tokens[:, None])
    if hasattr(vision, "post_layernorm") and hasattr(model, "visual_projection"):
        return lambda tokens: model.visual_projection(vision.post_layernorm(tokens))
    return None


def _open_images(items: Sequence[Item]) -> list[Image]:
    """Open the images of all items that have one."""
    return [open_rgb(item.image) for item in items if item.image is not None]
