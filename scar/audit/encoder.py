"""Load a frozen sentence encoder for one more baseline; it needs the package sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TypeAlias

import numpy as np

from scar.audit.logistic import Floats
from scar.errors import InputError

Encoder: TypeAlias = Callable[[Sequence[str]], Floats]
"""Takes texts, returns (texts, dimensions) vectors."""


def load_encoder(name: str) -> Encoder:
    """Load a sentence-transformers model.

    Args:
        name: name of the model on the Hub, or its folder.

    Returns:
        The encoder. Its vectors have norm 1; those of equal texts are computed once.

    Raises:
        InputError: the package is not installed, or there is no such model.
    """
    try:
        library = import_module("sentence_transformers")  # an optional package
    except ImportError:
        raise InputError(
            f"--encoder {name}: sentence-transformers is not installed; pip install sentence-transformers."
        ) from None
    try:
        model = library.SentenceTransformer(name)
    except (OSError, ValueError) as error:
        raise InputError(f"--encoder {name}: no such sentence encoder ({error}).") from None
    known: dict[str, Floats] = {}

    def encode_texts(texts: Sequence[str]) -> Floats:
        new = list(dict.fromkeys(text for text in texts if text not in known))
        if new:
            vectors = np.asarray(model.encode(new, normalize_embeddings=True, show_progress_bar=False), np.float64)
            known.update(zip(new, vectors, strict=True))
        return np.stack([known[text] for text in texts])

    return encode_texts
