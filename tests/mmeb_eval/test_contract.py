"""Each way to break the contract gives one line that says what to do; a sound embedder gives none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.contract import check
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from scar.errors import EvalError


class Sound(Random):
    """Depends on each item's text, image and prompt and on nothing else."""

    prompts: Any = ("box", "points", "mask")


class Broken(Sound):
    """A sound embedder whose vectors are spoilt."""

    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors

    def embed(self, items: Sequence[Item]) -> Any:
        return self.spoil(super().embed(items), items)


class WrongShape(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors[0]


class NotANumber(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return np.where([[item.image is not None] for item in items], np.nan, vectors)


class TooLong(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors * 2


class Integers(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return (vectors * 127).astype(np.int8)


class Shuffled(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors[np.argsort([len(item.text) for item in items])]


class Neighbours(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        mixed = vectors + 0.1 * vectors.mean(axis=0) * (len(items) > 1)
        return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


class Dropout(Broken):
    rng = np.random.default_rng()

    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        kept = vectors * (self.rng.random(vectors.shape) > 0.1)
        return kept / np.linalg.norm(kept, axis=1, keepdims=True)


class Growing(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return np.eye(len(items), 8 + len(items), dtype=np.float32)


class Blind(Sound):
    """Says that it takes boxes and looks at none."""

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return super().embed([replace(item, prompt=None) for item in items])


class BoxesOnly(Sound):
    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if any(type(item.prompt).__name__ == "Mask" for item in items):
            raise TypeError("no masks yet")
        return super().embed(items)


class Crash(Sound):
    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        raise KeyError("pixel_values")


class RoiBlind(Sound):
    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return self.embed([replace(item, prompt=None) for item in items])


class RoiNever(Sound):
    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        raise EvalError("it has no patches.")


class OddLayout(Sound):
    layout = "qwen3"


class OddPrompts(Sound):
    prompts = ("bbox",)


def _lines(embedder: Any) -> list[str]:
    return [f"{finding.level}: {finding.text}" for finding in check(embedder)]


def test_pooled_regions_are_tried_too() -> None:
    assert _lines(RoiBlind()) == ["error: embed_roi gives a box here and one there one vector: pool inside the box."]
    assert _lines(RoiNever()) == ["note: --region roi does not work: it has no patches."]


def test_a_sound_embedder_gives_no_finding() -> None:
    assert check(Sound()) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WrongShape, "embed returned an array of shape (256,); return (8, D), one row for each item."),
        (NotANumber, "holds nan at position 0; return finite numbers."),
        (TooLong, "has length 2, not 1; divide it by its L2 norm."),
        (Integers, "numbers of type int8; return float32."),
        (Shuffled, "the items in reverse: the item "),
        (Neighbours, "the item alone: the item "),
        (Dropout, "two calls with the same items: the item "),
        (Growing, "the item alone: the width is 9 and was 16; it must not change."),
        (Blind, "a box here and one there have one vector: it is ignored. Use item.prompt."),
        (BoxesOnly, "embed raised TypeError on a mask: no masks yet. Take it from `prompts`?"),
        (Crash, "embed raised KeyError: 'pixel_values'. It must take text, image and both."),
        (OddLayout, "unknown layout 'qwen3': "),
        (OddPrompts, "unknown kind of prompt 'bbox': did you mean box?"),
    ],
)
def test_each_fault_has_a_line(kind: type[Sound], expected: str) -> None:
    lines = _lines(kind())
    assert any(line.startswith("error: ") and expected in line for line in lines), lines
    assert all("\n" not in line for line in lines)


def test_what_is_allowed_and_worth_knowing_is_a_note() -> None:
    assert _lines(Constant()) == [
        "note: all items have one vector: this embedder scores 0 wherever there are two candidates.",
        "note: it takes no prompts: the text names the region, and results say region = text.",
    ]
    assert _lines(TextOnly())[0] == "note: two different images have one vector: does the embedder open the image?"


def test_the_tiny_reference_model_keeps_the_contract() -> None:
    pytest.importorskip("virtue_ref.embedder", reason="the reference model needs torch")
    assert check(load_model("virtue", config="tiny")) == []
