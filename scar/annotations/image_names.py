"""Compare the images that two files list: one id may stand for other images in each of them.

Two names may be of the same image if both have the same id of COCO, or if they differ only in folder, ending or case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

import msgspec

from scar.annotations.coco_records import clean_path
from scar.annotations.ids import number_id
from scar.annotations.json_stream import Id, Record
from scar.common.image_hash import parse_coco_identity
from scar.errors import InputError

NamedImage: TypeAlias = tuple[int, str]
"""Id and file name of an image, as the list ``images`` of a file gives them."""

IMAGE_ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif"))
"""Endings of the file names of images, in lower case."""

_COCO = "coco:"


class _NamedImage(msgspec.Struct, gc=False):
    id: Id | float | str
    file_name: str | None = None
    coco_url: str | None = None


_NAMED_IMAGE = msgspec.json.Decoder(_NamedImage)


def parse_named_image(record: Record) -> NamedImage | None:
    """Id, a number or a code, and file name of a record of a list ``images``; None if it lacks one of them.

    Without a file name its key ``coco_url`` tells it, as in LVIS.
    """
    try:
        image = _NAMED_IMAGE.decode(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    name = clean_path(image.file_name or (image.coco_url or "").rpartition("://")[2])
    return None if name == "." else (number_id(image.id), name)


def describe_image(number: int, names: Mapping[int, str]) -> str:
    """The image with the id ``number``, for a message: its id and its file name, or the id alone if it has no name.

    ``names`` are file names by id.

    >>> describe_image(7, {7: "a.jpg"}), describe_image(8, {7: "a.jpg"})
    ("7, 'a.jpg',", '8')
    """
    return f"{number}, {names[number]!r}," if number in names else f"{number}"


def match_images(
    names: Mapping[int, str], others: Sequence[NamedImage], file: str, other_file: str
) -> Mapping[int, int] | None:
    """Find the id, in a first file, of each image that a second file lists.

    Args:
        names: file names of the images of the first file, by id.
        others: the images that the second file lists; empty if it lists none.
        file: name of the first file, for the message.
        other_file: name of the second file, for the message.

    Returns:
        None if the ids of the second file can be used as they are: no file name has another id in the first file, and
        no id has another file name. Otherwise the id in the first file by the id in the second one, as the file names
        tell it; an image is left out if the first file has no such name, or several.

    Raises:
        InputError: the ids cannot be used as they are, and no file name of the second file is one of the first.
    """
    if all(names.get(number) == name for number, name in others):
        return None
    finder = NameFinder(names)
    found = [(number, finder.find_id(name, number)) for number, name in others]
    wrong = [
        (number, name)
        for (number, name), (_, target) in zip(others, found, strict=True)
        if target != number and (target is not None or number in names)
    ]
    if not wrong:
        return None
    targets: dict[int, set[int | None]] = defaultdict(set)
    for number, name in others:
        targets[number].add(finder.find_id(name, number, ids_decide=False))
    matched = {number: target for number, (target, *more) in targets.items() if target is not None and not more}
    if not matched:
        number, name = wrong[0]
        raise InputError(
            f"{other_file}: image {number} is {name!r}, but {names.get(number)!r} in {file}, and no file name is in "
            f"both; give a file of the same images, or remove its list `images` if its ids are those of {file}."
        )
    return matched


class NameFinder:
    """Finds the ids of images by their file names, also where folders, endings or case differ.

    Args:
        names: file names of the images, by id.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._by_path = _index_unique((_parse_path(name), number) for number, name in names.items())
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        for number, name in names.items():
            self._by_stem[_parse_stem(name)].append(number)

    def find_id(self, name: str, likely: int, ids_decide: bool = True) -> int | None:
        """The id of the image with a file name; None if no image has it, or several have.

        Endings and case do not count. Sought are first the whole path, then a path that ends in the other one.

        Args:
            name: the file name, with or without folders.
            likely: the id to take if neither is found, and the image of this id has the same name in another folder.
            ids_decide: whether ``likely`` is also taken if several images have this name in other folders.
        """
        path, stem = _parse_path(name), _parse_stem(name)
        if (number := self._by_path.get(path)) is not None:
            return number
        numbers = self._by_stem.get(stem, [])
        ends = [number for number in numbers if _is_end_of_other(path, _parse_path(self._names[number]))]
        if not ends and stem.startswith(_COCO):
            ends = numbers  # COCO's images have the same id in every folder
        if len(ends) == 1:
            return ends[0]
        return likely if likely in numbers and (ids_decide or len(numbers) == 1) else None


def _index_unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    """The number of each key; None for a key that has several numbers."""
    found: dict[str, int | None] = {}
    for key, number in pairs:
        found[key] = None if key in found else number
    return found


def _parse_path(name: str) -> str:
    """The file name with its folders, without its ending, in lower case."""
    path = PurePosixPath(name.replace("\\", "/").casefold().lstrip("/"))
    return path.with_suffix("").as_posix() if path.name else ""


def _parse_stem(name: str) -> str:
    """COCO's identity of the image, or the file name without folder and ending, in lower case."""
    stem = _parse_path(name).rpartition("/")[2]
    return parse_coco_identity(f"{stem}.jpg") or stem


def _is_end_of_other(first: str, second: str) -> bool:
    """Whether one path is the end of the other."""
    return f"/{first}".endswith(f"/{second}") or f"/{second}".endswith(f"/{first}")
