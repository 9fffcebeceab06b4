"""Items to unit vectors: `VirtueEmbedder` is an `mmeb_eval.Embedder`, and `load` makes one from a name."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer
from torch.nn import functional

from mmeb_eval.item import Item
from scar.errors import ConfigError, ItemError, VirtueError
from virtue_ref.checkpoints.checkpoint import build_model
from virtue_ref.checkpoints.resolve import read_checkpoint
from virtue_ref.inference.batching import Collator, Prefix, PreparedItem, iter_batches, list_images
from virtue_ref.inference.image_cache import ImageCache
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class VirtueEmbedder:
    """VIRTUE with the one method that evaluators and indexes call.

    Equal items are embedded once, each distinct image is encoded once, and items of similar length share a pass.

    Args:
        model: on its device, in its type.
        tokenizer: that goes with it.
        name: as results show it.
        truncate_dim: leading dimensions to keep; vectors are normalised again.
        batch_tokens: most tokens in one pass of the language model; out of memory halves a pass.
        cached_images: images whose features are kept for later questions.
        revision: of the weights, for results.

    Attributes:
        layout: how instruction and text are joined for it, see `mmeb_eval.templates.fused`.
        prompts: kinds of prompt it takes.
        image_cache: features of the images used last.
    """

    layout = "qwen2_vl"

    def __init__(
        self,
        model: Virtue,
        tokenizer: Tokenizer,
        name: str,
        *,
        truncate_dim: int | None = None,
        batch_tokens: int = 8192,
        cached_images: int = 32,
        revision: str | None = None,
    ) -> None:
        self.model = model
        self.name = name
        self.prompts = frozenset() if model.segmenter is None else frozenset({"box", "points", "mask"})
        self.dim = model.hidden if truncate_dim is None else truncate_dim
        if not 0 < self.dim <= model.hidden:
            raise VirtueError(f"truncate_dim {truncate_dim}: the model's vectors have {model.hidden} dimensions.")
        self.collator = Collator(model, tokenizer)
        self._batch_tokens = batch_tokens
        self._revision = revision
        self.image_cache = ImageCache(model, self.collator, cached_images)

    @property
    def settings(self) -> dict[str, Any]:
        """Revision of the weights, how images are prepared, number format, profile and what else changes vectors."""
        config = self.model.config
        return {
            "revision": self._revision,
            "processor": "virtue_ref.images",  # the name that stored results have; it stays
            "min_pixels": config.image.min_pixels,
            "max_pixels": config.image.max_pixels,
            "resolution": config.image.resolution,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "profile": config.profile.name,
            "segmenter": None if config.segmenter is None else config.segmenter.package,
            "max_tokens": config.max_length,
            "dim": self.dim,
        }

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Embed items; progress goes to stderr when that is a terminal.

        Args:
            items: any mix of text, images and prompts.

        Returns:
            (len(items), D) float32 of L2 norm 1, in the order given.

        Raises:
            ItemError: an item cannot be embedded; the message names its index.
        """
        return self._embed_in_batches(items, "segments")

    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Embed items with image tokens pooled inside their box, or over the whole image, instead of segment tokens.

        Raises:
            ItemError: a prompt that is no box, or what `embed` raises.
            VirtueError: the model has no segment tokens that pooled ones could replace.
        """
        if self.model.config.segmenter is None:
            raise VirtueError(f"{self.name}: no segment tokens that pooled features could replace.")
        return self._embed_in_batches(items, "roi")

    def embed_bare(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Embed items without segment tokens: only the text can name the region.

        Raises:
            ItemError: a prompt, or what `embed` raises.
        """
        return self._embed_in_batches(items, "nothing")

    def _embed_in_batches(self, items: Sequence[Item], prefix: Prefix) -> NDArray[np.float32]:
        first: dict[Item, int] = {}
        for index, item in enumerate(items):
            first.setdefault(item, index)
        prepared = [self.collator.prepare_item(item, index, prefix) for item, index in first.items()]
        batches = list(iter_batches(prepared, self._batch_tokens))
        self.image_cache.expect_images(
            image for batch in batches for image in list_images(prepared[index] for index in batch)
        )
        silent = len(batches) < 2 or not sys.stderr.isatty()
        vectors = np.empty((len(first), self.dim), dtype=np.float32)
        for batch in track(batches, "embedding", console=Console(stderr=True), transient=True, disable=silent):
            vectors[batch] = self._embed_batch([prepared[index] for index in batch])
        row_of = {item: row for row, item in enumerate(first)}
        return vectors[[row_of[item] for item in items]]

    def _embed_batch(self, prepared: Sequence[PreparedItem]) -> NDArray[np.float32]:
        """Vectors of a batch; out of memory, of its halves."""
        try:
            return self._run_model(prepared)
        except torch.OutOfMemoryError as error:
            if len(prepared) == 1:
                raise VirtueError(f"out of memory on one item of {prepared[0].length} tokens.") from error
        self.image_cache.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(prepared) // 2
        return np.concatenate([self._embed_batch(prepared[:half]), self._embed_batch(prepared[half:])])

    @torch.inference_mode()
    def _run_model(self, prepared: Sequence[PreparedItem]) -> NDArray[np.float32]:
        features: dict[Path, ImageFeatures] = {}
        for each in prepared:
            image = each.item.image
            if image is not None and image not in features:
                try:
                    features[image] = self.image_cache.get_features(image)
                except ItemError as error:
                    raise ItemError(error.reason, each.index) from error
        batch = self.collator.make_batch(prepared, list(features)).to(self.model.device)
        vectors = self.model(batch, list(features.values()))[:, : self.dim]
        out: NDArray[np.float32] = functional.normalize(vectors, dim=-1).cpu().numpy()
        return out


