"""Find images that are both in a train file and in an eval file, in the same or in different sources."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scar.common.image_hash import find_image_hash, match_identities, parse_coco_identity
from scar.formats.reader import RowFile
from scar.sample import Split


class ImageOverlap:
    """The images of each file of a corpus, by identity; see `scar.common.image_hash`.

    Args:
        folder: folder that image paths are relative to; the images may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._identities: dict[Split, defaultdict[str, set[str]]] = {
            "train": defaultdict(set),
            "eval": defaultdict(set),
        }
        self._unlinked: Counter[str] = Counter()

    def add_file(self, key: str, file: RowFile, images: Mapping[str, str]) -> None:
        """Add the images of a file.

        The identity of an image is the one that the build recorded, else COCO's id in the file name, else the image
        hash, else source and file name; in the last case the image counts as unlinked.

        Args:
            key: ``<source>/<split>`` of the file.
            file: the file; its sidecar holds the recorded identities.
            images: name of the source of each image of the file, by image path.

        Raises:
            InputError: the sidecar cannot be read.
        """
        recorded, own = file.read_identities(), self._identities[file.split][key]
        identities = {image: recorded.get(image) or parse_coco_identity(image) for image in images}
        to_hash = [image for image, found in identities.items() if found is None and _is_file(self._folder / image)]
        with ThreadPoolExecutor() as pool:
            hashes = pool.map(lambda image: find_image_hash(image, self._folder), to_hash)
            identities |= zip(to_hash, hashes, strict=True)
        for image, found in identities.items():
            identity = found or f"{images[image]}/{'/'.join(image.split('/')[2:]) or image}"
            self._unlinked[key] += found is None and identity not in own
            own.add(identity)

    def count_unlinked(self) -> dict[str, int]:
        """By file, number of images known by name alone; a copy under another name is not recognised."""
        return {key: count for key, count in sorted(self._unlinked.items()) if count}

    def count_shared_images(self) -> dict[str, int]:
        """Number of images of an eval file that a train file also has, by pair ``<eval file> in <train file>``.

        Pairs that share none are left out.
        """
        pairs = {
            f"{held_key} in {train_key}": sum(match_identities(sorted(held), sorted(learned)))
            for held_key, held in sorted(self._identities["eval"].items())
            for train_key, learned in sorted(self._identities["train"].items())
        }
        return {pair: count for pair, count in pairs.items() if count}


def _is_file(path: Path) -> bool:
    """Whether a file exists; asked first, since `find_image_hash` searches a folder for names like a missing file's."""
    try:
        return path.is_file()
    except OSError:
        return False
