"""Masks hold the pixels that they were made from, or there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scar.errors import InputError
from scar.sample import Mask

WHOLE_NUMBERS = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")


@pytest.mark.parametrize("dtype", WHOLE_NUMBERS)
@given(data=st.data())
def test_whole_numbers_belong_where_they_are_not_zero(dtype: str, data: st.DataObject) -> None:
    pixels = data.draw(arrays(dtype, array_shapes(min_dims=2, max_dims=2, max_side=12)))
    for given_pixels in (pixels, (pixels != 0).tolist(), np.asfortranarray(pixels), pixels[::-1][::-1]):
        np.testing.assert_array_equal(Mask.from_array(given_pixels).to_array(), pixels.astype(bool))


def test_a_drawn_mask_with_a_soft_edge() -> None:
    drawn = Image.new("L", (400, 300))
    ImageDraw.Draw(drawn).ellipse((100, 50, 300, 250), fill=255)
    soft = drawn.resize((200, 150), Image.Resampling.BILINEAR)
    pixels = np.asarray(soft)
    assert len(np.unique(pixels)) > 2
    np.testing.assert_array_equal(Mask.from_array(soft).to_array(), pixels > 0)  # type: ignore[arg-type]
    np.testing.assert_array_equal(Mask.from_array(pixels, threshold=127).to_array(), pixels > 127)


@given(arrays("f4", array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-9, 9, width=32)))
def test_floats_belong_above_the_threshold(logits: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(Mask.from_array(logits, threshold=0).to_array(), logits > 0)
    with pytest.raises(InputError, match=r"a mask of floats: give `threshold`, such as 0\.5 for probabilities or 0"):
        Mask.from_array(logits)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_tensors(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    pixels = np.arange(12).reshape(3, 4) % 3
    mask = Mask.from_array(torch.from_numpy(pixels).to(getattr(torch, dtype)))
    np.testing.assert_array_equal(mask.to_array(), pixels > 0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tensors_of_logits(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    logits = torch.linspace(-2, 2, 12, dtype=getattr(torch, dtype), requires_grad=True).reshape(3, 4)
    expected = (logits > 0).numpy()
    np.testing.assert_array_equal(Mask.from_array(logits, threshold=0).to_array(), expected)
    with pytest.raises(InputError, match="give `threshold`"):
        Mask.from_array(logits)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((3, 4, 5), bool), r"an \(H, W\) array with pixels, not one of shape \(3, 4, 5\)"),
        (np.zeros(7, bool), r"not one of shape \(7,\)"),
        (np.zeros((0, 4), bool), r"not one of shape \(0, 4\)"),
        ([[1, 0], [1]], "this list is none"),
        ([["a", "b"]], "booleans or numbers, not <U1"),
        (np.array([[1j]]), "booleans or numbers, not complex128"),
        (np.array([[None, 1]]), "booleans or numbers, not object"),
        (None, r"not one of shape \(\)"),
        (np.array([[0.5, 1], [0, np.nan]]), "a mask with NaN, first in row 1, column 1"),
    ],
)
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_what_is_no_mask(pixels: Any, message: str, threshold: float | None) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Mask.from_array(pixels, threshold)
    assert "\n" not in str(caught.value)


def test_a_threshold_is_finite() -> None:
    with pytest.raises(InputError, match="threshold nan of a mask is not finite"):
        Mask.from_array(np.zeros((2, 2)), float("nan"))


GOOD = Mask.from_array(np.kron(np.eye(4, dtype=bool), np.ones((5, 5), bool)))


@pytest.mark.parametrize(
    "counts",
    ["", "0", "zzz", "PPP", "\x7f\x7f", "Z" * 50, "é", GOOD.counts[:-1], GOOD.counts[:9], GOOD.counts * 2, None, b"d"],
)
def test_runs_that_do_not_fill_the_image_are_refused(counts: Any) -> None:
    with pytest.raises(InputError, match=r"^a mask of 20 x 20 pixels is damaged: "):
        Mask((20, 20), counts).to_array()


@pytest.mark.parametrize("size", [(20, 21), (0, 0), (-20, -20), (400, 0)])
def test_a_mask_of_another_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="is damaged: its runs fill 400 of"):
        Mask(size, GOOD.counts).to_array()
