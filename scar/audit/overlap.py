"""Images that stand in a train file and in an eval file, whatever source they come under."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from scar.errors import BadRecord
from scar.identity import coco_identity, perceptual
from scar.images import locate
from scar.sample import Sample, Split


class Overlap:
    """Which images each file of a corpus has, by an identity that does not depend on the source.

    Args:
        folder: that image paths are relative to; the images need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images: dict[Split, defaultdict[str, set[str]]] = {"train": defaultdict(set), "eval": defaultdict(set)}

    def add(self, key: str, split: Split, sample: Sample) -> None:
        """Note the image of a sample of the file ``key``."""
        self._images[split][key].add(identity(sample, self._folder))

    def figures(self) -> dict[str, int]:
        """For each pair ``<eval file> in <train file>`` that shares some, how many images."""
        pairs = {
            f"{one} in {other}": len(held & learned)
            for one, held in sorted(self._images["eval"].items())
            for other, learned in sorted(self._images["train"].items())
        }
        return {pair: count for pair, count in pairs.items() if count}


def identity(sample: Sample, folder: Path) -> str:
    """What names the image of a sample: its number in COCO if its file has one, else its look, else source and file."""
    known = coco_identity(sample.image)
    if known is None:
        try:
            known = perceptual(locate(folder, sample.image, sample.id), sample.id)
        except BadRecord:  # the published folders come without images
            known = f"{sample.source}/{'/'.join(sample.image.split('/')[2:]) or sample.image}"
    return known
