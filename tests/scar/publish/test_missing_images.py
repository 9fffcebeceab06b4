"""Images that rows name are there, missing or changed, and the user learns where to get them."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from scar import Recipe, build, read
from scar.common.files import hash_file
from scar.generators.generator import Generator
from scar.publish.missing_images import (
    IMAGE_CHECKSUMS,
    MISSING_LIST,
    ImageStatus,
    find_missing_images,
    iter_instructions,
    read_checksums,
    write_missing_list,
)
from tests.scar.common.orientations import save_stored
from tests.scar.turned_world import make_world


def test_images_are_there_missing_or_changed(built: Path) -> None:
    names = [f"images/toy_val/{number:06}.png" for number in (5, 7, 11)]
    (built / IMAGE_CHECKSUMS).write_text(f"{hash_file(built / names[0])}  {names[0]}\n{'0' * 64} *{names[1]}\n")
    (built / names[2]).unlink()
    status = next(each for each in find_missing_images(built) if each.split == "eval")
    assert status == ImageStatus("Toy", "eval", tuple(names), (names[2],), (names[1],))
    assert list(iter_instructions([status], built))[:2] == [
        f"Toy/eval: 1 of 3 images differ from their checksums in {IMAGE_CHECKSUMS}: {names[1]}",
        "Toy/eval: 1 of 3 images are missing; put them where rows name them:",
    ]


def test_originals_of_images_that_a_build_turned_are_told(tmp_path: Path, stand_in: Generator) -> None:
    world = make_world(tmp_path / "world", 6, "stored")
    build(Recipe(sources=(world.source(frame="stored"),)), tmp_path / "out", generator=stand_in)
    folder, expected = tmp_path / "out" / "images" / "toy_val", list(read(tmp_path / "out"))
    names = sorted(path.name for path in folder.iterdir())
    lines = [f"{hash_file(folder / name)}  images/toy_val/{name}\n" for name in names]
    (tmp_path / "out" / IMAGE_CHECKSUMS).write_text("".join(lines))
    for name in names:
        shutil.copyfile(world.image_folder / name, folder / name)
    with Image.open(folder / names[2]) as other:  # another picture, turned as well
        save_stored(Image.new("RGB", other.size, "red"), 6, folder / names[2])
    (status,) = find_missing_images(tmp_path / "out")
    assert status.originals == tuple(f"images/toy_val/{name}" for name in names[:2])
    assert status.changed == status.turned == (f"images/toy_val/{names[2]}",)
    first, second, third, fourth, _, last = iter_instructions([status], tmp_path / "out")
    assert first.startswith("Toy/eval: 1 of 3 images differ from their checksums")
    assert "EXIF turns 1 of them, such as" in second
    assert "build again" in third
    assert "2 of 3 images are originals that EXIF turns; the build" in fourth
    assert last == "Toy/eval: all 3 images are there"
    assert list(read(tmp_path / "out")) == expected


def test_images_may_lie_elsewhere(built: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (built / "images").rename(tmp_path / "elsewhere" / "images")
    assert all(status.missing for status in find_missing_images(built))
    assert not any(status.missing for status in find_missing_images(built, tmp_path / "elsewhere"))


def test_known_sources_come_with_their_archives_and_licence(tmp_path: Path) -> None:
    status = ImageStatus("ADE20K", "eval", ("images/a.jpg",), ("images/a.jpg",), ())
    lines = list(iter_instructions([status], tmp_path))
    assert lines[1] == f"  {tmp_path / 'images' / 'a.jpg'}"
    assert any(line.startswith("  from http") for line in lines)
    assert any(line.startswith("  licence of the images: ") for line in lines)
    other = ImageStatus("Mine", "eval", ("images/a.jpg",), ("images/a.jpg",), ())
    assert list(iter_instructions([other], tmp_path))[-1].endswith("ask who made these rows")


def test_the_list_goes_when_nothing_is_missing(tmp_path: Path) -> None:
    status = ImageStatus("Mine", "eval", ("a", "b"), ("b", "a"), ())
    assert write_missing_list([status, status], tmp_path) == tmp_path / MISSING_LIST
    assert (tmp_path / MISSING_LIST).read_text() == "b\na\n"
    assert write_missing_list([], tmp_path) is None
    assert not (tmp_path / MISSING_LIST).exists()


def test_a_build_that_was_not_pushed_has_no_checksums(tmp_path: Path) -> None:
    assert read_checksums(tmp_path) == {}
    (tmp_path / IMAGE_CHECKSUMS).write_text(f"{'a' * 64}  x y.png\nno line\n")
    assert read_checksums(tmp_path) == {"x y.png": "a" * 64}
