"""References to the pictures of a source: what identifies a picture, how it is read, and whether it is held out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from scar.accounting import Tally
from scar.recipe import Source
from scar.sample import Picture

HELD_OUT = "in_eval"
"""The reason under which a build counts the records of train images that an eval split also has."""


class PictureRef(Protocol):
    """A picture that is not read yet; small, and can be pickled, so that any process can read it."""

    @property
    def id(self) -> int:
        """The source's image id."""

    @property
    def file(self) -> str:
        """Path below the source's image folder."""

    @property
    def identity(self) -> str | None:
        """The same text for the same image in every source; None if the source does not know it."""

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture. Regions that cannot be used are counted in ``tally`` or raised.

        Raises:
            BadRecord: a record cannot be used and ``tally`` does not skip such records.
            InputError: a file has changed or can no longer be read.
        """


class PictureKey(NamedTuple):
    """Three attributes of a `PictureRef`; much cheaper to make than the reference."""

    id: int
    file: str
    identity: str | None


class PictureIndex(Protocol):
    """The pictures of one source by ascending image id."""

    def __len__(self) -> int:
        """Number of pictures."""

    def __getitem__(self, index: int, /) -> PictureRef:
        """The reference at an index from 0 on."""

    def __iter__(self) -> Iterator[PictureRef]:
        """Each reference."""
        return map(self.__getitem__, range(len(self)))

    def iter_keys(self) -> Iterator[PictureKey]:
        """The key of each picture, without those that the source itself holds out."""


@dataclass(frozen=True, slots=True)
class PictureList(PictureIndex):
    """An index that holds all its references.

    Attributes:
        refs: by ascending image id.
    """

    refs: Sequence[PictureRef]

    def __len__(self) -> int:
        return len(self.refs)

    def __getitem__(self, index: int) -> PictureRef:
        return self.refs[index]

    def iter_keys(self) -> Iterator[PictureKey]:
        return (PictureKey(ref.id, ref.file, ref.identity) for ref in self.refs)


def with_held_out(ref: PictureRef, held_out: Collection[int]) -> PictureRef:
    """The reference itself, or a `HeldOut` if its image id is in ``held_out``."""
    return HeldOut(ref, HELD_OUT) if ref.id in held_out else ref


def lacks_id(source: Source, index: PictureIndex) -> bool:
    """Whether a source has images without an identity: they may be copies of known images, so pixels are compared."""
    return source.reader == "coco" and any(key.identity is None for key in index.iter_keys())


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A picture that gives no sample.

    Attributes:
        ref: reference to the picture.
        reason: the reason under which its records are counted.
    """

    ref: PictureRef
    reason: str

    @property
    def id(self) -> int:
        return self.ref.id

    @property
    def file(self) -> str:
        return self.ref.file

    @property
    def identity(self) -> str | None:
        return self.ref.identity

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture and drop its regions."""
        picture = self.ref.read_picture(tally)
        tally.rejected[self.reason] += sum(region.target for region in picture.regions)
        return msgspec.structs.replace(picture, regions=(), relations=())
