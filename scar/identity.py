"""Which image of the world a picture is: the same one may stand in five data sets under five names.

COCO's images are known by COCO's id, wherever they are used; Visual Genome says which of its images are COCO's, and
which picture of Flickr the others are. Of all others the pixels tell: a hash that scaling and compressing does not
change. An image that some eval split has is held out of every train split.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from scar.errors import BadRecord, LeakageError
from scar.images import FORMATS, locate
from scar.sample import Picture
from scar.tally import Tally

if TYPE_CHECKING:
    from scar.recipe import Source
    from scar.sources import Album, Draft, Name

Overlap: TypeAlias = Literal["refuse", "drop-train", "keep"]
"""What to do with train images that an eval split has."""

HELD_OUT = "in_eval"
"""The reason under which the records of train images that an eval split has are counted."""

_COCO_FILE = re.compile(r"(?:COCO_(?:train|val|test)20\d\d_)?(\d{12})\.jpe?g", re.IGNORECASE)

_SIDE = 8
_PLAIN = 4
"""A hash with fewer ones or zeros is that of a picture with next to nothing in it: many look like that."""


def coco_identity(file: str) -> str | None:
    """Identity from a file name such as COCO gives its images; None for another name.

    >>> coco_identity("train2014/COCO_train2014_000000581857.jpg"), coco_identity("000000581857.jpg")
    ('coco:581857', 'coco:581857')
    """
    match = _COCO_FILE.fullmatch(file.rpartition("/")[2])
    return f"coco:{int(match.group(1))}" if match else None


def identify(draft: Draft | Name, images: Path) -> str:
    """Which image of the world a picture is.

    Args:
        draft: of the picture, or its name.
        images: the folder that its file is relative to.

    Raises:
        BadRecord: only its pixels would tell, and the image is not there or does not decode.
    """
    return draft.identity or perceptual(locate(images, draft.file, f"image {draft.id}"), f"image {draft.id}")


def perceptual(path: Path, place: str) -> str:
    """Identity from the pixels: whether brightness falls or rises from each of 8 x 9 tiles to its right neighbour.

    A picture that is plain all over is known by its bytes instead.

    Raises:
        BadRecord: the image does not decode (``image_broken``).
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("L", (_SIDE * 8, _SIDE * 8))  # a JPEG is decoded at an eighth of its size
            small = image.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise BadRecord(place, f"image {path} does not decode: {error}", "image_broken") from None
    tiles = np.asarray(small, np.int16)
    bits = (tiles[:, 1:] > tiles[:, :-1]).reshape(-1)
    if not _PLAIN <= bits.sum() <= bits.size - _PLAIN:
        return f"bytes:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    return f"looks:{np.packbits(bits).tobytes().hex()}"


@dataclass(frozen=True, slots=True)
class Leakage:
    """Which train images some eval split has.

    Attributes:
        shared: number of images by name and split of train source and eval source.
        images: ids of these images by train source.
    """

    shared: Counter[tuple[str, str]] = field(default_factory=Counter)
    images: dict[str, frozenset[int]] = field(default_factory=dict)

    def of(self, train: str) -> dict[str, int]:
        """How many images of a train source each eval source has."""
        return {held: count for (name, held), count in sorted(self.shared.items()) if name == train}

    def table(self) -> str:
        """The numbers in one line."""
        return "; ".join(f"{train} and {held}: {count}" for (train, held), count in sorted(self.shared.items()))


def overlap(train: Mapping[str, Iterable[tuple[int, str]]], held: Mapping[str, Iterable[str]]) -> Leakage:
    """Images that stand in a train and in an eval source.

    Args:
        train: image ids with identities, by source.
        held: identities, by eval source.

    >>> found = overlap({"A/train": [(1, "coco:7"), (2, "coco:8")]}, {"B/eval": ["coco:8"]})
    >>> found.table(), found.images
    ('A/train and B/eval: 1', {'A/train': frozenset({2})})
    """
    owners: dict[str, list[str]] = {}
    for name, identities in held.items():
        for identity in dict.fromkeys(identities):
            owners.setdefault(identity, []).append(name)
    found = Leakage()
    for name, images in train.items():
        ids = set()
        for number, identity in images:
            for owner in owners.get(identity, ()):
                found.shared[name, owner] += 1
                ids.add(number)
        if ids:
            found.images[name] = frozenset(ids)
    return found


def find_leakage(albums: Sequence[tuple[Source, Album]]) -> Leakage:
    """Images that stand in a train and in an eval source of one build.

    Pictures whose image does not decode have no identity: no sample is made of them either.
    """
    train = {source.key: _identities(source, album) for source, album in albums if source.split == "train"}
    held = {
        source.key: (identity for _, identity in _identities(source, album))
        for source, album in albums
        if source.split == "eval"
    }
    return overlap(train, held) if train and held else Leakage()


def refuse(leakage: Leakage) -> None:
    """See that no train image is in an eval split.

    Raises:
        LeakageError: some are; the message has the table.
    """
    if leakage.shared:
        raise LeakageError(
            f"images of eval splits are in train splits ({leakage.table()}); "
            'overlap = "drop-train" in the recipe leaves them out of the train splits.'
        )


def kept(draft: Draft, held: Collection[int]) -> Draft:
    """A draft; that of a held out image as an empty picture whose records are counted as ``in_eval``."""
    return HeldOut(draft, HELD_OUT) if draft.id in held else draft


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A picture of which no sample may be made.

    Attributes:
        draft: of the picture.
        reason: under which its records are counted.
    """

    draft: Draft
    reason: str

    @property
    def id(self) -> int:
        return self.draft.id

    @property
    def file(self) -> str:
        return self.draft.file

    @property
    def identity(self) -> str | None:
        return self.draft.identity

    def __call__(self, tally: Tally) -> Picture:
        """The picture without its regions."""
        picture = self.draft(tally)
        tally.rejected[self.reason] += sum(region.target for region in picture.regions)
        return dataclasses.replace(picture, regions=(), relations=())


def _identities(source: Source, album: Album) -> Iterator[tuple[int, str]]:
    """Image id and identity of each picture that may be used and has one; images are decoded by threads."""
    unknown = []
    for name in album.names():
        if name.identity is None:
            unknown.append(name)
        else:
            yield name.id, name.identity

    def look(name: Name) -> tuple[int, str] | None:
        try:
            return name.id, identify(name, source.images)
        except BadRecord:
            return None

    if unknown:
        with ThreadPoolExecutor() as pool:
            yield from (found for found in pool.map(look, unknown) if found is not None)
