"""Windows cover the image, and the map holds the cosines of text and windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmeb_eval.item import Item
from scar.errors import InputError, ItemError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.explain.similarity_map import find_peak, is_flat, make_windows, map_similarity


@given(width=st.integers(1, 5000), height=st.integers(1, 5000), cells=st.integers(1, 64))
def test_windows_lie_around_their_cells_and_in_the_image(width: int, height: int, cells: int) -> None:
    windows = make_windows((width, height), cells)
    rows, columns = len(windows), len(windows[0])
    assert max(rows, columns) == cells
    assert {len(row) for row in windows} == {columns}
    for row, boxes in enumerate(windows):
        for column, box in enumerate(boxes):
            assert 0 <= box.x0 <= (column + 0.5) * width / columns <= box.x1 <= width
            assert 0 <= box.y0 <= (row + 0.5) * height / rows <= box.y1 <= height
            assert box.area > 0
    assert (windows[0][0].x0, windows[0][0].y0) == (0, 0)
    assert (windows[-1][-1].x1, windows[-1][-1].y1) == (width, height)


class NearMiddle:
    """An embedder whose regions are the more like a text, the nearer their middle is to (70, 20)."""

    name = "near-middle"

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        rows = []
        for item in items:
            distance = 0.0
            if isinstance(item.prompt, Box):
                x, y = (item.prompt.x0 + item.prompt.x1) / 2, (item.prompt.y0 + item.prompt.y1) / 2
                distance = float(np.hypot(x - 70, y - 20)) / 200
            rows.append([np.cos(distance), np.sin(distance)])
        return np.array(rows, np.float32)


def test_the_peak_is_where_the_thing_is() -> None:
    size = (120, 80)
    similarity = map_similarity(NearMiddle(), Path("a.png"), size, "it", "what?", 12)
    assert similarity.shape == (8, 12)
    assert find_peak(similarity, size) in {(65, 15), (75, 15), (65, 25), (75, 25)}
    assert not is_flat(similarity)
    assert is_flat(np.ones((3, 4), np.float32))
    assert find_peak(np.ones((1, 2), np.float32), (40, 10)) == (10, 5)


def test_a_cell_is_the_cosine_of_its_region(tiny: VirtueEmbedder, picture: Callable[..., Path]) -> None:
    image = picture(90, 70)
    similarity = map_similarity(tiny, image, (90, 70), "a cup", "which?", 3)
    box = make_windows((90, 70), 3)[1][2]
    text, region = tiny.embed([Item("a cup"), Item("which?", image, box)])
    assert similarity.dtype == np.float32
    assert similarity[1, 2] == pytest.approx(float(text @ region), abs=1e-5)


def test_bad_numbers_and_texts(tmp_path: Path) -> None:
    for cells in (0, -3, 65, 2.5, True, "8"):
        with pytest.raises(InputError, match="cells"):
            make_windows((10, 10), cells)  # type: ignore[arg-type]
    with pytest.raises(ItemError, match="an empty text is like nothing"):
        map_similarity(NearMiddle(), tmp_path / "a.png", (10, 10), " \n", "")
