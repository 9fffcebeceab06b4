"""Images that stand in a train file and in an eval file, whatever source they come under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scar.common.image_hash import find_image_hash, match_identities, parse_coco_identity
from scar.formats.reader import RowFile
from scar.sample import Split


class ImageOverlap:
    """Which images each file of a corpus has, by an identity that does not depend on the source.

    Args:
        folder: that image paths are relative to; the images need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images: dict[Split, defaultdict[str, set[str]]] = {"train": defaultdict(set), "eval": defaultdict(set)}
        self._unknown: dict[str, int] = {}

    def add_file(self, key: str, file: RowFile, images: Mapping[str, str]) -> None:
        """Note the images of a file; those that only their names tell count as unknown.

        Args:
            key: of the file.
            file: that has what the build noted of its images.
            images: the source that each comes under, by path.
        """
        noted, own = file.read_identities(), self._images[file.split][key]
        named = {image: noted.get(image) or parse_coco_identity(image) for image in images}
        others = [image for image, name in named.items() if name is None and _is_file(self._folder / image)]
        with ThreadPoolExecutor() as pool:
            named |= zip(others, pool.map(lambda image: find_image_hash(image, self._folder), others), strict=True)
        for image, name in named.items():
            told = name or f"{images[image]}/{'/'.join(image.split('/')[2:]) or image}"
            self._unknown[key] = self._unknown.get(key, 0) + (name is None and told not in own)
            own.add(told)

    def count_unlinked(self) -> dict[str, int]:
        """Images of each file that would not be known under another name: neither number nor pixels are there."""
        return {key: count for key, count in sorted(self._unknown.items()) if count}

    def count_shared_images(self) -> dict[str, int]:
        """For each pair ``<eval file> in <train file>`` that shares some, how many images."""
        pairs = {
            f"{one} in {other}": sum(match_identities(sorted(held), sorted(learned)))
            for one, held in sorted(self._images["eval"].items())
            for other, learned in sorted(self._images["train"].items())
        }
        return {pair: count for pair, count in pairs.items() if count}


def _is_file(path: Path) -> bool:
    """Whether there is such a file; of one that is not, `images.locate` would look for the like in its folder."""
    try:
        return path.is_file()
    except OSError:
        return False
