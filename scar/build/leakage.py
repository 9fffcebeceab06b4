"""Which image of the world a picture is: the same one may stand in five data sets under five names.

COCO's images are known by COCO's id, wherever they are used; Visual Genome says which of its images are COCO's, and
which picture of Flickr the others are. Of all others the pixels tell, by looks that scaling and compressing hardly
change. An image that some eval split has is held out of every train split.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scar.annotations.pictures import PictureIndex, PictureKey, lacks_id
from scar.common.image_hash import hash_image, match_identities
from scar.common.images import locate_image
from scar.errors import BadRecord, LeakageError
from scar.recipe import Source

if TYPE_CHECKING:
    from scar.build.earlier_builds import EarlierBuild
    from scar.build.engine import Engine

_IMAGES_PER_TASK = 500
"""Images that are looked at by one task: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Leakage:
    """Which train images some eval split has.

    Attributes:
        image_counts: number of images by name and split of train source and eval source.
        image_ids: ids of these images by train source.
    """

    image_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    image_ids: dict[str, frozenset[int]] = field(default_factory=dict)

    def count_by_eval(self, train_key: str) -> dict[str, int]:
        """How many images of a train source each eval source has."""
        return {held: count for (name, held), count in sorted(self.image_counts.items()) if name == train_key}

    def to_text(self) -> str:
        """The numbers in one line."""
        return "; ".join(f"{train} and {held}: {count}" for (train, held), count in sorted(self.image_counts.items()))


def find_shared_images(train: Mapping[str, Iterable[tuple[int, str]]], evals: Mapping[str, Iterable[str]]) -> Leakage:
    """Images that stand in a train and in an eval source.

    Args:
        train: image ids with identities, by source.
        evals: identities, by eval source.

    >>> found = overlap({"A/train": [(1, "coco:7"), (2, "coco:8")]}, {"B/eval": ["coco:8"]})
    >>> found.table(), found.images
    ('A/train and B/eval: 1', {'A/train': frozenset({2})})
    """
    owners = {owner: list(identities) for owner, identities in evals.items()}
    found = Leakage()
    for name, images in train.items():
        pairs = list(images)
        ids: set[int] = set()
        for owner, identities in owners.items():
            both = match_identities([identity for _, identity in pairs], identities)
            own = {number for (number, _), inside in zip(pairs, both, strict=True) if inside}
            found.image_counts[name, owner] += len(own)
            ids |= own
        if ids:
            found.image_ids[name] = frozenset(ids)
    return dataclasses.replace(found, image_counts=+found.image_counts)


def find_leakage(
    albums: Sequence[tuple[Source, PictureIndex]], engine: Engine, earlier_builds: Iterable[EarlierBuild] = ()
) -> Leakage:
    """Images that stand in a train and in an eval source, of one build or of one folder.

    Args:
        albums: that are to be built.
        engine: looks at the images of which only the pixels tell which ones they are.
        earlier_builds: what earlier builds put into the folder.

    Pictures whose image does not decode have no identity: no sample is made of them either.
    """
    train: dict[str, Iterable[tuple[int, str]]] = {
        each.key: each.images for each in earlier_builds if each.split == "train"
    }
    looks = {source.split for source, album in albums if lacks_id(source, album)}
    train |= {
        source.key: _iter_identities(source, album, engine, with_image_hash="eval" in looks)
        for source, album in albums
        if source.split == "train"
    }
    held: dict[str, Iterable[str]] = {
        each.key: [identity for _, identity in each.images] for each in earlier_builds if each.split == "eval"
    }
    held |= {
        source.key: (
            identity for _, identity in _iter_identities(source, album, engine, with_image_hash="train" in looks)
        )
        for source, album in albums
        if source.split == "eval"
    }
    return find_shared_images(train, held) if train and held else Leakage()


def refuse_leakage(leakage: Leakage) -> None:
    """See that no train image is in an eval split.

    Raises:
        LeakageError: some are; the message has the table.
    """
    if leakage.image_counts:
        raise LeakageError(
            f"images of eval splits are in train splits ({leakage.to_text()}); "
            'overlap = "drop-train" in the recipe leaves them out of the train splits.'
        )


def _iter_identities(
    source: Source, album: PictureIndex, engine: Engine, *, with_image_hash: bool
) -> Iterator[tuple[int, str]]:
    """Image id and identity of each picture that may be used and has one.

    With ``with_image_hash``, those that are known by a number come once more by their looks.
    """
    unknown = []
    for name in album.iter_keys():
        if name.identity is None or with_image_hash:
            unknown.append(name)
        if name.identity is not None:
            yield name.id, name.identity
    parts = (unknown[start : start + _IMAGES_PER_TASK] for start in range(0, len(unknown), _IMAGES_PER_TASK))
    for seen in engine(partial(_hash_images, source.images, part) for part in parts):
        yield from seen


def _hash_images(images: Path, names: Sequence[PictureKey]) -> list[tuple[int, str]]:
    """Image id and look of each picture that has one."""
    found = []
    for name in names:
        place = f"image {name.id}"
        try:
            found.append((name.id, hash_image(locate_image(images, name.file, place), place)))
        except BadRecord:  # no sample is made of it either
            continue
    return found
