"""Find the positions of the records of each image in a file, and read the records at these positions."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scar.annotations.image_names import NamedImage
from scar.annotations.json_stream import Record
from scar.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


RecordSpans: TypeAlias = "NDArray[np.int64]"
"""(M, 4) where the records of a file are: image id, index in the list, offset and length in bytes."""

FileSpans: TypeAlias = tuple[Path, RecordSpans]
"""Path of a file, and where records in it are, in ascending order of image id."""


class RecordCollector:
    """Collects where the records of a file are.

    Args:
        path: path of the file.

    Attributes:
        path: path of the file.
        named_images: ids and file names of the images that the file itself lists; readers add them. The records refer
            to these ids; `scar.annotations.image_names.match_images` compares them with the ids of another file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.named_images: list[NamedImage] = []
        self._spans = array("q")

    def __len__(self) -> int:
        return len(self._spans) // 4

    def add_record(self, image: int, record: Record) -> None:
        """Add where a record is that belongs to the image with this id."""
        self._spans.extend((image, record.number, record.offset, len(record.text)))

    @property
    def spans(self) -> RecordSpans:
        """(M, 4) image id, index in the list, offset and length in bytes of each record, in the order of the file."""
        return view_int64(self._spans).reshape(-1, 4)

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """(M,) image id of each record."""
        return self.spans[:, 0]


def group_by_image(spans: RecordSpans, image_ids: NDArray[np.int64]) -> RecordSpans:
    """The same records with these (M,) image ids, in ascending order of image id; those of an image stay in order."""
    import numpy as np

    order = np.argsort(image_ids, kind="stable")
    return np.column_stack((image_ids, spans[:, 1:]))[order]


def select_image(records: FileSpans, image: int) -> FileSpans:
    """The records of one image; there may be none."""
    path, spans = records
    image_ids = spans[:, 0]
    return path, spans[bisect_left(image_ids, image) : bisect_right(image_ids, image)]


def view_int64(values: array[int]) -> NDArray[np.int64]:
    """The numbers of an array as a NumPy array (N,), without a copy."""
    import numpy as np

    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)


def is_among(numbers: NDArray[np.int64], known: Container[int]) -> NDArray[np.bool_]:
    """(N,) whether each number is in ``known``."""
    import numpy as np

    return np.fromiter((number in known for number in numbers.tolist()), np.bool_, len(numbers))


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
    positions = spans[:, 2:].tolist()
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
