"""Index the positions of the records of each image in a file, and read the records at these positions."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from scar.annotations.image_names import NamedImage
from scar.annotations.json_stream import Record
from scar.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


RecordSpans: TypeAlias = "NDArray[np.int64]"
"""(M, 3) positions of records in a file: index in the list, offset and length in bytes."""

FileSpans: TypeAlias = tuple[Path, RecordSpans]
"""Path of a file, and positions of records in it."""


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """The positions of the records of each image in a file; about 28 bytes of memory a record.

    Attributes:
        path: path of the file.
        images: (N,) ids of the images.
        starts: (N,) row of ``spans`` with the first record of each image.
        ends: (N,) row of ``spans`` after the last record of each image.
        spans: (M, 3) positions of all records. Those of an image are next to each other, in the order that
            `RecordIndexBuilder.add_record` gives them.
    """

    path: Path
    images: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    spans: RecordSpans

    def __getitem__(self, row: int) -> FileSpans:
        """The path of the file, and the (M, 3) positions of the records of image ``images[row]``; M may be 0."""
        return self.path, self.spans[self.starts[row] : self.ends[row]]

    def align_to(self, images: Sequence[int | None]) -> Self:
        """An index with one row for each of ``images``, in their order; the row of None or an unknown id is empty."""
        import numpy as np

        wanted = np.array([0 if image is None else image for image in images], np.int64)
        order = np.argsort(self.images)
        rows = np.searchsorted(self.images, wanted, sorter=order)
        known = is_among(wanted, self.images) & np.array([image is not None for image in images], bool)
        starts, ends = np.zeros((2, len(wanted)), np.int64)
        rows = order[rows[known]]
        starts[known], ends[known] = self.starts[rows], self.ends[rows]
        return type(self)(self.path, wanted, starts, ends, self.spans)


class RecordIndexBuilder:
    """Collects the positions of the records of a file, for a `RecordIndex`.

    Args:
        path: path of the file.

    Attributes:
        path: path of the file.
        named_images: id and file name of the images that the file itself lists; readers append to it. The ids are those
            that the file's records have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.named_images: list[NamedImage] = []
        self._image_ids, self._orders, self._spans = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._image_ids)

    def add_record(self, image: int, record: Record, order: int = 0) -> None:
        """Add a record of an image id. The index sorts the records of an image by ``order``; ties stay as added."""
        self._image_ids.append(image)
        self._orders.append(order)
        self._spans.extend((record.number, record.offset, len(record.text)))

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """(M,) image id of each record."""
        return view_int64(self._image_ids)

    @property
    def orders(self) -> NDArray[np.int64]:
        """(M,) number by which each record is sorted within its image: the argument ``order`` of `add_record`."""
        return view_int64(self._orders)

    @property
    def spans(self) -> RecordSpans:
        """(M, 3) position of each record."""
        return view_int64(self._spans).reshape(-1, 3)

    def build_index(
        self, chosen: NDArray[np.bool_] | None = None, image_ids: NDArray[np.int64] | None = None
    ) -> RecordIndex:
        """Index the records by image.

        Args:
            chosen: (M,) whether the index gets each record; None for all records.
            image_ids: (M,) image id of each record; None for those that were added.
        """
        import numpy as np

        chosen = np.ones(len(self), bool) if chosen is None else chosen
        images = (self.image_ids if image_ids is None else image_ids)[chosen]
        orders, spans = self.orders[chosen], self.spans[chosen]
        order = np.lexsort((orders, images))
        ids, starts = np.unique(images[order], return_index=True)
        return RecordIndex(self.path, ids, starts, np.append(starts[1:], len(images)), spans[order])


def view_int64(values: array[int]) -> NDArray[np.int64]:
    """The numbers of an array as a NumPy array (N,), without a copy."""
    import numpy as np

    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)


def is_among(numbers: NDArray[np.int64], known: Collection[int]) -> NDArray[np.bool_]:
    """(N,) whether each of the (N,) ``numbers`` is in ``known``."""
    import numpy as np

    return np.isin(numbers, np.fromiter(known, np.int64, len(known)))


def replace_ids(
    numbers: NDArray[np.int64], ids: Mapping[int, int] | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Replace ids by others.

    Args:
        numbers: (N,) the ids.
        ids: the new id by the old one; None if every id stays, as `match_images` returns it.

    Returns:
        (N,) the new ids; an id that ``ids`` does not have stays. (N,) whether ``ids`` has it; True throughout for None.
    """
    import numpy as np

    if ids is None:
        return numbers, np.ones(len(numbers), bool)
    replaced = np.array([ids.get(number, number) for number in numbers.tolist()], np.int64)
    return replaced, is_among(numbers, ids)


def read_records(path: Path, spans: RecordSpans) -> list[bytes]:
    """Read the bytes of the records at the given positions, in the order of ``spans``.

    A file that was changed and did not become shorter is not noticed here.

    Raises:
        InputError: the file can no longer be read, or has become shorter.
    """
    if not len(spans):
        return []
    positions = spans[:, 1:].tolist()
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            texts = [os.pread(file, length, offset) for offset, length in positions]
        finally:
            os.close(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, while it was read.") from None
    for text, (_, length) in zip(texts, positions, strict=True):
        if len(text) != length:
            raise InputError(f"{path}: it changed while it was read; build again.")
    return texts
