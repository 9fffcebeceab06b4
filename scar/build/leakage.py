"""Which image of the world a picture is: the same one may stand in five data sets under five names.

COCO's images are known by COCO's id, wherever they are used; Visual Genome says which of its images are COCO's, and
which picture of Flickr the others are. Of all others the pixels tell, by looks that scaling and compressing hardly
change. An image that some eval split has is held out of every train split.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from scar.accounting import Tally
from scar.common.image_hash import hash_image, match_identities
from scar.common.images import locate
from scar.errors import BadRecord, LeakageError
from scar.sample import Picture

if TYPE_CHECKING:
    from scar.annotations import Album, Draft, Name
    from scar.build.earlier_builds import Neighbour
    from scar.build.engine import Engine
    from scar.recipe import Source

Overlap: TypeAlias = Literal["refuse", "drop-train", "keep"]
"""What to do with train images that an eval split has."""

HELD_OUT = "in_eval"
"""The reason under which the records of train images that an eval split has are counted."""

_AT_ONCE = 500
"""Images that are looked at by one task: some tenths of a second."""


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
    owners = {owner: list(identities) for owner, identities in held.items()}
    found = Leakage()
    for name, images in train.items():
        pairs = list(images)
        ids: set[int] = set()
        for owner, identities in owners.items():
            both = match_identities([identity for _, identity in pairs], identities)
            own = {number for (number, _), inside in zip(pairs, both, strict=True) if inside}
            found.shared[name, owner] += len(own)
            ids |= own
        if ids:
            found.images[name] = frozenset(ids)
    return dataclasses.replace(found, shared=+found.shared)


def find_leakage(albums: Sequence[tuple[Source, Album]], engine: Engine, there: Iterable[Neighbour] = ()) -> Leakage:
    """Images that stand in a train and in an eval source, of one build or of one folder.

    Args:
        albums: that are to be built.
        engine: looks at the images of which only the pixels tell which ones they are.
        there: what earlier builds put into the folder.

    Pictures whose image does not decode have no identity: no sample is made of them either.
    """
    train: dict[str, Iterable[tuple[int, str]]] = {each.key: each.images for each in there if each.split == "train"}
    looks = {source.split for source, album in albums if nameless(source, album)}
    train |= {
        source.key: _identities(source, album, engine, looks="eval" in looks)
        for source, album in albums
        if source.split == "train"
    }
    held: dict[str, Iterable[str]] = {
        each.key: [identity for _, identity in each.images] for each in there if each.split == "eval"
    }
    held |= {
        source.key: (identity for _, identity in _identities(source, album, engine, looks="train" in looks))
        for source, album in albums
        if source.split == "eval"
    }
    return overlap(train, held) if train and held else Leakage()


def nameless(source: Source, album: Album) -> bool:
    """Whether a source has images of anybody's: they may be copies of known ones, whose looks count too then."""
    return source.reader == "coco" and any(name.identity is None for name in album.names())


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
        return msgspec.structs.replace(picture, regions=(), relations=())


def _identities(source: Source, album: Album, engine: Engine, *, looks: bool) -> Iterator[tuple[int, str]]:
    """Image id and identity of each picture that may be used and has one.

    With ``looks``, those that are known by a number come once more by their looks.
    """
    unknown = []
    for name in album.names():
        if name.identity is None or looks:
            unknown.append(name)
        if name.identity is not None:
            yield name.id, name.identity
    parts = (unknown[start : start + _AT_ONCE] for start in range(0, len(unknown), _AT_ONCE))
    for seen in engine(partial(_seen, source.images, part) for part in parts):
        yield from seen


def _seen(images: Path, names: Sequence[Name]) -> list[tuple[int, str]]:
    """Image id and look of each picture that has one."""
    found = []
    for name in names:
        place = f"image {name.id}"
        try:
            found.append((name.id, hash_image(locate(images, name.file, place), place)))
        except BadRecord:  # no sample is made of it either
            continue
    return found
