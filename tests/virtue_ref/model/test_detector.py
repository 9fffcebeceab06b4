"""The detector of phrases gives what transformers' own processor makes of SAM 3's output, and its box is the prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, Sam3Model

from mmeb_eval.item import Item, Phrase
from scar.errors import CheckpointError, ItemError
from tests.virtue_ref.model.tiny_detector import write_detector
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.inference import phrases
from virtue_ref.model.detector import ConceptDetector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("sam3"))


@pytest.fixture(scope="module")
def detector(folder: Path) -> ConceptDetector:
    return ConceptDetector(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def embedder(folder: Path) -> VirtueEmbedder:
    return load("tiny", detector=folder)


@torch.inference_mode()
def test_detections_are_those_of_transformers(
    folder: Path, detector: ConceptDetector, picture: Callable[..., Path]
) -> None:
    pytest.importorskip("torchvision")
    from transformers import Sam3ImageProcessor

    image = picture(90, 70)
    model: Any = Sam3Model.from_pretrained(folder)
    processor: Any = Sam3ImageProcessor(size={"height": 112, "width": 112})
    pixels = processor(Image.open(image), return_tensors="pt").pixel_values
    tokens = AutoTokenizer.from_pretrained(folder)("a cup", padding="max_length", max_length=32, return_tensors="pt")
    out = model.eval()(pixel_values=pixels, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
    (theirs,) = processor.post_process_instance_segmentation(out, threshold=0.0, target_sizes=[(70, 90)])
    found = detector.find(image, "a cup", 0)
    order = theirs["scores"].argsort(descending=True)
    assert len(found) == 6
    np.testing.assert_allclose([each.score for each in found], theirs["scores"][order], atol=1e-3)
    boxes = [[each.box.x0, each.box.y0, each.box.x1, each.box.y1] for each in found]
    np.testing.assert_allclose(boxes, theirs["boxes"][order].clamp(min=0), atol=0.5)  # they resize 8-bit pixels


def test_a_phrase_is_embedded_as_the_box_of_the_best_detection(
    embedder: VirtueEmbedder,
    detector: ConceptDetector,
    folder: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phrases, "MIN_SCORE", 0.0)
    first, second = picture(90, 70), picture(80, 60, seed=1)
    asked = [(first, "a cup"), (second, "a cup"), (first, "the striped cup"), (first, "a cup")]
    by_phrase = embedder.embed([Item("", image, Phrase(words)) for image, words in asked] + [Item("a text")])
    boxes = [detector.find(image, words, 0)[0].box for image, words in asked]
    by_box = embedder.embed([Item("", image, box) for (image, _), box in zip(asked, boxes, strict=True)])
    np.testing.assert_allclose(by_phrase[:4], by_box, atol=1e-6)
    assert np.array_equal(by_phrase[0], by_phrase[3])
    assert embedder.name.endswith(f"[detector={folder.name}]")
    assert "phrase" in embedder.prompts


def test_what_is_not_found_is_told_with_its_place(
    embedder: VirtueEmbedder, detector: ConceptDetector, picture: Callable[..., Path]
) -> None:
    image = picture(90, 70)
    assert detector.find(image, "a cup") == []
    with pytest.raises(ItemError, match=r"item 1: nothing like 'a cup' was found \(the best guess has a score of 0\."):
        embedder.embed([Item("a"), Item("", image, Phrase("a cup"))])
    with pytest.raises(ItemError, match=r"item 0: phrase .* has more than 32 tokens: name the thing in a few words"):
        embedder.embed([Item("", image, Phrase("a cup that stands beside another cup"))])
    with pytest.raises(ItemError, match="item 0: phrase '' is no text"):
        embedder.embed([Item("", image, Phrase(""))])


def test_a_model_without_detector_refuses_phrases(tiny: VirtueEmbedder, picture: Callable[..., Path]) -> None:
    assert "phrase" not in tiny.prompts
    with pytest.raises(ItemError, match="item 0: no detector looks for 'a cup': load the model with detector="):
        tiny.embed([Item("", picture(90, 70), Phrase("a cup"))])


def test_a_detector_that_is_none(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"detector .*: no SAM 3 with a tokenizer"):
        load("tiny", detector=tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks weights of SAM 3's detector, such as text_projection"):
        load("tiny", detector=other)
