"""Images that rows name are there, missing or changed, and the user learns where to get them."""

from __future__ import annotations

from pathlib import Path

from scar.common.files import hash_file
from scar.publish.missing_images import (
    IMAGE_CHECKSUMS,
    MISSING_LIST,
    ImageStatus,
    find_missing_images,
    iter_instructions,
    read_checksums,
    write_missing_list,
)


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
