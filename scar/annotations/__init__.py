"""Readers: one module per format, annotation files in, `Picture`s out, one image at a time.

`open_index` looks at the files of a source once and returns its `Album`, which knows where each picture's records stand
in them: of files of gigabytes it keeps some numbers per record. The pictures are made by `PictureRef`s, anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from scar.accounting import Tally
from scar.annotations.once import CallCache
from scar.sample import Picture

if TYPE_CHECKING:
    from scar.recipe import Source


class PictureRef(Protocol):
    """A picture that is yet to be read: small, and picklable, so that any process can read it."""

    @property
    def id(self) -> int:
        """The source's image id."""

    @property
    def file(self) -> str:
        """Path below the source's image folder."""

    @property
    def identity(self) -> str | None:
        """Which image of the world it is, by its source's words; None if only its pixels tell."""

    def __call__(self, tally: Tally) -> Picture:
        """Read it; regions that cannot be used are counted in ``tally`` or raised.

        Raises:
            BadRecord: a record cannot be used and ``tally`` does not skip such records.
            InputError: a file has changed or cannot be read any more.
        """


class PictureKey(NamedTuple):
    """What a draft is called; much cheaper than the draft. The attributes are those of `PictureRef`."""

    id: int
    file: str
    identity: str | None


class PictureIndex(Protocol):
    """The pictures of one source by ascending image id."""

    def __len__(self) -> int:
        """Pictures."""

    def __getitem__(self, index: int, /) -> PictureRef:
        """The draft at a place, from 0 on."""

    def __iter__(self) -> Iterator[PictureRef]:
        """Each draft."""
        return map(self.__getitem__, range(len(self)))

    def iter_keys(self) -> Iterator[PictureKey]:
        """Of the pictures that may be used; others than those that the source itself forbids to use."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A format.

    Attributes:
        module: has the function ``album(source, tally, once) -> Album``.
        required: what its files are called in a recipe.
        optional: files that it can do without.
    """

    module: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


READERS = {
    "coco": Reader("scar.annotations.coco", ("instances",), ("captions", "stuff")),
    "refcoco": Reader("scar.annotations.refcoco", ("instances", "refs"), ("captions",)),
    "visual_genome": Reader(
        "scar.annotations.visual_genome",
        ("image_data", "objects", "region_descriptions", "relationships"),
        ("coco_val", "coco_captions_train", "coco_captions_val"),
    ),
    "ade20k": Reader("scar.annotations.ade20k", ("release",)),
}


def open_index(source: Source, tally: Tally, cache: CallCache | None = None) -> PictureIndex:
    """Index of a source's files.

    Args:
        source: where they are.
        tally: counts the records that belong to no picture; those of a picture are counted when it is read.
        cache: shared by albums that are opened one after the other, so that each file is looked at once.

    Raises:
        InputError: a file is missing, cannot be read, is no JSON or has another shape.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    album: PictureIndex = import_module(READERS[source.reader].module).open_index(source, tally, cache or CallCache())
    return album
