"""Image files: modes, orientation, odd files, and the segmenter's square."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from torch.nn import functional

from scar.common.images import limit_pixels
from scar.common.pixels import to_rgb
from scar.errors import ItemError
from tests.virtue_ref.conftest import drawn
from virtue_ref.config import PROFILES, ImageRules, Profile
from virtue_ref.model import images
from virtue_ref.model.backbones.qwen_images import make_pixels
from virtue_ref.model.images import make_segmenter_input, read_frame, read_image
from virtue_ref.model.segmenters.segmenter import IMAGENET

OFFICIAL, CLEAN = PROFILES["official"], PROFILES["clean"]


RULES = ImageRules()


Draw = Callable[..., Path]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("size", [(20, 30), (90, 60)])
def test_every_mode_of_eight_bits_becomes_rgb(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    path = tmp_path / ("image.jpg" if mode in ("CMYK", "YCbCr") else "image.png" if mode != "PA" else "image.tif")
    Image.new("RGB", size, (200, 30, 90)).convert("RGBA").convert("RGB").convert(mode if mode != "PA" else "P").save(
        path
    )
    assert make_pixels(read_image(path, OFFICIAL), RULES).shape[0] == 3


def test_alpha_is_dropped_not_composited(tmp_path: Path) -> None:
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (60, 60), (200, 30, 90, 0)).save(clear)
    solid = tmp_path / "solid.png"
    Image.new("RGB", (60, 60), (200, 30, 90)).save(solid)
    dropped, plain = (make_pixels(read_image(path, OFFICIAL), RULES) for path in (clear, solid))
    np.testing.assert_array_equal(dropped, plain)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    image = Image.new("RGB", (60, 60), (200, 30, 90)).quantize(4)
    image.save(tmp_path / "clear.png", transparency=bytes([0, 128, 255, 255]))
    assert make_pixels(read_image(tmp_path / "clear.png", OFFICIAL), RULES).shape == (3, 56, 56)


def test_a_turned_photograph_stands_upright_in_clean_only(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    for profile, size in ((CLEAN, (100, 300)), (OFFICIAL, (300, 100))):
        frame = read_frame(tmp_path / "turned.jpg", profile)
        assert frame.size == read_image(tmp_path / "turned.jpg", profile).size == size
        assert frame.displayed_size == (100, 300)


@pytest.mark.parametrize("profile", [CLEAN, OFFICIAL])
def test_pixels_of_more_bits_are_those_of_eight(tmp_path: Path, profile: Profile) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(4, axis=1)
    Image.fromarray(grey).save(tmp_path / "eight.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    Image.fromarray((grey / 255).astype(np.float32)).save(tmp_path / "float.tif")
    expected = make_pixels(read_image(tmp_path / "eight.png", profile), RULES)
    for name in ("sixteen.png", "float.tif"):
        np.testing.assert_array_equal(make_pixels(read_image(tmp_path / name, profile), RULES), expected)


@pytest.mark.parametrize("profile", [CLEAN, OFFICIAL])
def test_pixels_of_unclear_brightness_are_refused(tmp_path: Path, profile: Profile) -> None:
    Image.fromarray(np.full((40, 40), 700, np.uint16)).save(tmp_path / "dark.png")
    Image.fromarray(np.full((40, 40), 70.5, np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.full((40, 40), 70000, np.int32)).save(tmp_path / "long.tif")
    for name in ("dark.png", "float.tif", "long.tif"):
        with pytest.raises(ItemError, match=rf"{name}: .*pixels of .*save it with 8 bits") as caught:
            read_image(tmp_path / name, profile)
        assert "\n" not in str(caught.value)


def test_files_that_are_no_images(tmp_path: Path, picture: Draw) -> None:
    with pytest.raises(ItemError, match=r"nowhere\.png: no such image"):
        read_frame(tmp_path / "nowhere.png", CLEAN)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ItemError, match=r"text\.png: not an image that can be decoded"):
        read_frame(tmp_path / "text.png", CLEAN)
    whole = picture(200, 200).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"half\.png: not an image that can be decoded"):
        read_image(tmp_path / "half.png", CLEAN)


def test_a_decompression_bomb_is_refused(tmp_path: Path, picture: Draw) -> None:
    problem = r"not an image that can be decoded.*more than the 9,999 pixels"
    with limit_pixels(9_999), pytest.raises(ItemError, match=problem):
        read_frame(picture(100, 100), CLEAN)


def test_clean_segmenter_input_is_the_picture_normalised_once(picture: Draw) -> None:
    image = read_image(picture(64, 64), CLEAN)
    frame = make_segmenter_input(image, make_pixels(image, RULES), 64, CLEAN)
    expected = (np.asarray(image) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(frame.permute(1, 2, 0), expected, rtol=0, atol=1e-5)


def test_official_segmenter_input_is_normalised_twice(picture: Draw) -> None:
    image = read_image(picture(56, 56), OFFICIAL)
    vision = make_pixels(image, RULES)
    frame = make_segmenter_input(image, vision, 56, OFFICIAL)
    expected = (vision.transpose(1, 2, 0) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(frame.permute(1, 2, 0), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("profile", [OFFICIAL, CLEAN])
def test_a_truncated_image_is_refused_even_if_pillow_is_told_to_load_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: Profile
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ItemError, match=r"half\.jpg: not an image that can be decoded .*truncated"):
        read_image(tmp_path / "half.jpg", profile)
    assert read_image(tmp_path / "a.jpg", profile).size == (80, 60)


@pytest.mark.parametrize("size", [(640, 480), (37, 1000), (2501, 33), (1, 90), (90, 1)])
def test_a_square_made_in_strips_is_that_of_the_whole_image(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    whole = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    square = functional.interpolate(whole, size=(256, 256), mode="bilinear", align_corners=False, antialias=True)[0]
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET.mean, IMAGENET.std))
    for strip in (1, 700, 2**20):
        monkeypatch.setattr(images, "STRIP_PIXELS", strip)
        made = make_segmenter_input(Image.fromarray(pixels), None, 256, CLEAN)
        assert torch.equal(made, (square - mean) / std)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_strips_of_every_mode_have_the_colours_of_the_whole_image(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = drawn(90, 70).convert("P" if mode in ("P", "PA") else mode)
    image = image.convert("PA") if mode == "PA" else image
    monkeypatch.setattr(images, "STRIP_PIXELS", 500)
    made = make_segmenter_input(image, None, 64, CLEAN)
    assert torch.equal(made, make_segmenter_input(to_rgb(image), None, 64, CLEAN))


MEMORY = """
import sys
from pathlib import Path

from PIL import Image

from virtue_ref.config import PROFILES, ImageRules
from virtue_ref.model.backbones.qwen_images import make_pixels
from virtue_ref.model.images import make_segmenter_input

def read_status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024

def prepare(image):
    make_segmenter_input(image, make_pixels(image, ImageRules()), 256, PROFILES[sys.argv[1]])

for mode in ("RGB", "L", "RGBA"):
    image = Image.linear_gradient("L").resize((4000, 3000)).convert(mode)
    prepare(image.resize((900, 600)))
    before = read_status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    prepare(image)
    print(mode, (read_status("VmHWM") - before) / 12e6)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("profile", ["official", "clean"])
def test_an_image_takes_few_bytes_a_pixel_beside_the_decoded_one(profile: str) -> None:
    command = [sys.executable, "-c", MEMORY, profile]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)  # noqa: S603
    taken = {mode: float(number) for mode, number in map(str.split, done.stdout.splitlines())}
    assert taken.keys() == {"RGB", "L", "RGBA"}
    assert max(taken.values()) < 6, taken
