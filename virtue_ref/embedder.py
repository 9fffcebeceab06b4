"""Embed items as unit vectors: `VirtueEmbedder` is an `mmeb_eval.Embedder`, and `load` makes one from a name."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer
from torch.nn import functional

from mmeb_eval.item import PROMPT_KINDS, Item
from mmeb_eval.vectors import MAX_ROUNDING
from scar.errors import ConfigError, ItemError, VirtueError, first_line
from virtue_ref.checkpoints.checkpoint import build_model
from virtue_ref.checkpoints.resolve import read_checkpoint
from virtue_ref.config import refuse_unnamed
from virtue_ref.inference.batching import Collator, Prefix, PreparedItem, iter_batches, list_images
from virtue_ref.inference.check_items import check_items
from virtue_ref.inference.image_cache import ImageCache
from virtue_ref.inference.int8 import round_language_model
from virtue_ref.inference.segment import MaskMaker, Segments
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue

if TYPE_CHECKING:
    from virtue_ref.model.detector import ConceptDetector

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class VirtueEmbedder:
    """VIRTUE with `embed`, the method that evaluators and indexes call.

    In one call, equal items are embedded once, each distinct image is encoded once, and items of similar length share a
    forward pass. Threads may share an embedder: their calls wait for each other. It can be pickled. On a CPU it can be
    used after a fork.

    Args:
        model: the model, already on its device and in its number format.
        tokenizer: the model's tokenizer.
        name: the name that results show.
        truncate_dim: number of leading dimensions to keep; vectors are then normalised again. None keeps all.
        batch_tokens: most tokens in one pass of the language model, padding included; a longer item passes alone. If
            memory runs out, the pass is split in half.
        cached_images: number of images whose features are kept for later items and calls; 0 keeps none.
        revision: revision of the weights, for results; None if it is not known.
        detector: finds the things that phrases name; None refuses phrases.

    Attributes:
        layout: name of the layout that joins instruction and text, see `mmeb_eval.templates.fused`.
        prompts: the kinds of prompt that the model takes, keys of `mmeb_eval.item.PROMPT_KINDS`; empty without a
            segmenter.
        dim: number of dimensions of the vectors.
        collator: checks and tokenises items.
        image_cache: features of the images used last.
        int8_cosine: least cosine of vectors by whole weights and by 8-bit ones, over a few texts and an image; None for
            whole weights.

    Raises:
        VirtueError: `truncate_dim` is not from 1 to the model's dimensions, `batch_tokens` is below 1, or
            `cached_images` below 0.
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
        detector: ConceptDetector | None = None,
    ) -> None:
        self.model = model
        self.name = name
        kinds = PROMPT_KINDS.keys() - ({"phrase"} if detector is None else set())
        self.prompts = frozenset() if model.segmenter is None else frozenset(kinds)
        self.dim = model.hidden if truncate_dim is None else truncate_dim
        if not 0 < self.dim <= model.hidden:
            raise VirtueError(f"truncate_dim {truncate_dim}: the model's vectors have {model.hidden} dimensions.")
        if batch_tokens < 1 or cached_images < 0:
            raise VirtueError(f"batch_tokens {batch_tokens} is at least 1, cached_images {cached_images} at least 0.")
        self.collator = Collator(model, tokenizer)
        self._batch_tokens = batch_tokens
        self._cached_images = cached_images
        self._revision = revision
        self._detector = detector
        self.int8_cosine: float | None = None
        self._start()

    def _start(self) -> None:
        """Make what belongs to one process: caches, the image cache's threads, and the lock of `embed`."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.image_cache = ImageCache(self.model, self.collator, self._cached_images)
        self._mask_maker = MaskMaker(self.model, self.collator)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what `_start` makes."""
        own = ("_process", "_lock", "image_cache", "_mask_maker")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    @property
    def settings(self) -> dict[str, Any]:
        """What changes vectors: revision of the weights, image rules, number format, profile and more; JSON values."""
        config = self.model.config
        return {
            "revision": self._revision,
            "processor": "virtue_ref.images",  # kept, because stored results have this name
            "min_pixels": config.image.min_pixels,
            "max_pixels": config.image.max_pixels,
            "resolution": config.image.resolution,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "profile": config.profile.name,
            "segmenter": None if config.segmenter is None else config.segmenter.package,
            "max_tokens": config.max_length,
            "dim": self.dim,
            **({} if self.int8_cosine is None else {"int8_cosine": round(self.int8_cosine, 4)}),
        }

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items. A progress bar is shown on stderr if stderr is a terminal.

        Args:
            items: any mix of texts, images and images with prompts. Prompts are in pixels of the image as it is
                displayed. An image without a prompt gets a grid of points.

        Returns:
            (len(items), D) float32 rows of L2 norm 1, in the order of `items`.

        Raises:
            ItemError: an item cannot be embedded, or its vector is not finite; the message names its index in `items`.
                Or `items` is a single item.
            VirtueError: memory runs out on a single item; or the model is on a GPU and this process was forked after it
                was loaded.
        """
        return self._embed_items(items, "segments")

    def embed_roi(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items with pooled image tokens instead of segment tokens; arguments and result are those of `embed`.

        Image tokens are pooled inside the box of an item, or over the whole image if the item has no box. Texts are
        embedded as by `embed`.

        Raises:
            ItemError: a prompt is not a box, or an item cannot be embedded (see `embed`).
            VirtueError: the model has no segment tokens that pooled ones could replace; or see `embed`.
        """
        if self.model.config.segmenter is None:
            raise VirtueError(f"{self.name}: the model has no segment tokens that pooled image tokens could replace.")
        return self._embed_items(items, "roi")

    def embed_bare(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items without segment tokens, so that only the text can say which region is meant.

        Arguments and result are those of `embed`. Texts are embedded as by `embed`.

        Raises:
            ItemError: an item has a prompt, or cannot be embedded (see `embed`).
            VirtueError: see `embed`.
        """
        return self._embed_items(items, "nothing")

    def segment(self, item: Item) -> Segments:
        """Make the masks of the thing that an item's prompt means; see `segment_all`."""
        return self.segment_all([item])[0]

    def segment_all(self, items: Iterable[Item]) -> list[Segments]:
        """Make the masks of the things that items' prompts mean, from the pixels that the model sees.

        Args:
            items: items with an image and a prompt, as for `embed`. Their texts do not count.

        Returns:
            For each item, in order, masks in the size of the displayed image and their scores, the best first.

        Raises:
            ItemError: an item has no image or no prompt, or either cannot be used; the message names its index.
            VirtueError: the model has no segmenter; or see `embed`.
        """
        if self._process != os.getpid():
            self._restart_after_fork()
        with self._lock:
            return self._mask_maker.make_masks(self.find_phrases(check_items(items)))

    def find_phrases(self, items: list[Item]) -> list[Item]:
        """The items with boxes in the place of phrases; phrases stay if there is no detector."""
        if self._detector is None:
            return items
        from virtue_ref.inference.phrases import find_phrases

        return find_phrases(items, self._detector)

    def _embed_items(self, items: Iterable[Item], prefix: Prefix) -> NDArray[np.float32]:
        if self._process != os.getpid():
            self._restart_after_fork()
        checked = check_items(items)
        with self._lock:
            return self._embed_in_batches(self.find_phrases(checked), prefix)

    def _restart_after_fork(self) -> None:
        """A fork copies locks and pools, but not their threads: waiting for them would never end."""
        if self.model.device.type == "cuda":
            raise VirtueError(f"{self.name} is on a GPU, which a forked process cannot use; start it with spawn.")
        torch.set_num_threads(1)  # as workers of torch's DataLoader do
        self._start()

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
        """Embed a batch; if memory runs out, embed each half of it."""
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
        images = list_images(prepared)
        try:
            features = self.image_cache.get_features(images)
        except ItemError as error:
            broken = images[error.index or 0]
            raise ItemError(error.reason, next(each.index for each in prepared if each.item.image == broken)) from error
        batch = self.collator.make_batch(prepared, images).to(self.model.device)
        vectors = self.model(batch, features)[:, : self.dim]
        out: NDArray[np.float32] = functional.normalize(vectors, dim=-1).cpu().numpy()
        for each, length in zip(prepared, np.linalg.norm(out, axis=1).tolist(), strict=True):
            if not abs(length - 1) < MAX_ROUNDING:  # NaN too
                problem = "all zeros" if length == 0 else "not finite"
                dtype = self.settings["dtype"]
                raise ItemError(
                    f"its vector is {problem}; are the weights whole, and is {dtype} wide enough?", each.index
                )
        return out


def load(
    config: str | Path | None = None,
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
    detector: str | Path | None = None,
    int8: bool = False,
) -> VirtueEmbedder:
    """Load a VIRTUE embedder in one call.

    Args:
        config: name of the model. A built-in config ("tiny", "2b", "7b", "qwen3-2b") or a TOML file gives a model with
            random weights. Any other name is a checkpoint: "demo" (a small model that was trained on drawn scenes and
            comes with the package), a folder, or a Hugging Face repository. None raises `ConfigError`.
        profile: "official" or "clean"; None keeps the profile of the config or checkpoint.
        device: for example "cpu" or "cuda:1"; None takes a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16"; None is float32 on a CPU, else bfloat16.
        truncate_dim: number of leading dimensions to keep; None keeps all.
        resolution: "high", "mid" or "low" first resizes each image to a square of 1344, 672 or 128 pixels, as the
            release's evaluation does. None keeps the setting of the config or checkpoint.
        min_pixels: area in pixels below which an image is enlarged; None as for `resolution`.
        max_pixels: area in pixels above which an image is shrunk; None as for `resolution`.
        max_length: most tokens of a text without an image; a longer text loses its end. None as for `resolution`.
        segmenter: file or Hub id of SAM 2's weights, for a checkpoint that does not contain them; see
            `virtue_ref.checkpoints.official.read_official`.
        segmenter_package: "sam2" or "transformers", the package whose SAM 2 runs. "none" leaves the plain backbone,
            which has no segment tokens and takes no prompts. None keeps the setting of the config or checkpoint.
        revision: branch, tag or commit of a Hugging Face repository; None is its main branch.
        seed: seed of random weights; not used for a checkpoint.
        compiled: whether to run the heavy parts through torch.compile; the first items then take minutes.
        batch_tokens: see `VirtueEmbedder`.
        cached_images: see `VirtueEmbedder`.
        detector: folder or Hub id of SAM 3, such as "facebook/sam3", which finds the things that phrases name.
        int8: whether to keep the language model's weights as 8-bit integers, in a quarter of float32's memory.
            `VirtueEmbedder.int8_cosine` tells how near its vectors are to those of the whole weights.

    Returns:
        The embedder. Its name holds the model's name, profile and revision, and the options that change vectors.

    Raises:
        ConfigError: no or an unknown config, an unknown option value, or a device that this machine lacks.
        CheckpointError: the checkpoint or the detector is missing, or its weights cannot be used.
        VirtueError: `truncate_dim`, `batch_tokens` or `cached_images` is out of range.
    """
    named = refuse_unnamed(config)
    chosen_device = choose_device(device)
    chosen_dtype = dtype or ("float32" if chosen_device.type == "cpu" else "bfloat16")
    if chosen_dtype not in DTYPES:
        raise ConfigError(f"unknown dtype {chosen_dtype!r}: it is one of {', '.join(DTYPES)}.")

    stored = read_checkpoint(named, revision=revision, segmenter=segmenter, seed=seed)
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
    finder = None if detector is None else load_detector(detector, chosen_device)
    # The name holds every option that changes a vector: caches compare names.
    options = {"resolution": resolution, "min_pixels": min_pixels, "max_pixels": max_pixels, "max_length": max_length}
    options["segmenter"] = segmenter_package if segmenter_package != "sam2" else None
    options |= {"dtype": None if chosen_dtype == "float32" else chosen_dtype, "truncate_dim": truncate_dim}
    options |= {"detector": None if finder is None else finder.name, "int8": int8 or None}
    changed = ",".join(f"{key}={value}" for key, value in options.items() if value is not None)
    embedder = VirtueEmbedder(
        model,
        read_tokenizer(stored.files, chosen_config.name, chosen_config.backbone),
        f"{chosen_config.name}-{chosen_config.profile.name}@{stored.revision}" + (f"[{changed}]" if changed else ""),
        truncate_dim=truncate_dim,
        batch_tokens=batch_tokens,
        cached_images=cached_images,
        revision=stored.revision,
        detector=finder,
    )
    if int8:
        embedder.int8_cosine = round_language_model(model, embedder)
    if compiled:
        model.compile_parts()
    return embedder


def load_detector(source: str | Path, device: torch.device) -> ConceptDetector:
    """Load the detector of phrases; transformers' SAM 3 is imported only then."""
    from virtue_ref.model.detector import ConceptDetector

    return ConceptDetector(source, device)


def choose_device(device: str | None) -> torch.device:
    """Return the device with this name if it can be used; without a name, a GPU if there is one, else the CPU.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, AssertionError) as error:  # the latter if torch was built without this kind of device
        reason = first_line(error).rstrip(".")
        raise ConfigError(
            f"device {name!r} cannot be used here ({reason}); without a device, one is chosen."
        ) from error
    return chosen
