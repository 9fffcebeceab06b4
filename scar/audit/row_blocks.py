"""Rows of the corpus as columns: figures of a million samples are counted by column, as records they take minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scar.audit.logistic import Floats, Ints
from scar.audit.questions import Question
from scar.errors import InputError
from scar.formats.reader import RowFile
from scar.sample import NEGATIVES_PER_PART, PARTS, Box, Part, Split

CAPTION_KINDS = ("gold", *PARTS)
"""What a caption is: the gold one, or a swap of a part."""

AT_ONCE = 10_000
"""Rows that are in memory at once, beside those of one more image."""

_ROW_COLUMNS: dict[Split, list[str]] = {
    "eval": ["qry_image_path", "bbox", "category", "tgt_text"],
    "train": ["qry_image_path", "bbox", "category", "pos_text", "neg_text"],
}
_PROVENANCE_COLUMNS = ["source", "region_id", "gold", "negatives"]


@dataclass(frozen=True)
class CodedTexts:
    """Texts as numbers.

    Attributes:
        codes: of each, the place of its text in ``values``.
        values: the different texts.
    """

    codes: Ints
    values: Sequence[str]

    @classmethod
    def from_array(cls, texts: pa.Array) -> Self:
        """The texts of a column without nulls."""
        encoded = texts.dictionary_encode()
        return cls(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist())


@dataclass(frozen=True)
class RowBlock:
    """Samples of whole images, one after the other, and their captions: all gold ones first, then all negatives.

    Attributes:
        first_row: number of the first in its file.
        split: of the file.
        sources: of each sample.
        region_ids: (rows,) the id of each sample's region.
        images: the path of each sample's image.
        image_groups: (rows,) ascending; samples of one image that stand together have one number.
        categories: of each sample's region.
        boxes: (rows, 4) x0, y0, x1, y1 of each sample's region.
        caption_rows: (captions,) the row that each caption is of.
        caption_kinds: (captions,) the place of its kind in `KINDS`.
        elements: of each caption, by part.
        texts: of each caption.
        published_codes: (shown,) what the rows of the published format show, as codes of ``texts``: all captions of
            eval rows,
            the negative of train rows; -1 for any other text.
        published_rows: (shown,) the row that shows it.
    """

    first_row: int
    split: Split
    sources: Sequence[str]
    region_ids: Ints
    images: Sequence[str]
    image_groups: Ints
    categories: CodedTexts
    boxes: Floats
    caption_rows: Ints
    caption_kinds: Ints
    elements: dict[Part, CodedTexts]
    texts: CodedTexts
    published_codes: Ints
    published_rows: Ints

    @property
    def count(self) -> int:
        return len(self.region_ids)

    @cached_property
    def negative_starts(self) -> Ints:
        """(rows + 1,) where the captions of each row's negatives begin; the last entry is their end."""
        return self.count + np.searchsorted(self.caption_rows[self.count :], np.arange(self.count + 1))

    @cached_property
    def has_elements(self) -> Any:
        """(rows,) whether the elements of the gold caption are known: published files have the text alone."""
        relation, scene = (_has_text(self.elements[part])[: self.count] for part in ("relation", "scene"))
        return relation | scene

    def sample_id(self, row: int) -> str:
        """The sample's id."""
        return f"{self.sources[row]}/{self.split}/{self.region_ids[row]}"

    def caption_text(self, caption: int) -> str:
        """The text of a caption."""
        return self.texts.values[int(self.texts.codes[caption])]

    def make_question(self, row: int) -> Question:
        """The question that a sample asks."""
        own = range(self.negative_starts[row], self.negative_starts[row + 1])
        known = len(own) > 1  # the published train rows have one negative, of a kind they do not tell
        parts = tuple(PARTS[self.caption_kinds[caption] - 1] for caption in own) if known else ()
        return Question((self.caption_text(row), *map(self.caption_text, own)), parts, self.images[row])


