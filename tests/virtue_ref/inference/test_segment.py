"""Masks of prompts: those of the segmenter, in the frame of the displayed image."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from mmeb_eval.item import Item, Lasso, Phrase, Points, Polygon, Prompt, Scribble
from scar.errors import ItemError, VirtueError
from scar.sample import Box, Mask
from tests.virtue_ref.conftest import drawn
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.inference.segment import Segments
from virtue_ref.model.segmenters.sam import SamSegmenter
from virtue_ref.model.segmenters.segmenter import PredictedMasks

Draw = Callable[..., Path]
BOX = Box(10, 20, 60, 50)
INSIDE = np.zeros((70, 90), bool)
INSIDE[20:50, 10:60] = True
PROMPTS: dict[str, Prompt] = {
    "box": BOX,
    "click": Points(((30, 30),), (1,)),
    "points": Points(((30, 30), (80, 60)), (1, 0)),
    "mask": Mask.from_array(INSIDE),
    "polygon": Polygon(((10, 20), (60, 20), (60, 50))),
    "lasso": Lasso(((10, 20), (60, 20), (60, 50))),
    "scribble": Scribble((((10, 20), (60, 50)),)),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_every_kind_of_prompt_gives_masks_in_the_size_of_the_image(
    tiny: VirtueEmbedder, picture: Draw, kind: str
) -> None:
    segments = tiny.segment(Item("", picture(90, 70), PROMPTS[kind]))
    count = 3 if kind == "click" else 1
    assert segments.masks.shape == (count, 70, 90)
    assert segments.masks.dtype == np.bool_
    assert segments.scores.shape == (count,)
    assert segments.scores.dtype == np.float32
    assert (np.diff(segments.scores) <= 0).all()


@torch.inference_mode()
def test_masks_are_those_of_sam_itself(tiny: VirtueEmbedder, picture: Draw) -> None:
    model = load("tiny", segmenter_package="transformers")
    image = picture(90, 70)
    ours = model.segment(Item("", image, BOX))
    sam: Any = model.model.segmenter
    squares = model.collator.open_images([image]).squares
    corners = torch.tensor([[[BOX.x0 / 90, BOX.y0 / 70, BOX.x1 / 90, BOX.y1 / 70]]]) * sam.size
    theirs = sam.sam(pixel_values=squares, input_boxes=corners, multimask_output=False)
    stretched = functional.interpolate(theirs.pred_masks[0], size=(70, 90), mode="bilinear", align_corners=False)
    np.testing.assert_array_equal(ours.masks[0], (stretched[0, 0] > 0).numpy())
    np.testing.assert_allclose(ours.scores, theirs.iou_scores[0, 0], atol=1e-5)


def test_items_together_are_segmented_as_alone_and_an_image_is_encoded_once(
    tiny: VirtueEmbedder, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [Item("", picture(90, 70, seed=seed), prompt) for prompt in PROMPTS.values() for seed in range(2)]
    encoded = _count_images(monkeypatch)
    together = load("tiny").segment_all(items)
    assert len(encoded) == 2
    for item, segments in zip(items, together, strict=True):
        _assert_equal(segments, tiny.segment(item))


def test_a_second_click_needs_no_encoder_and_a_changed_file_does(
    picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoded = load("tiny"), _count_images(monkeypatch)
    image = picture(90, 70, name="changing.png")
    first = model.segment(Item("", image, BOX))
    _assert_equal(first, model.segment(Item("another text", image.read_bytes(), BOX)))
    model.segment(Item("", image, PROMPTS["click"]))
    assert len(encoded) == 1
    drawn(90, 70, seed=3).save(image)
    model.segment(Item("", image, BOX))
    assert len(encoded) == 2


@pytest.mark.parametrize("profile", ["official", "clean"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_lie_in_the_displayed_frame(
    orientation: int, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segmenter that returns the very pixels of its square finds the bright part where viewers show it."""
    shown = np.zeros((80, 160, 3), np.uint8)
    shown[8:40, 16:64] = 255
    stored = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    _store(Image.fromarray(shown), orientation).save(stored, exif=exif)
    model = load("tiny", profile=profile)

    def see_brightness(self: SamSegmenter, states: Any, prompts: Any) -> list[PredictedMasks]:
        squares = model.collator.open_images([stored]).squares
        assert squares is not None
        return [PredictedMasks(squares[0].mean(0, keepdim=True), torch.ones(1)) for _ in prompts]

    monkeypatch.setattr(SamSegmenter, "decode_masks", see_brightness)
    (found,) = model.segment(Item("", stored, Box(16, 8, 64, 40))).masks
    assert found.shape == (80, 160)
    assert (found == (shown[..., 0] > 0)).mean() > 0.97


def _store(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels that a viewer turns into an image by this EXIF orientation; independent of this project's turns."""
    from PIL import ImageOps

    for method in [None, *Image.Transpose]:
        turned = image if method is None else image.transpose(method)
        exif, file = Image.Exif(), io.BytesIO()
        exif[0x0112] = orientation
        turned.save(file, "PNG", exif=exif)
        if np.array_equal(np.asarray(ImageOps.exif_transpose(Image.open(file))), np.asarray(image)):
            return turned
    raise AssertionError(orientation)


def test_items_without_a_thing_to_mean_are_refused(tiny: VirtueEmbedder, picture: Draw, tmp_path: Path) -> None:
    image, good = picture(90, 70), Item("", picture(90, 70), BOX)
    bad = {
        "item 1: an item without an image has no mask": Item("a cat"),
        "item 1: an item without a prompt has no mask: say which thing is meant": Item("", image),
        "item 1: .*no such image": Item("", tmp_path / "gone.png", BOX),
        "item 1: .*outside": Item("", image, Box(100, 10, 200, 60)),
        "item 1: point .* is not a number": Item("", image, Points(((float("nan"), 1),), (1,))),
        "item 1: .*(detector|phrase)": Item("", image, Phrase("the cup")),
    }
    for message, item in bad.items():
        with pytest.raises(ItemError, match=message) as caught:
            tiny.segment_all([good, item])
        assert "\n" not in str(caught.value)
    assert tiny.segment_all([]) == []


def test_a_model_without_segmenter_makes_no_masks(picture: Draw) -> None:
    with pytest.raises(VirtueError, match="this model has no segmenter, so it makes no masks"):
        load("tiny", segmenter_package="none").segment(Item("", picture(90, 70), BOX))


def _count_images(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    encoded: list[int] = []
    from virtue_ref.model.segmenters.sam2 import StockSam2

    encode = StockSam2.encode_for_masks

    def count(self: StockSam2, images: torch.Tensor) -> Any:
        encoded.append(len(images))
        return encode(self, images)

    monkeypatch.setattr(StockSam2, "encode_for_masks", count)
    return encoded


def _assert_equal(one: Segments, other: Segments) -> None:
    np.testing.assert_array_equal(one.masks, other.masks)
    np.testing.assert_array_equal(one.scores, other.scores)
