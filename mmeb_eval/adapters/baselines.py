"""Baselines that a useful model must beat: a constant vector, random vectors, and vectors of the text alone."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import Item

VECTOR_WIDTH = 256
"""Dimension of the vectors of `Constant` and `Random`."""

BUCKETS = 1024
"""Dimension of the vectors of `TextOnly`; words and letter triples are hashed to these dimensions."""

_WORD = re.compile(r"\w+|[^\w\s]")


class Constant:
    """Gives the same vector to all items: every query is a tie. If ties count against the model, hit@1 is 0."""

    name = "constant"
    stored = False

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), `VECTOR_WIDTH`) float32 rows of L2 norm 1, all equal."""
        return np.full((len(list(items)), VECTOR_WIDTH), VECTOR_WIDTH**-0.5, dtype=np.float32)


class Random:
    """Gives each item a random vector, drawn from its content and a seed: hit@1 is about chance.

    An image counts by the last two parts of its path, so the vectors do not depend on the data folder.
    """

    name = "random"
    stored = False

    def __init__(self, seed: int = 0) -> None:
        self.settings: Mapping[str, int] = {"seed": seed}

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), `VECTOR_WIDTH`) float32 rows of L2 norm 1; all directions are equally likely."""
        rows = np.array([self._draw_vector(item) for item in items]).reshape(-1, VECTOR_WIDTH)
        lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / lengths).astype(np.float32)

    def _draw_vector(self, item: Item) -> NDArray[np.float64]:
        image = "" if item.image is None else "/".join(Path(str(item.image)).parts[-2:])  # without the data folder
        content = repr((self.settings["seed"], item.text, image, item.prompt))
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return np.random.default_rng(int.from_bytes(digest, "little")).standard_normal(VECTOR_WIDTH)


class TextOnly:
    """Gives each item the counts of its text's words and of their letter triples.

    Images and prompts are ignored. Each word or triple is hashed to one of `BUCKETS` dimensions and a sign. On SCaR all
    queries have the same instruction, so a score above chance shows that gold captions differ from wrong ones by their
    wording alone.
    """

    name = "text-only"
    stored = False

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), `BUCKETS`) float32 rows of L2 norm 1; items without words have equal rows."""
        items = list(items)
        rows = np.zeros((len(items), BUCKETS), dtype=np.float32)
        for row, item in zip(rows, items, strict=True):
            for word in _WORD.findall(item.text.lower()) or [""]:
                for index, sign in _hash_features(word):
                    row[index] += sign
            if not row.any():
                row[0] = 1  # all features cancel out
        lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / lengths


@lru_cache(maxsize=65_536)
def _hash_features(word: str) -> tuple[tuple[int, int], ...]:
    """(dimension, sign) of the word itself and of each letter triple of ``<word>``, with its angle brackets."""
    framed = f"<{word}>"
    triples = (framed[start : start + 3] for start in range(len(framed) - 2))
    hashes = (zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in (word, *triples))
    return tuple((value % BUCKETS, 1 if value & 0x8000_0000 else -1) for value in hashes)