def iter_row_blocks(file: RowFile) -> Iterator[RowBlock]:
    """A file's rows, so many whole images at a time as have about `AT_ONCE` rows.

    Raises:
        InputError: a file is damaged, or a row has another shape; names file and row.
    """
    start, waiting = 0, None
    try:
        for table in _iter_tables(file):
            whole = table if waiting is None else pa.concat_tables([waiting, table])
            end = whole.num_rows if start + whole.num_rows >= file.rows else _count_before_last_image(whole)
            if end:
                yield _make_block(whole.slice(0, end), file, start)
            start, waiting = start + end, whole.slice(end)
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        _raise_bad_row(file, error)


def _count_before_last_image(table: pa.Table) -> int:
    """How many rows stand before those of the last image, of which more may come."""
    images = table["qry_image_path"]
    others = pc.indices_nonzero(pc.not_equal(images, images[-1]))
    return int(others[-1].as_py()) + 1 if len(others) else 0


def _raise_bad_row(file: RowFile, error: Exception) -> NoReturn:
    """Name the first bad row, as who reads samples one by one finds it."""
    for _ in file.iter_samples():
        pass
    raise InputError(
        f"{file.path}: a value is missing or has another shape ({error}); `scar check` lists every problem."
    )


def _iter_tables(file: RowFile) -> Iterator[pa.Table]:
    """The columns that count, of rows and provenance side by side."""
    rows = _iter_even_tables(file.path, _ROW_COLUMNS[file.split])
    notes = repeat(None) if file.sidecar is None else _iter_even_tables(file.sidecar, _PROVENANCE_COLUMNS)
    if file.sidecar is not None and pq.read_metadata(file.sidecar).num_rows != file.rows:
        raise ValueError("the sidecar has another number of rows")
    for table, note in zip(rows, notes, strict=False):
        yield table if note is None else pa.table({name: t[name] for t in (table, note) for name in t.column_names})


