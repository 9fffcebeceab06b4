"""Images are linked or copied, and no other image is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scar import Recipe, build, read
from scar.errors import InputError
from scar.formats.check import check_folder
from scar.generators.generator import Generator
from tests.shared import read_files

if TYPE_CHECKING:
    from tests.conftest import World


def test_a_foreign_image_is_not_overwritten(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    theirs = tmp_path / "out" / "images" / "toy_val" / "000005.png"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with pytest.raises(InputError, match=r"000005\.png: holds something else"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert theirs.read_bytes() == b"theirs"


def test_images_are_linked_or_copied(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    recipe = Recipe(sources=(world.source(),))
    image = world.image_folder / "000005.png"
    build(recipe, tmp_path / "linked", generator=stand_in)
    assert (tmp_path / "linked" / "images" / "toy_val" / image.name).samefile(image)
    build(recipe, tmp_path / "copied", generator=stand_in, images_mode="copy")
    assert not (tmp_path / "copied" / "images" / "toy_val" / image.name).samefile(image)
    assert read_files(tmp_path / "linked") == read_files(tmp_path / "copied")


def test_images_in_folders_of_their_own(world: World, stand_in: Generator, tmp_path: Path) -> None:
    (world.image_folder / "deep").mkdir(parents=True)
    for image in world.images:
        (world.image_folder / image["file_name"]).rename(world.image_folder / "deep" / image["file_name"])
        image["file_name"] = f"./deep//{image['file_name']}"
    world.write()
    build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert next(read(tmp_path / "out")).image == "images/toy_val/deep/000005.png"
    assert check_folder(tmp_path / "out").counts == {}


@pytest.mark.parametrize("layout", ["linked images", "linked folder", "hub cache"])
def test_links_of_the_user_change_nothing(layout: str, world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    build(Recipe(sources=(world.source(),)), tmp_path / "plain", generator=stand_in)
    disk = world.image_folder.parent / "disk"
    world.image_folder.rename(disk)
    if layout == "linked folder":
        world.image_folder.symlink_to(disk)
    else:
        world.image_folder.mkdir()
        for image in list(disk.iterdir()):
            blob = image.rename(disk / image.stem) if layout == "hub cache" else image
            (world.image_folder / image.name).symlink_to(Path("..") / "disk" / blob.name)
    build(Recipe(sources=(world.source(),)), tmp_path / "linked", generator=stand_in)
    assert read_files(tmp_path / "linked") == read_files(tmp_path / "plain")
    assert not any(path.is_symlink() for path in (tmp_path / "linked").rglob("*"))


def test_parts_of_a_corpus_may_lie_on_another_disk(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    out = tmp_path / "out"
    build(Recipe(sources=(world.source(),)), out, generator=stand_in)
    (out / "images").rename(tmp_path / "disk")
    (out / "images").symlink_to(tmp_path / "disk")
    (out / "SCaR-eval").rename(tmp_path / "rows")
    (out / "SCaR-eval").symlink_to(tmp_path / "rows")
    assert check_folder(out).counts == {}
