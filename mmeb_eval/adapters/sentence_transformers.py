"""Any model of sentence-transformers: of one vector an item, or of several (`MultiVectorEncoder`)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmeb_eval.adapters.shared import (
    TEXT_ALONE,
    count_cut_texts,
    embed_by_kind,
    find_offline,
    group_items,
    list_items,
    local_revision,
    make_load_error,
    make_refusal_error,
    name_model,
    name_options,
    normalise_rows,
    pixel_range,
    set_pixel_range,
    split_revision,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
from mmeb_eval.templates.protocols import Protocol, select_protocol
from mmeb_eval.vectors import make_rows
from scar.errors import EvalError


class SentenceTransformersEmbedder:
    """A model of sentence-transformers.

    The protocol says where the instruction goes: into ``prompt=``, which the library makes a system turn if the model
    has a chat template and else puts in front of the text, or into the text. A default prompt of the model is switched
    off.

    If the model takes image and text at once, an item with both becomes one input; else its vector is the normalised
    sum of the image's and the text's vector, or, of a model with several vectors an item, those of both.

    Args:
        name: name of the model in results.
        model: the loaded model.
        protocol: how it wants items.
        facts: further settings, such as the revision.

    Raises:
        EvalError: the protocol wants a system turn, and the model has no chat template.
    """

    def __init__(self, name: str, model: Any, protocol: Protocol, facts: Mapping[str, Any]) -> None:
        self.name = name
        self.layout = protocol.layout
        self.multi_vector = type(model).__name__ == "MultiVectorEncoder"
        self._model = model
        self._protocol = protocol
        self._facts = dict(facts)
        model.default_prompt_name = None
        if protocol.place == "system" and not model.supports("message"):
            raise EvalError(
                f"{name}: protocol {protocol.name} wants a system turn, and the model has no chat template."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """Those of `mmeb_eval.embedder.SETTINGS`; ``max_tokens``, the limit of a text; protocol and library.

        The revision of the weights is None if it is unknown.
        """
        processor = getattr(self._model[0], "processor", None)
        return {
            **self._facts,
            "processor": type(processor).__name__,
            **pixel_range(getattr(processor, "image_processor", None)),
            "dtype": str(next(self._model.parameters()).dtype).removeprefix("torch."),
            "max_tokens": self._model.max_seq_length,
            "protocol": self._protocol.settings,
            "library": f"sentence-transformers {importlib.metadata.version('sentence-transformers')}",
        }

    def counts(self, items: Sequence[Item]) -> dict[str, int]:
        """``texts_cut``: number of items whose text exceeds the model's limit. Empty if the limit is unknown."""
        max_tokens, tokenizer = self._model.max_seq_length, getattr(self._model, "tokenizer", None)
        tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor contains its tokenizer
        if max_tokens is None or not callable(tokenizer):
            return {}
        told = [replace(item, text=self._protocol.make_text(item)) for item in items]
        return count_cut_texts(told, tokenizer, max_tokens)

    def find_refusal(self, item: Item) -> str | None:
        """`TEXT_ALONE` for an item with an image if the model takes none; else None."""
        is_taken = item.image is None or self._model.supports("image") or self._model.supports(("image", "text"))
        return None if is_taken else TEXT_ALONE

    def embed(self, items: Iterable[Item]) -> Any:
        """(len(items), D) float32 rows of L2 norm 1, or (T, D) rows for each item.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened or that the model does not take.
            ContractError: the model does not give each item one vector, where it should; or there is no item.
        """
        listed = list_items(items, self.name)
        sent = [self._tell(item) for item in listed]
        vectors: list[Any] = [None] * len(listed)
        for (prompt, task, arguments), rows in group_items([key for _, key in sent]).items():

            def encode(
                items: Sequence[Item], has_text: bool, has_image: bool, key: Any = (prompt, task, arguments)
            ) -> Any:
                return self._encode_kind(items, has_text, has_image, *key)

            own = embed_by_kind([sent[row][0] for row in rows], self.name, encode, several=self.multi_vector)
            for row, vector in zip(rows, own, strict=True):
                vectors[row] = vector
        return vectors if self.multi_vector else make_rows(vectors, self.name, len(vectors))

    def _tell(self, item: Item) -> tuple[Item, tuple[str, str | None, tuple[tuple[str, str], ...]]]:
        """The item as the library gets it; and its prompt, its side for models of several vectors, other arguments."""
        protocol = self._protocol
        words = protocol.make_words(item)
        if protocol.place == "text" and (item.image is not None or not item.text):
            item, words = replace(item, text=protocol.make_text(item)), ""  # the library's prompt is for texts alone
        task = item.side if self.multi_vector else None
        return item, ("" if protocol.place == "none" else words, task, tuple(protocol.get_arguments(item).items()))

    def _encode_kind(
        self,
        items: Sequence[Item],
        has_text: bool,
        has_image: bool,
        prompt: str,
        task: str | None,
        arguments: Sequence[tuple[str, str]],
    ) -> Any:
        """Vectors of items with the same kinds of content: text, image or both."""
        if (reason := self.find_refusal(items[0])) is not None:
            raise make_refusal_error(self.name, items[0], reason)
        options: dict[str, Any] = {"prompt": prompt or None, **dict(arguments)}
        if task is not None:
            options["task"] = task
        texts = [{"text": item.text} for item in items] if has_text else []
        images = [{"image": open_rgb(item.image)} for item in items if item.image is not None]
        if not (has_text and has_image):
            return self._encode_inputs(texts or images, options)
        if self._model.supports(("image", "text")):
            both = [image | text for image, text in zip(images, texts, strict=True)]
            return self._encode_inputs(
                [{medium: one[medium] for medium in self._protocol.order} for one in both], options
            )
        parts = [self._encode_inputs(texts, options), self._encode_inputs(images, options)]
        if self.multi_vector:
            import numpy as np

            return [np.concatenate(own) for own in zip(*parts, strict=True)]
        return normalise_rows(parts[0] + parts[1], self.name, len(items))

    def _encode_inputs(self, inputs: list[dict[str, Any]], options: Mapping[str, Any]) -> Any:
        """Vectors of L2 norm 1. Inputs are dictionaries: the library would open a string that looks like a path."""
        encoded = self._model.encode(inputs, batch_size=len(inputs), show_progress_bar=False, **options)
        if self.multi_vector:
            return [normalise_rows(own, self.name, len(own)) for own in encoded]
        return normalise_rows(encoded, self.name, len(inputs))


