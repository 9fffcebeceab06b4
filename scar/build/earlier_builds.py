"""Find the sources that earlier builds put into the same folder: their images may not be in both splits."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scar.common.image_hash import find_image_hash, parse_coco_identity
from scar.formats.reader import find_row_files
from scar.sample import Split


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """A source that the folder holds already.

    Attributes:
        key: ``<name>/<split>`` of the source.
        split: the split of the source.
        images: (image id, identity) pairs. An image without an identity has none; one that was also given an image
            hash has two.
    """

    key: str
    split: Split
    images: tuple[tuple[int, str], ...]


def find_earlier_builds(
    out: Path, keys: Collection[str], splits: Collection[Split], *, with_image_hash: bool = False
) -> list[EarlierBuild]:
    """Find the sources in a folder that the current build does not replace, and the identities of their images.

    Args:
        out: the folder of the build; it need not exist.
        keys: keys of the sources of the current build, which are left out.
        splits: only sources of these splits are found.
        with_image_hash: give each image a second pair, with its image hash.

    Returns:
        The sources in the order of their files' paths; empty if there is no such folder.

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

        with ThreadPoolExecutor() as pool:
            identities = list(pool.map(partial(find_identity, known=known, folder=out), images))
            if with_image_hash:
                identities += pool.map(partial(find_image_hash, folder=out), images)
        ids = [*images.values()] * (2 if with_image_hash else 1)
        pairs = tuple((image_id, identity) for image_id, identity in zip(ids, identities, strict=True) if identity)
        found.append(EarlierBuild(key, file.split, pairs))
    return found


def find_identity(path: str, known: dict[str, str], folder: Path) -> str | None:
    """Identity of an image of a corpus: the recorded one, else that of its file name, else its image hash.

    Args:
        path: path of the image in the rows, relative to ``folder``.
        known: recorded identities by path; see `RowFile.read_identities`.
        folder: folder of the corpus.

    Returns:
        None if nothing is recorded, the name is not COCO's and the image is missing or does not decode.
    """
    return known.get(path) or parse_coco_identity(path) or find_image_hash(path, folder)
