"""Images are opened whole, in the calling thread or ahead of it, and a broken one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mmeb_eval.data.images import decode_rgb, open_rgb, prefetch_images, read_image_header
from scar.errors import DataError


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("L", (8, 6 + number), 40 * number).save(path)
    return paths


def test_images_opened_ahead_are_those_opened_at_once(paths: list[Path]) -> None:
    route = [paths[0], paths[0], *paths[1:], paths[2]]
    with prefetch_images(route):
        for path in [*route, paths[4]]:
            image = open_rgb(path)
            assert (image.mode, image.tobytes()) == ("RGB", decode_rgb(path).tobytes())
            image.paste((255, 0, 0), (0, 0, 8, 6))  # each caller has an image of its own
    assert open_rgb(paths[0]).tobytes() == decode_rgb(paths[0]).tobytes()


def test_a_size_is_read_without_decoding(paths: list[Path]) -> None:
    assert read_image_header(paths[2]).size == (8, 8)


def test_an_image_that_is_broken_or_gone_is_named(paths: list[Path], tmp_path: Path) -> None:
    paths[1].write_bytes(b"no image")
    for path in (paths[1], tmp_path / "gone.png"):
        with pytest.raises(DataError, match=rf"{path.name}: not an image that can be decoded"):
            open_rgb(path)
        with prefetch_images(paths), pytest.raises(DataError, match=rf"{path.name}: not an image that can be decoded"):
            open_rgb(path)
        with pytest.raises(DataError, match=rf"{path.name}: not an image that can be decoded"):
            read_image_header(path)