def load(
    config: str | Path = "tiny",
    *,
    profile: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    truncate_dim: int | None = None,
    resolution: str | None = None,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    max_length: int | None = None,
    segmenter: str | Path | None = None,
    segmenter_package: str | None = None,
    revision: str | None = None,
    seed: int = 0,
    compiled: bool = False,
    batch_tokens: int = 8192,
    cached_images: int = 32,
) -> VirtueEmbedder:
    """A VIRTUE embedder in one call.

    Args:
        config: a built-in config ("tiny", "2b", "7b") or a TOML file, with random weights; or a checkpoint: "demo", a
            small one that was trained on drawn scenes and comes with the package; a folder; or a Hugging Face
            repository.
        profile: "official" or "clean"; None is what the config or checkpoint says.
        device: such as "cpu" or "cuda:1"; None takes a GPU if there is one.
        dtype: "float32" or "bfloat16"; None is bfloat16 on a GPU, else float32.
        truncate_dim: leading dimensions to keep.
        resolution: "high", "mid" or "low" makes a square of each image first, as the release's evaluation does.
        min_pixels: area below which an image is enlarged.
        max_pixels: area above which it is shrunk.
        max_length: tokens after which a text without image is cut.
        segmenter: SAM 2's weights, a file or its Hub id, where the checkpoint does not contain them.
        segmenter_package: whose SAM 2 runs, "sam2" or "transformers"; "none" drops the segment tokens and leaves the
            plain backbone, which takes no prompts.
        revision: of a Hugging Face repository.
        seed: of random weights.
        compiled: run the heavy parts through torch.compile; the first items then take minutes.
        batch_tokens: see `VirtueEmbedder`.
        cached_images: see `VirtueEmbedder`.

    Raises:
        ConfigError: no such config or option.
        CheckpointError: weights that cannot be used.
    """
    chosen_device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    chosen_dtype = dtype or ("float32" if chosen_device.type == "cpu" else "bfloat16")
    if chosen_dtype not in DTYPES:
        raise ConfigError(f"unknown dtype {chosen_dtype!r}: it is one of {', '.join(DTYPES)}.")

    stored = read_checkpoint(config, revision=revision, segmenter=segmenter, seed=seed)
    chosen_config = stored.config.with_options(
        profile=profile,
        resolution=resolution,
        min_pixels=min_pixels,
        max_pixels=max_pixels,
        max_length=max_length,
        segmenter_package=segmenter_package,
    )
    model = build_model(dataclasses.replace(stored, config=chosen_config))
    model.move_to(chosen_device, DTYPES[chosen_dtype])
    if compiled:
        model.compile_parts()
    # The name holds every option that changes a vector: caches compare names.
    options = {"resolution": resolution, "min_pixels": min_pixels, "max_pixels": max_pixels, "max_length": max_length}
    options["segmenter"] = segmenter_package if segmenter_package != "sam2" else None
    options |= {"dtype": None if chosen_dtype == "float32" else chosen_dtype, "truncate_dim": truncate_dim}
    changed = ",".join(f"{key}={value}" for key, value in options.items() if value is not None)
    return VirtueEmbedder(
        model,
        read_tokenizer(stored.files, chosen_config.name),
        f"{chosen_config.name}-{chosen_config.profile.name}@{stored.revision}" + (f"[{changed}]" if changed else ""),
        truncate_dim=truncate_dim,
        batch_tokens=batch_tokens,
        cached_images=cached_images,
        revision=stored.revision,
    )
