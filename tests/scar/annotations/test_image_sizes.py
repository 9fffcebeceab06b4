"""Sizes that the images tell, and the limit of their pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from scar.annotations.image_sizes import has_allowed_size, read_size, refuse_size
from scar.cli import app
from scar.common.images import limit_pixels
from scar.errors import BadRecord
from scar.recipe import Frame
from tests.scar.annotations.exports import HEIGHT, WIDTH, draw_tiny_set, write_coco


def save_turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(path, exif=exif)


@pytest.mark.parametrize(("frame", "size"), [("stored", (40, 30)), ("displayed", (30, 40))])
def test_the_recipe_tells_the_frame_of_a_turned_image(tmp_path: Path, frame: Frame, size: tuple[int, int]) -> None:
    save_turned(tmp_path / "a.jpg")
    assert read_size(tmp_path, frame, "a.jpg", "here") == size


def test_without_a_frame_a_turned_image_has_no_clear_size(tmp_path: Path) -> None:
    save_turned(tmp_path / "a.jpg")
    Image.new("RGB", (40, 30)).save(tmp_path / "b.jpg")
    assert read_size(tmp_path, None, "b.jpg", "here") == (40, 30)
    with pytest.raises(BadRecord, match=r"orientation 6.*say frame = .*--frame") as caught:
        read_size(tmp_path, None, "a.jpg", "here")
    assert caught.value.reason == "image_frame"


@pytest.mark.parametrize(("content", "reason"), [(None, "image_missing"), (b"no image", "image_broken")])
def test_an_image_that_cannot_tell_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(BadRecord, match=r"a\.jpg") as caught:
        read_size(tmp_path, None, "a.jpg", "here")
    assert caught.value.reason == reason


def test_the_limit_of_pixels_is_that_of_all_packages() -> None:
    assert has_allowed_size(3, 4)
    assert not has_allowed_size(0, 4)
    with limit_pixels(11), pytest.raises(BadRecord, match=r"image 7 is said to be 3x4, not 1 to 11 pixels"):
        assert not has_allowed_size(3, 4)
        refuse_size(3, 4, "image 7", "here")


def test_max_pixels_is_an_option_that_the_message_names(tmp_path: Path) -> None:
    tiny = draw_tiny_set(tmp_path)
    arguments = ["build", "--instances", str(write_coco(tmp_path, tiny)), "--images", str(tiny.images)]
    arguments += ["--captions", str(tiny.captions), "--name", "T", "--split", "eval", "--out", str(tmp_path / "out")]
    arguments += ["--workers", "1", "--max-pixels"]
    small = CliRunner().invoke(app, [*arguments, str(WIDTH * HEIGHT - 1)])
    assert small.exit_code == 2
    assert "400x250, not 1 to 99,999 pixels (--max-pixels of `scar build`" in small.output
    assert CliRunner().invoke(app, [*arguments, str(WIDTH * HEIGHT)]).exit_code == 0
