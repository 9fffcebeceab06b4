"""A sentence encoder is one more baseline, and its absence is one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scar import audit
from scar.audit.encoder import load_encoder
from scar.errors import InputError


def test_an_encoder_is_one_more_baseline(fair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str) -> None:
            if name != "letters":
                raise OSError("not found")

        def encode(self, texts: Sequence[str], **_: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            assert len(set(texts)) == len(texts)
            return np.array([[text.count(letter) for letter in "aeiou"] for text in texts], np.float64)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
    figures = audit(fair, encoder=load_encoder("letters"))["sources"]["Toy/eval"]["blind"]
    assert 0 < figures["encoder"]["hit"] < 0.2
    with pytest.raises(InputError, match="--encoder other: no such sentence encoder"):
        load_encoder("other")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match="pip install sentence-transformers"):
        load_encoder("letters")
