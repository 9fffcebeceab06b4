"""Images that stand in a train file and in an eval file, whatever source they come under."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from scar.looks import shared
from scar.neighbours import identity
from scar.parquet import RowFile
from scar.sample import Sample, Split


class Overlap:
    """Which images each file of a corpus has, by an identity that does not depend on the source.

    Args:
        folder: that image paths are relative to; the images need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images: dict[Split, defaultdict[str, set[str]]] = {"train": defaultdict(set), "eval": defaultdict(set)}
        self._unknown: dict[str, int] = {}
        self._known: dict[str, str] = {}

    def open(self, key: str, file: RowFile) -> None:
        """Learn what the build noted of the images of a file, before their samples come."""
        self._known = file.identities()
        self._unknown.setdefault(key, 0)

    def add(self, key: str, split: Split, sample: Sample) -> None:
        """Note the image of a sample of the file ``key``; one that only its name tells counts as unknown."""
        told = identity(sample.image, self._known, self._folder)
        if told is None:
            told = f"{sample.source}/{'/'.join(sample.image.split('/')[2:]) or sample.image}"
            self._unknown[key] += told not in self._images[split][key]
        self._images[split][key].add(told)

    def unknown(self) -> dict[str, int]:
        """Images of each file that would not be known under another name: neither number nor pixels are there."""
        return {key: count for key, count in sorted(self._unknown.items()) if count}

    def figures(self) -> dict[str, int]:
        """For each pair ``<eval file> in <train file>`` that shares some, how many images."""
        pairs = {
            f"{one} in {other}": sum(shared(sorted(held), sorted(learned)))
            for one, held in sorted(self._images["eval"].items())
            for other, learned in sorted(self._images["train"].items())
        }
        return {pair: count for pair, count in pairs.items() if count}
