"""A corpus of photographs that EXIF turns is that of their upright twins, for loaders that know EXIF or do not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin
from typer.testing import CliRunner

from scar import Recipe, build, read
from scar.build.turned_images import ENCODED, EXACT, encode_upright
from scar.cli import app
from scar.common.image_hash import hash_image, match_identities
from scar.demo.world import draw_world
from scar.errors import BadRecord, LeakageError
from scar.formats.check import check_folder
from scar.generators.generator import Generator
from scar.recipe import Frame
from tests.scar.common.orientations import TURNED, draw_scene, make_exif, save_stored
from tests.scar.turned_world import draw_photograph, make_world
from tests.shared import read_files


def build_world(folder: Path, stand_in: Generator, orientation: int, frame: Frame) -> tuple[Path, dict[str, Any]]:
    world = make_world(folder / "world", orientation, frame)
    recipe = Recipe(sources=(world.source(frame=frame),))
    return folder / "out", build(recipe, folder / "out", generator=stand_in)["Toy/eval"]


@pytest.mark.parametrize("frame", ["stored", "displayed"])
@pytest.mark.parametrize("orientation", TURNED)
def test_rows_and_pixels_are_those_of_the_upright_twin(
    tmp_path: Path, stand_in: Generator, orientation: int, frame: Frame
) -> None:
    twin, plain = build_world(tmp_path / "twin", stand_in, 1, "displayed")
    turned, entry = build_world(tmp_path / "turned", stand_in, orientation, frame)
    assert list(read(turned)) == list(read(twin))
    for image in {sample.image for sample in read(twin)}:
        with Image.open(turned / image) as own, Image.open(twin / image) as other:
            assert (own.size, own.tobytes()) == (other.size, other.tobytes())
            assert own.getexif().get(0x0112, 1) == 1
    assert check_folder(turned).counts == {}
    assert entry["turned_images"] == {EXACT: 3}
    assert "turned_images" not in plain
    assert entry.get("repaired", {}) == ({"turned_upright": 9} if frame == "stored" else {})


def test_the_same_photographs_give_the_same_bytes(tmp_path: Path, stand_in: Generator) -> None:
    world = make_world(tmp_path / "world", 6, "stored")
    recipe = Recipe(sources=(world.source(),))
    for name, options in (("a", {}), ("b", {"images_mode": "copy"}), ("c", {"workers": 2})):
        build(recipe, tmp_path / name, generator=stand_in, **options)
    assert read_files(tmp_path / "a") == read_files(tmp_path / "b") == read_files(tmp_path / "c")
    build(recipe, tmp_path / "a", generator=stand_in)  # nothing is to be done again, and nothing is in the way
    build(recipe, tmp_path / "a", generator=stand_in, force=True)
    assert read_files(tmp_path / "a") == read_files(tmp_path / "b")


def test_a_turned_copy_leaks_like_its_upright_twin(tmp_path: Path, stand_in: Generator) -> None:
    turned, twin = make_world(tmp_path / "turned", 6, "stored"), make_world(tmp_path / "twin")
    recipe = Recipe(sources=(turned.source(), twin.source(split="train")))
    with pytest.raises(LeakageError, match="Toy/train and Toy/eval: 3"):
        build(recipe, tmp_path / "out", generator=stand_in)


@pytest.mark.parametrize("orientation", TURNED)
def test_a_hash_is_that_of_the_upright_twin(tmp_path: Path, orientation: int) -> None:
    photograph = draw_photograph((320, 240), 1)
    photograph.save(tmp_path / "twin.png")
    twin = hash_image(tmp_path / "twin.png", "here")
    for name in ("a.png", "a.jpg"):
        path = save_stored(photograph, orientation, tmp_path / name)
        assert match_identities([hash_image(path, "here")], [twin]) == [True]
    blank = Image.new("RGB", (60, 40), "red")
    blank.save(tmp_path / "blank.png")
    turned = save_stored(blank, orientation, tmp_path / "turned.png")
    assert hash_image(turned, "here") == hash_image(tmp_path / "blank.png", "here")


def read_upright(path: Path) -> tuple[Image.Image, str]:
    content, kind = encode_upright(path)
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.getexif().get(0x0112, 1) == 1
    assert ImageOps.exif_transpose(image).tobytes() == image.tobytes()
    return image, kind


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_every_pixel_of_a_lossless_format_is_kept(tmp_path: Path, ending: str, mode: str) -> None:
    if ending == "webp" and mode not in ("RGB", "RGBA"):
        pytest.skip("WebP has no such mode")
    scene = draw_scene().convert(mode)
    if mode.endswith("A"):
        scene.putalpha(90)
    options = {"lossless": True, "exact": True} if ending == "webp" else {}
    path = save_stored(scene, 6, tmp_path / f"a.{ending}", **options)
    image, kind = read_upright(path)
    assert (image.mode, image.tobytes(), kind) == (mode, scene.tobytes(), EXACT)


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_keeps_its_quality(tmp_path: Path, orientation: int, subsampling: int) -> None:
    photograph = draw_photograph((157, 91), 3)
    path = save_stored(photograph, orientation, tmp_path / "a.jpg", quality=80, subsampling=subsampling)
    image, kind = read_upright(path)
    with Image.open(path) as stored:
        shown = np.asarray(ImageOps.exif_transpose(stored), np.int16)
        steps = np.reshape(stored.quantization[0], (8, 8))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(
        np.reshape(image.quantization[0], (8, 8)),  # type: ignore[attr-defined]
        steps.T if orientation > 4 else steps,
    )
    assert kind == (EXACT if orientation == 5 else ENCODED)  # the only one that mirrors nothing
    assert np.abs(np.asarray(image, np.int16) - shown).mean() < 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_of_jpeg(tmp_path: Path, mode: str) -> None:
    scene = draw_photograph((64, 48), 2).convert(mode)
    image, _ = read_upright(save_stored(scene, 8, tmp_path / "a.jpg", quality=95))
    assert image.mode == mode
    assert np.abs(np.asarray(image, np.int16) - np.asarray(scene, np.int16)).mean() < 2


def test_avif_is_turned(tmp_path: Path) -> None:
    scene = draw_photograph((64, 48), 2)
    image, kind = read_upright(save_stored(scene, 6, tmp_path / "a.avif", quality=90))
    assert (image.size, kind) == ((64, 48), ENCODED)
    assert np.abs(np.asarray(image, np.int16) - np.asarray(scene, np.int16)).mean() < 6


def test_metadata_stay(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769)[0x927C] = b"note of the maker"
    profile, xmp = bytes(range(200)), b'<x tiff:Orientation="6" dc:title="t"/>'
    stored = draw_scene().transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "a.jpg", exif=exif, icc_profile=profile, xmp=xmp, dpi=(72, 144), comment=b"said")
    image, _ = read_upright(tmp_path / "a.jpg")
    assert image.info["icc_profile"] == profile
    assert image.info["xmp"] == b'<x tiff:Orientation="1" dc:title="t"/>'
    assert (image.info["comment"], image.info["dpi"]) == (b"said", (144, 72))
    assert image.getexif()[0x010F] == "Maker"
    assert image.getexif().get_ifd(0x8769)[0x927C] == b"note of the maker"
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "somebody")
    stored.save(tmp_path / "a.png", exif=make_exif(6), icc_profile=profile, pnginfo=text)
    image, _ = read_upright(tmp_path / "a.png")
    assert (image.info["icc_profile"], image.info["Author"]) == (profile, "somebody")


def test_a_size_that_contradicts_the_frame_is_named(tmp_path: Path, stand_in: Generator) -> None:
    world = make_world(tmp_path / "world", 6, "displayed")
    recipe = Recipe(sources=(world.source(frame="stored"),))
    with pytest.raises(BadRecord, match="is 120x90, said to be 90x120, as it is displayed: EXIF turns it") as caught:
        build(recipe, tmp_path / "out", generator=stand_in)
    assert caught.value.reason == "image_size"


def test_the_command_line_says_the_frame_and_counts_what_was_turned(tmp_path: Path) -> None:
    draw_world(tmp_path / "world", 4, 0, "eval")
    for path in (tmp_path / "world" / "images").iterdir():
        with Image.open(path) as image:
            save_stored(image, 3, path)
    files = {"instances": "instances.json", "captions": "captions.json", "images": "images"}
    options = [word for key, name in files.items() for word in (f"--{key}", str(tmp_path / "world" / name))]
    command = ["build", *options, "--name", "Toy", "--split", "eval", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert 'say frame = "stored" or "displayed" (--frame); `--skip-bad` drops it' in refused.stderr
    done = CliRunner().invoke(app, [*command, "--frame", "displayed"])
    assert "4 images; stored upright: exact 4" in done.stdout
