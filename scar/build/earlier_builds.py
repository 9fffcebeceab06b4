"""What an earlier build put into the same folder: no build may bring its images into the other split."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scar.common.image_hash import find_image_hash, parse_coco_identity
from scar.formats.reader import find_row_files
from scar.sample import Split


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """A file of rows that is there already.

    Attributes:
        key: name and split, as a report lists it.
        split: of the file.
        images: number and identity of each image that has one.
    """

    key: str
    split: Split
    images: tuple[tuple[int, str], ...]


def find_earlier_builds(
    out: Path, keys: Collection[str], splits: Collection[Split], *, with_image_hash: bool = False
) -> list[EarlierBuild]:
    """The files of rows in a folder, less those that are to be built now.

    Args:
        out: the folder of a build; it need not be there.
        keys: of the sources that are to be built.
        splits: which files matter.
        with_image_hash: tell those that are known by a number by their looks too.

    Raises:
        InputError: a file cannot be read.
    """
    if not any(out.glob("SCaR-*/*.parquet")):
        return []
    found = []
    for file in find_row_files(out):
        key = f"{file.source}/{file.split}"
        if key in keys or file.split not in splits:
            continue
        known, images = file.read_identities(), file.read_image_ids()

        def find_one_identity(path: str, known: dict[str, str] = known) -> str | None:
            return find_identity(path, known, out)

        with ThreadPoolExecutor() as pool:
            told = zip(images.values(), pool.map(find_one_identity, images), strict=True)
            pairs = [(number, name) for number, name in told if name]
            if with_image_hash:
                seen = zip(images.values(), pool.map(lambda path: find_image_hash(path, out), images), strict=True)
                pairs += [(number, name) for number, name in seen if name]
            found.append(EarlierBuild(key, file.split, tuple(pairs)))
    return found


def find_identity(path: str, known: dict[str, str], folder: Path) -> str | None:
    """Which image of the world an image of a corpus is; None if only its name is known.

    Args:
        path: as rows have it.
        known: what the build noted of its images; see `RowFile.read_identities`.
        folder: that paths are relative to.
    """
    return known.get(path) or parse_coco_identity(path) or find_image_hash(path, folder)
