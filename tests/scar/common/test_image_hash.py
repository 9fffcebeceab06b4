"""One image is one identity under all its names, sizes and formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scar.common.image_hash import find_image_hash, hash_image, match_identities, parse_coco_identity
from scar.errors import BadRecord
from tests.shared import SHARED

COCO_MINI = SHARED / "data" / "coco-mini" / "val2017"


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Something with light and dark places."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def test_cocos_names_in_all_its_folders() -> None:
    names = ["000000000139.jpg", "val2017/000000000139.jpg", "COCO_val2014_000000000139.jpg", "a/000000000139.JPG"]
    assert {parse_coco_identity(name) for name in names} == {"coco:139"}
    for name in (
        "139.jpg",
        "000000000139.png",
        "x000000000139.jpg",
        "COCO_test_000000000139.jpg",
        "000000000139.jpg.x",
    ):
        assert parse_coco_identity(name) is None


def test_the_same_photo_looks_the_same_in_another_size_and_format(tmp_path: Path) -> None:
    photo(1).save(tmp_path / "a.png")
    photo(1).save(tmp_path / "b.jpg", quality=85)
    photo(1).resize((160, 120)).save(tmp_path / "c.png")
    photo(1).convert("L").convert("RGB").save(tmp_path / "d.webp", quality=90)
    looks = [hash_image(path, "here") for path in tmp_path.iterdir()]
    assert all(look.startswith("looks:") for look in looks)
    for look in looks:
        assert match_identities(looks, [look]) == [True] * 4


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason=f"no {COCO_MINI}")
def test_real_photos_are_known_again_and_told_apart(tmp_path: Path) -> None:
    paths = sorted(COCO_MINI.iterdir())
    looks = [hash_image(path, "here") for path in paths]
    for index, look in enumerate(looks):
        assert match_identities(looks, [look]) == [other == index for other in range(len(looks))]
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            small = image.convert("RGB").resize((image.width * 2 // 3, image.height * 2 // 3))
        small.save(tmp_path / f"{number:03}.jpg", quality=60)
    copies = [hash_image(path, "here") for path in sorted(tmp_path.iterdir())]
    assert match_identities(copies, looks) == [True] * len(copies)


def test_other_photos_look_different(tmp_path: Path) -> None:
    for seed in range(60):
        photo(seed).save(tmp_path / f"{seed}.png")
    looks = [hash_image(path, "here") for path in tmp_path.iterdir()]
    for index in range(60):
        assert match_identities(looks[index : index + 1], looks[:index] + looks[index + 1 :]) == [False]


def test_plain_pictures_are_known_by_their_bytes(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        Image.new("RGB", (50, 40), colour).save(tmp_path / f"{name}.png")
    red, blue, again = (hash_image(tmp_path / f"{name}.png", "here") for name in "abc")
    assert red == again != blue
    assert red.startswith("pixels:")


def test_what_does_not_decode_has_no_look(tmp_path: Path) -> None:
    (tmp_path / "c.png").write_text("no image")
    with pytest.raises(BadRecord, match="does not decode"):
        hash_image(tmp_path / "c.png", "image 1")


def test_a_hash_is_found_below_a_folder_where_the_image_is(tmp_path: Path) -> None:
    photo(1).save(tmp_path / "a.png")
    assert find_image_hash("a.png", tmp_path) == hash_image(tmp_path / "a.png", "here")
    assert find_image_hash("b.png", tmp_path) is None
    assert find_image_hash("../a.png", tmp_path / "x") is None
