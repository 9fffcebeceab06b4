"""References to the pictures of a source: what identifies a picture, how it is read, and whether it is held out.

What a reader must count: each record that may become a sample adds one to ``Tally.records``, once, whether it can be
used or not. The reader counts one that it refuses by `Tally.reject_regions`, and returns each other one as a `Region`
with ``target=True``; the build counts what becomes of that. So records = samples + rejected, and a build checks it at
its end. Nothing else is a record: neither regions that are context (``target=False``) nor images, captions and
relations; those that cannot be used are counted by `Tally.ignore_records`. The records of a picture are counted by
`PictureRef.read_picture`, or by ``open_index`` for all pictures at once, never twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from scar.accounting import Tally
from scar.recipe import READERS, Source
from scar.sample import Picture

HELD_OUT = "in_eval"
"""The reason under which a build counts the records of train images that an eval split also has."""


class PictureKey(Protocol):
    """What identifies a picture."""

    @property
    def id(self) -> int:
        """Id of the image in the source."""

    @property
    def file(self) -> str:
        """Path of the image below the source's image folder."""

    @property
    def identity(self) -> str | None:
        """A text that is the same for the same image in every source, such as ``coco:7``; None if it is not known."""


class PictureRef(PictureKey, Protocol):
    """Reference to a picture that is not read yet. It is small and can be pickled: any process can read the picture."""

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture. ``tally`` counts its records as the head of this module says.

        Raises:
            BadRecord: a record cannot be used and ``tally`` does not skip such records.
            InputError: a file has changed or can no longer be read.
        """


@dataclass(frozen=True, slots=True)
class PictureIndex(ABC):
    """A source whose files are opened: the references to all its pictures, in ascending order of image id.

    Attributes:
        source: the source.
        tally: counts of what ``open_index`` counted; what `PictureRef.read_picture` counts is not in it.
    """

    source: Source
    tally: Tally

    @abstractmethod
    def __len__(self) -> int:
        """Number of pictures."""

    @abstractmethod
    def __getitem__(self, index: int, /) -> PictureRef:
        """The reference to the picture at an index, counted from 0."""

    def __iter__(self) -> Iterator[PictureRef]:
        """Iterate over the references."""
        return map(self.__getitem__, range(len(self)))

    def iter_keys(self) -> Iterator[PictureKey]:
        """Iterate over the keys of the pictures, without those that the reader itself holds out (`HeldOut`)."""
        return (ref for ref in self if not isinstance(ref, HeldOut))

    def list_given_ids(self) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
        """The ids in the files of those regions, and of those images, to which the reader gave numbers; by number.

        Both are empty if the reader uses the ids of the files.
        """
        return {}, {}

    def lacks_id(self) -> bool:
        """Whether only pixels can show that another source has the same images.

        So it is if an image has no identity, and other data sets may have its image (`Reader.shares_images`).
        """
        return READERS[self.source.reader].shares_images and any(key.identity is None for key in self.iter_keys())


@dataclass(frozen=True, slots=True)
class PictureList(PictureIndex):
    """An index that keeps all its references in memory.

    Attributes:
        refs: the references, in ascending order of image id.
    """

    refs: Sequence[PictureRef]

    def __len__(self) -> int:
        return len(self.refs)

    def __getitem__(self, index: int) -> PictureRef:
        return self.refs[index]


def with_held_out(ref: PictureRef, held_out: Collection[int]) -> PictureRef:
    """The reference itself, or a `HeldOut` for the reason `HELD_OUT` if its image id is in ``held_out``."""
    return HeldOut(ref, HELD_OUT) if ref.id in held_out else ref


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Reference to a picture that must give no sample.

    Attributes:
        ref: the reference that reads the picture.
        reason: the reason under which those regions of the picture that might become samples are counted as rejected.
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
        """Read the picture without regions and relations; its regions that might become samples count as rejected.

        Raises:
            BadRecord, InputError: see `PictureRef.read_picture`.
        """
        picture = self.ref.read_picture(tally)
        tally.rejected[self.reason] += sum(region.target for region in picture.regions)
        return msgspec.structs.replace(picture, regions=(), relations=())
