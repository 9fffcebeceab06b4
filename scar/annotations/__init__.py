"""Readers: one module per format, annotation files in, `Picture`s out, one image at a time.

`open_album` looks at the files of a source once and returns its `Album`, which knows where each picture's records stand
in them: of files of gigabytes it keeps some numbers per record. The pictures are made by `Draft`s, anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from scar.accounting import Tally
from scar.annotations.once import Once
from scar.sample import Picture

if TYPE_CHECKING:
    from scar.recipe import Source


class Draft(Protocol):
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


class Name(NamedTuple):
    """What a draft is called; much cheaper than the draft. The attributes are those of `Draft`."""

    id: int
    file: str
    identity: str | None


class Album(Protocol):
    """The pictures of one source by ascending image id."""

    def __len__(self) -> int:
        """Pictures."""

    def __getitem__(self, place: int, /) -> Draft:
        """The draft at a place, from 0 on."""

    def __iter__(self) -> Iterator[Draft]:
        """Each draft."""
        return map(self.__getitem__, range(len(self)))

    def names(self) -> Iterator[Name]:
        """Of the pictures that may be used; others than those that the source itself forbids to use."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A format.

    Attributes:
        module: has the function ``album(source, tally, once) -> Album``.
        needs: what its files are called in a recipe.
        takes: files that it can do without.
    """

    module: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()


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


def open_album(source: Source, tally: Tally, once: Once | None = None) -> Album:
    """Index of a source's files.

    Args:
        source: where they are.
        tally: counts the records that belong to no picture; those of a picture are counted when it is read.
        once: shared by albums that are opened one after the other, so that each file is looked at once.

    Raises:
        InputError: a file is missing, cannot be read, is no JSON or has another shape.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    album: Album = import_module(READERS[source.reader].module).album(source, tally, once or Once())
    return album
