"""Training data in the published formats, row by row: (query, positive, hard negatives).

Rows of `TIGER-Lab/MMEB-train` have `qry`, `qry_image_path`, `pos_text`, `pos_image_path`, `neg_text` and
`neg_image_path`. Rows of `Sony/SCaR-Train` and of our builds also have a `bbox` [x, y, width, height] in pixels, which
becomes the prompt of the query and is written into its text. Texts equal those that the published model was trained on.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mmeb_eval.item import Item
from mmeb_eval.templates.fused import DATA_IMAGE_TOKEN, format_region
from scar.common.arrow import UNREADABLE, open_parquet, read_table
from scar.common.files import hash_files, is_inside
from scar.common.image_header import ImageHeader
from scar.common.orientation import turn_box
from scar.errors import DataError
from scar.formats.row_frame import RowFrame, open_row_frame
from scar.sample import Box, Caption
from virtue_ref.config import PROFILES
from virtue_ref.model.tokens import IMAGE_TOKEN
from virtue_ref.training.row_checks import IMAGE_REASONS, Defect, RowChecker

COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path", "bbox")
REQUIRED_COLUMNS = ("qry", "pos_text")


@dataclass(frozen=True, slots=True)
class Pair:
    """A query with its right and wrong answers.

    Attributes:
        query: the query.
        positive: the right answer.
        negatives: wrong answers, any number, none included.
        where: "<source>, row <number>", for error messages.
    """

    query: Item
    positive: Item
    negatives: tuple[Item, ...]
    where: str

    @property
    def items(self) -> tuple[Item, ...]:
        """Query, positive and negatives, in this order."""
        return (self.query, self.positive, *self.negatives)


class RejectedRow(ValueError):  # noqa: N818 - reads as what it is
    """A row that cannot be used as a pair; the message is the reason, such as "empty_query"."""


@dataclass(frozen=True)
class PairSource:
    """The pairs of one or more parquet files with the same columns. Its length is the number of usable rows.

    A row is named by its index in `table`, which counts over all files and includes rows that cannot be used.

    Attributes:
        name: name of the source in logs.
        table: all rows, with those of `COLUMNS` that every file has.
        rows: index in `table` of each usable row, ascending.
        images: folder that image paths are relative to.
        rejected: reason -> number of rows that cannot be used; all rows are either usable or rejected.
        negatives: for each row of `table`, the texts of its negatives, from the provenance of our builds; None takes
            the negative in the row itself.
        revision: digest of the files' contents, 12 hexadecimal digits.
        digests: (rows of table,) digest of the content of each row, by which a resumed run notices that a row has
            changed.
        frame: turns boxes into the displayed frame; None leaves them in the frame of the rows.
    """

    name: str
    table: pa.Table
    rows: Sequence[int]
    images: Path
    rejected: Mapping[str, int]
    negatives: Sequence[Sequence[str]] | None = None
    revision: str = ""
    digests: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    frame: RowFrame | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def list_unusable(self) -> set[int]:
        """Return the index in `table` of each row that cannot be used."""
        return set(range(len(self.table))) - set(self.rows)

    def read_pair(self, number: int) -> Pair:
        """Read the pair of a usable row; `number` counts usable rows only, from 0."""
        return self.read_row(self.rows[number])

    def read_row(self, row: int) -> Pair:
        """Read the pair of a row; `row` is its index in `table`.

        Raises:
            RejectedRow: the row makes no pair. A row with an unusable image is read all the same.
        """
        values = {name: self.table.column(name)[row].as_py() for name in self.table.column_names}
        where = f"{self.name}, row {row}"
        own = None if self.negatives is None else self.negatives[row]
        return parse_pair(values, self.images, where, own, self.frame)


def parse_pair(
    row: Mapping[str, Any],
    images: Path,
    where: str,
    negatives: Sequence[str] | None = None,
    frame: RowFrame | None = None,
) -> Pair:
    r"""Make the pair of a row; images are not opened.

    Args:
        row: column -> value; columns of negatives and of the box may be missing.
        images: folder that image paths are relative to.
        where: name of the source and index of the row, for error messages.
        negatives: texts that replace the row's own negative; None keeps it, if the row has one.
        frame: turns the box into the displayed frame; None leaves it in the frame of the row.

    Raises:
        RejectedRow: query or positive has neither text nor image; an image path leads out of the folder of images;
            or there is a column bbox, but the box is missing or malformed, has no area, or the query has no image.

    >>> row = {"qry": "<|image_1|>\nWhat is it?\n", "qry_image_path": "1.jpg", "pos_text": "a dog"}
    >>> parse_pair(row, Path("images"), "here").query.text
    '<|image_pad|>\nWhat is it?\n'
    """
    query = _make_item(row.get("qry"), row.get("qry_image_path"), images)
    positive = _make_item(row.get("pos_text"), row.get("pos_image_path"), images)
    if query is None:
        raise RejectedRow("empty_query")
    if positive is None:
        raise RejectedRow("empty_positive")
    if "bbox" in row:
        header = None if frame is None else frame.find_turn(row.get("qry_image_path") or "")
        query = _add_box(query, row["bbox"], header)
    if negatives is None:
        negative = _make_item(row.get("neg_text"), row.get("neg_image_path"), images)
        others: tuple[Item, ...] = () if negative is None else (negative,)
    else:
        others = tuple(Item(text.replace(DATA_IMAGE_TOKEN, IMAGE_TOKEN)) for text in negatives)
    return Pair(query, positive, others, where)


def open_source(
    name: str,
    files: Sequence[Path],
    images: Path,
    *,
    missing: str = "stop",
    all_negatives: bool = False,
    checker: RowChecker | None = None,
) -> PairSource:
    """Open a source and check each of its rows once.

    Args:
        name: name of the source in logs.
        files: parquet files with the same columns, in the order in which rows are counted.
        images: folder that image paths are relative to.
        missing: what to do if an image is missing, truncated or no image: "stop" raises, "skip" leaves the row out and
            counts it. Rows that cannot be used for another reason are always left out and counted.
        all_negatives: whether to take all nine negatives from the provenance of a SCaR build, instead of the row's one.
        checker: checks the items of each row; None makes one that looks at images alone.

    Raises:
        DataError: there are no files, a file lacks a column or its provenance, no row is usable, or an image cannot be
            used and `missing` is "stop"; the message names the first.
    """
    table = _read_table(name, files)
    negatives = _read_negatives(files) if all_negatives else None
    checker = checker or RowChecker(PROFILES["clean"])
    rows: list[int] = []
    digests = np.empty(len(table), np.int64)
    rejected: Counter[str] = Counter()
    stopped: list[str] = []
    frame = open_row_frame(files, images)
    for pairs in _iter_pairs(name, table, images, negatives, digests, frame):
        checker.look_at_images(item for pair in pairs.values() if isinstance(pair, Pair) for item in pair.items)
        for number, pair in pairs.items():
            defect = checker.find_defect(pair.items) if isinstance(pair, Pair) else Defect(pair, pair)
            if defect is None:
                rows.append(number)
                continue
            rejected[defect.reason] += 1
            if missing != "skip" and defect.reason in IMAGE_REASONS:
                stopped.append(f"{name}, row {number}: {defect.problem}")
    if stopped:
        more = f", and {len(stopped) - 1:,} more rows" if stopped[1:] else ""
        raise DataError(f'{stopped[0]}{more}; missing = "skip" drops and counts such rows.')
    if not rows:
        raise DataError(f"{name}: none of {len(table)} rows can be used ({_format_rejections(rejected)}).")
    return PairSource(name, table, rows, images, rejected, negatives, _hash_files(files), digests, frame)


def _read_table(name: str, files: Sequence[Path]) -> pa.Table:
    """All rows of the files, with those of `COLUMNS` that every file has."""
    if not files:
        raise DataError(f"{name}: no parquet files; is the path right, and is the data fetched?")
    try:
        known = [open_parquet(file).schema_arrow.names for file in files]
        for file, columns in zip(files, known, strict=True):
            if absent := [column for column in REQUIRED_COLUMNS if column not in columns]:
                raise DataError(f"{file}: no column {absent[0]!r}; wanted are {', '.join(COLUMNS)}.")
        common = [column for column in COLUMNS if all(column in columns for columns in known)]
        return pa.concat_tables([read_table(file, common) for file in files])
    except UNREADABLE as error:
        raise DataError(f"{name}: {error}") from error


def _iter_pairs(
    name: str,
    table: pa.Table,
    images: Path,
    negatives: Sequence[Sequence[str]] | None,
    digests: NDArray[np.int64],
    frame: RowFrame,
) -> Iterator[dict[int, Pair | str]]:
    """Yield some rows at a time: number -> pair, or the reason why there is none. Their digests are filled in."""
    first = 0
    for batch in table.to_batches(max_chunksize=10_000):
        pairs: dict[int, Pair | str] = {}
        for number, row in enumerate(batch.to_pylist(), start=first):
            own = None if negatives is None else negatives[number]
            digests[number] = hash_row(row, own)
            try:
                pairs[number] = parse_pair(row, images, f"{name}, row {number}", own, frame)
            except RejectedRow as reason:
                pairs[number] = str(reason)
        yield pairs
        first += len(pairs)


def hash_row(row: Mapping[str, Any], negatives: Sequence[str] | None) -> int:
    """Return a digest of a row's content, as int64; empty values and the order of columns do not count."""
    content = repr((sorted((key, value) for key, value in row.items() if value), negatives))
    return int.from_bytes(hashlib.blake2b(content.encode(errors="surrogatepass"), digest_size=8).digest(), signed=True)