def load(
    model_id: str,
    /,
    *,
    protocol: str | None = None,
    truncate_dim: int | None = None,
    dtype: str | None = None,
    trust_remote_code: bool = False,
    model_kwargs: dict[str, Any] | None = None,
    processor_kwargs: dict[str, Any] | None = None,
) -> SentenceTransformersEmbedder:
    """Load a model of one vector an item, from a local folder or from the hub.

    Args:
        model_id: the folder, or the hub id; ``@`` and a revision may follow the id.
        protocol: see `mmeb_eval.templates.protocols.select_protocol`.
        truncate_dim: number of components that are kept, of a model trained for it (Matryoshka); they are normalised
            again.
        dtype: number format of the weights, such as ``bfloat16``; None means that of the model.
        trust_remote_code: whether code that comes with the model may run. Read it first.
        model_kwargs: further arguments of the model's ``from_pretrained``.
        processor_kwargs: likewise of its processor; sizes here replace the protocol's budget of pixels.

    Raises:
        EvalError: the model cannot be loaded, wants to run code of its own, or has fewer components.
    """
    options = {"protocol": protocol, "truncate_dim": truncate_dim, "dtype": dtype}
    name, model, row, facts = _load_model(
        "sentence-transformers",
        "SentenceTransformer",
        model_id,
        options,
        trust_remote_code,
        model_kwargs,
        processor_kwargs,
    )
    if truncate_dim is not None and not 0 < truncate_dim <= (width := model.get_embedding_dimension() or truncate_dim):
        raise EvalError(f"{name}: truncate_dim {truncate_dim}: the model has {width} components.")
    model.truncate_dim = truncate_dim
    return SentenceTransformersEmbedder(name, model, row, facts)


def load_multi_vector(
    model_id: str,
    /,
    *,
    protocol: str | None = None,
    dtype: str | None = None,
    trust_remote_code: bool = False,
    model_kwargs: dict[str, Any] | None = None,
    processor_kwargs: dict[str, Any] | None = None,
) -> SentenceTransformersEmbedder:
    """Load a late-interaction model, a `MultiVectorEncoder`; for the arguments and errors, see `load`."""
    options = {"protocol": protocol, "dtype": dtype}
    name, model, row, facts = _load_model(
        "multi-vector", "MultiVectorEncoder", model_id, options, trust_remote_code, model_kwargs, processor_kwargs
    )
    return SentenceTransformersEmbedder(name, model, row, facts)


def _load_model(
    family: str,
    kind: str,
    model_id: str,
    options: Mapping[str, Any],
    trust_remote_code: bool,
    model_kwargs: Mapping[str, Any] | None,
    processor_kwargs: Mapping[str, Any] | None,
) -> tuple[str, Any, Protocol, dict[str, Any]]:
    """Load a model of a class of the library; return its name, itself, its protocol, and further settings."""
    import sentence_transformers

    named = {**options, "model_kwargs": model_kwargs, "processor_kwargs": processor_kwargs}
    name = f"{family}:{name_model(model_id)}{name_options(named)}"
    path, revision = split_revision(model_id)
    row = select_protocol(model_id, options["protocol"])
    dtype = {} if options["dtype"] is None else {"dtype": options["dtype"]}
    is_offline = find_offline(name, path, revision)
    try:
        model = getattr(sentence_transformers, kind)(
            path,
            revision=revision,
            local_files_only=is_offline,
            trust_remote_code=trust_remote_code,
            model_kwargs={**dtype, **(model_kwargs or {})},
            processor_kwargs=dict(processor_kwargs or {}),
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise make_load_error(name, error) from error
    if not {"size", "min_pixels", "max_pixels"} & set(processor_kwargs or {}):
        set_pixel_range(getattr(getattr(model[0], "processor", None), "image_processor", None), row)
    if row.max_tokens is not None and model.max_seq_length is None:
        model.max_seq_length = row.max_tokens
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    facts = {"revision": local_revision(model_id) or getattr(config, "_commit_hash", None)}
    return name, model, row, facts | ({"trust_remote_code": True} if trust_remote_code else {})