def _iter_even_tables(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of a file, `AT_ONCE` rows at a time, wherever its groups of rows end."""
    waiting: list[pa.Table] = []
    count = 0
    file = pq.ParquetFile(path, page_checksum_verification=True)
    if not set(columns) <= set(file.schema_arrow.names):
        raise ValueError("a column is missing")
    for batch in file.iter_batches(batch_size=AT_ONCE, columns=list(columns)):
        waiting.append(pa.Table.from_batches([batch]))
        count += len(batch)
        while count >= AT_ONCE:
            table = pa.concat_tables(waiting)
            yield table.slice(0, AT_ONCE)
            waiting, count = [table.slice(AT_ONCE)], count - AT_ONCE
    if count:
        yield pa.concat_tables(waiting)


def _make_block(table: pa.Table, file: RowFile, first_row: int) -> RowBlock:
    """A few rows; raises ValueError if one is not as it should be."""
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    count = table.num_rows
    golds, negatives, sizes, parts = _read_elements(columns, file.split)
    texts, shown, shown_sizes = _join_texts(columns, golds, negatives, file.split)
    noted = file.sidecar is not None
    images = CodedTexts.from_array(_require_values(columns["qry_image_path"]))
    changes = np.append(0, np.cumsum(images.codes[1:] != images.codes[:-1]))
    kinds = pc.index_in(parts, pa.array(CAPTION_KINDS))
    return RowBlock(
        first_row=first_row,
        split=file.split,
        sources=_require_values(columns["source"]).to_pylist() if noted else [file.source] * count,
        region_ids=_require_values(columns["region_id"]).to_numpy()
        if noted
        else np.arange(first_row, first_row + count),
        images=[images.values[code] for code in images.codes],
        image_groups=changes,
        categories=CodedTexts.from_array(_require_values(columns["category"])),
        boxes=_read_boxes(columns["bbox"]),
        caption_rows=np.concatenate((np.arange(count), np.repeat(np.arange(count), sizes))),
        caption_kinds=np.concatenate((np.zeros(count, np.int64), _require_values(kinds).to_numpy())),
        elements={
            part: CodedTexts.from_array(
                _require_values(pa.chunked_array([golds[part], negatives[part]]).combine_chunks())
            )
            for part in PARTS
        },
        texts=texts,
        published_codes=shown,
        published_rows=np.repeat(np.arange(count), shown_sizes),
    )


def _read_elements(
    columns: dict[str, pa.Array], split: Split
) -> tuple[dict[str, pa.Array], dict[str, pa.Array], Ints, pa.Array]:
    """Elements of gold captions and of negatives, how many negatives each row has, and what each replaces."""
    if "gold" in columns:
        golds, swaps = (
            _split_fields(_require_values(columns["gold"])),
            _split_fields(_require_values(columns["negatives"].flatten())),
        )
        return golds, swaps, _list_lengths(_require_values(columns["negatives"])), swaps["part"]
    if split == "train":
        golds, negatives = columns["pos_text"], columns["neg_text"]
        sizes, parts = np.ones(len(golds), np.int64), pa.array(["object"] * len(golds), pa.string())
    else:
        every, flat = _list_lengths(columns["tgt_text"]), columns["tgt_text"].flatten()
        known = [part for part in PARTS for _ in range(NEGATIVES_PER_PART)]
        if (every != 1 + len(known)).any():
            raise ValueError("another number of captions")
        first = np.arange(len(flat)) % (1 + len(known)) == 0
        golds, negatives = flat.filter(pa.array(first)), flat.filter(pa.array(~first))
        sizes, parts = every - 1, pa.array(known * len(golds), pa.string())
    return _as_objects(golds), _as_objects(negatives), sizes, parts


def _join_texts(
    columns: dict[str, pa.Array],
    gold_elements: dict[str, pa.Array],
    negative_elements: dict[str, pa.Array],
    split: Split,
) -> tuple[CodedTexts, Ints, Ints]:
    """Texts of all captions; of what the rows show, the codes, and how many each shows."""
    made = join_columns(
        [pa.chunked_array([gold_elements[part], negative_elements[part]]).combine_chunks() for part in reversed(PARTS)]
    )
    if split == "eval":
        shown, sizes = columns["tgt_text"].flatten(), _list_lengths(columns["tgt_text"])
    else:
        shown = columns["neg_text"]
        sizes = np.ones(len(shown), np.int64)
    encoded = made.dictionary_encode()
    codes = pc.fill_null(pc.index_in(shown.cast(pa.string()), encoded.dictionary), -1)
    codes = pc.if_else(shown.is_null(), -1, codes).to_numpy(zero_copy_only=False).astype(np.int64)
    return CodedTexts(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()), codes, sizes


def join_columns(columns: Sequence[pa.Array]) -> pa.Array:
    """The texts of some columns, those that are not empty with spaces between; see `sample.Caption.text`."""
    filled = [pc.if_else(pc.equal(column, ""), None, column) for column in columns]
    texts = pc.binary_join_element_wise(*filled, " ", null_handling="skip")
    return texts


def _as_objects(texts: pa.Array) -> dict[str, pa.Array]:
    """The elements of captions of which the text alone is known: it stands for the object."""
    empty = pa.array([""] * len(texts), pa.string())
    return {"object": texts.cast(pa.string()), "relation": empty, "scene": empty}


def _split_fields(structs: pa.StructArray) -> dict[str, pa.Array]:
    names = [field.name for field in structs.type]
    return {name: column.cast(pa.string()) for name, column in zip(names, structs.flatten(), strict=True)}


def _list_lengths(lists: pa.Array) -> Ints:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def _read_boxes(lists: pa.Array) -> Floats:
    """(rows, 4) corners of COCO's boxes."""
    values = _require_values(_require_values(lists).flatten()).to_numpy().astype(np.float64)
    if (_list_lengths(lists) != len(Box.__struct_fields__)).any():
        raise ValueError("a box has four numbers")
    boxes: Floats = values.reshape(-1, 4).copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _require_values(column: pa.Array) -> pa.Array:
    if column.null_count:
        raise ValueError("a value is missing")
    return column


def _has_text(elements: CodedTexts) -> Any:
    """(captions,) whether there is an element."""
    return np.array([bool(value) for value in elements.values], bool)[elements.codes]