def _make_item(text: str | None, image: str | None, images: Path) -> Item | None:
    """Make an item from a text and an image path; None if there is neither.

    Raises:
        RejectedRow: the path leads out of the folder of images.
    """
    if not text and not image:
        return None
    path = images / image if image else None
    if path is not None and not is_inside(path, images, resolve_links=False):
        raise RejectedRow("image_outside")
    return Item((text or "").replace(DATA_IMAGE_TOKEN, IMAGE_TOKEN), path)


def _add_box(query: Item, xywh: Sequence[float] | None, header: ImageHeader | None) -> Item:
    """A copy of the query with a box as its prompt and in its text; the header of an image turns the box."""
    if xywh is None or len(xywh) != 4 or None in xywh or query.image is None:
        raise RejectedRow("no_box")
    x, y, width, height = xywh
    if not (all(map(math.isfinite, xywh)) and width > 0 and height > 0):
        raise RejectedRow("bad_box")
    box = Box(x, y, x + width, y + height)
    box = box if header is None else turn_box(box, header.stored_size, header.orientation)
    return Item(f"{query.text}\n{format_region([box.x0, box.y0, box.x1, box.y1])}", query.image, box)


def _read_negatives(files: Sequence[Path]) -> list[tuple[str, ...]]:
    """Read the texts of all negatives of each row from the provenance of our builds."""
    texts: list[tuple[str, ...]] = []
    for file in files:
        sidecar = file.parent.parent / "provenance" / file.name
        try:
            notes = read_table(sidecar, ["negatives"])["negatives"].to_pylist()
        except UNREADABLE as error:
            raise DataError(
                f"{sidecar}: all_negatives wants the provenance of a build beside its rows: {error}"
            ) from error
        texts += [tuple(Caption(note["object"], note["relation"], note["scene"]).text for note in row) for row in notes]
        if len(notes) != pq.read_metadata(file).num_rows:
            raise DataError(f"{sidecar}: it has another number of rows than {file.name}.")
    return texts


def _hash_files(files: Sequence[Path]) -> str:
    return hash_files(files)[:12]


def _format_rejections(rejected: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in rejected.items())
