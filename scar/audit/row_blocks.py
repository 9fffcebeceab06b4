"""Read the rows of a corpus as blocks of columns: counting by column is fast enough for a million samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from scar.common.arrow import open_parquet
from scar.errors import InputError
from scar.formats.reader import RowFile
from scar.sample import NEGATIVES_PER_PART, PARTS, Box, Part, Split

CAPTION_KINDS = ("gold", *PARTS)
"""Kinds of captions: the gold caption, or a negative by the part that it replaces."""

ROWS_PER_BLOCK = 10_000
"""Rows that are in memory at once, besides those of one more image."""

_ROW_COLUMNS: dict[Split, list[str]] = {
    "eval": ["qry_image_path", "bbox", "segmentation.size", "category", "tgt_text"],
    "train": ["qry_image_path", "bbox", "segmentation.size", "category", "pos_text", "neg_text"],
}
_PROVENANCE_COLUMNS = ["source", "region_id", "gold", "negatives"]
_LATER_COLUMNS = ["reason"]
"""Columns of provenance that older corpora lack."""


@dataclass(frozen=True)
class CodedTexts:
    """Texts as codes, which are indices into the list of the different texts.

    Attributes:
        codes: (texts,) index in ``values`` of each text.
        values: the different texts.
    """

    codes: Ints
    values: Sequence[str]

    @classmethod
    def from_array(cls, texts: pa.Array) -> Self:
        """Encode a text column without nulls."""
        encoded = texts.dictionary_encode()
        return cls(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist())


@dataclass(frozen=True)
class RowBlock:
    """The samples of some images, as columns.

    Arrays over captions hold the gold captions of all rows first, then the negatives of all rows.

    Attributes:
        first_row: index in the file of the first row of the block.
        split: split of the file.
        sources: (rows,) name of the source of each sample.
        region_ids: (rows,) id of each sample's region.
        images: (rows,) path of each sample's image.
        image_groups: (rows,) number of the run of rows that share an image, ascending from 0.
        categories: (rows,) category of each sample's region.
        boxes: (rows, 4) x0, y0, x1, y1 of each sample's region in pixels, in the frame of the rows: see
            `scar.formats.row_frame`.
        extents: (rows, 2) width and height of each sample's image in pixels; without a mask, those of the smallest
            rectangle from the corner 0, 0 that holds the boxes of the image's samples.
        reasons: (rows,) the reason of each gold caption; None for those whose file does not say it.
        caption_rows: (captions,) row of each caption, counted from the first one of the block.
        caption_kinds: (captions,) index in `CAPTION_KINDS` of the kind of each caption.
        elements: by part, (captions,) element of each caption. An element that a caption lacks is "". If only texts are
            known, the object is the whole text, and the others are "".
        texts: (captions,) text of each caption, as `CodedTexts`.
        published_codes: (published,) code, in ``texts``, of each text that the rows themselves list: in eval rows all
            captions, in train rows the negative. -1 for a text that is not in ``texts``.
        published_rows: (published,) row of each of these texts, counted from the first one of the block.
    """

    first_row: int
    split: Split
    sources: Sequence[str]
    region_ids: Ints
    images: Sequence[str]
    image_groups: Ints
    categories: CodedTexts
    boxes: Floats
    extents: Floats
    reasons: Sequence[str | None]
    caption_rows: Ints
    caption_kinds: Ints
    elements: dict[Part, CodedTexts]
    texts: CodedTexts
    published_codes: Ints
    published_rows: Ints

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.region_ids)

    @cached_property
    def negative_starts(self) -> Ints:
        """(rows + 1,) index, among all captions, of the first negative of each row; the last entry is their number."""
        return self.count + np.searchsorted(self.caption_rows[self.count :], np.arange(self.count + 1))

    @cached_property
    def has_elements(self) -> Any:
        """(rows,) whether the elements of the gold caption are known; files without provenance have only texts."""
        relation, scene = (_has_text(self.elements[part])[: self.count] for part in ("relation", "scene"))
        return relation | scene

    def sample_id(self, row: int) -> str:
        """Id of the sample of a row of the block, counted from 0."""
        return f"{self.sources[row]}/{self.split}/{self.region_ids[row]}"

    def caption_text(self, caption: int) -> str:
        """Text of the caption at an index among all captions of the block."""
        return self.texts.values[int(self.texts.codes[caption])]

    def make_question(self, row: int) -> Question:
        """Make the question of a row's sample: which of its captions is gold?"""
        negatives = range(self.negative_starts[row], self.negative_starts[row + 1])
        has_parts = len(negatives) > 1  # published train rows have one negative, of an unknown part
        parts = tuple(PARTS[self.caption_kinds[caption] - 1] for caption in negatives) if has_parts else ()
        captions = (self.caption_text(row), *map(self.caption_text, negatives))
        x0, y0, x1, y1 = (self.boxes[row].reshape(2, 2) / self.extents[row]).ravel().tolist()
        return Question(captions, parts, self.images[row], ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0))


def iter_row_blocks(file: RowFile) -> Iterator[RowBlock]:
    """Yield the rows of a file in blocks of about `ROWS_PER_BLOCK` rows; no block ends inside an image.

    Raises:
        InputError: a file is damaged, or a row is not of the file's format; the message names file and row.
    """
    start, rest = 0, None
    try:
        for table in _iter_tables(file):
            whole = table if rest is None else pa.concat_tables([rest, table])
            end = whole.num_rows if start + whole.num_rows >= file.rows else _count_before_last_image(whole)
            if end:
                yield _make_block(whole.slice(0, end), file, start)
            start, rest = start + end, whole.slice(end)
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        raise_bad_row(file, error)


def _count_before_last_image(table: pa.Table) -> int:
    """Number of rows before those of the last image, which may continue in the next table."""
    images = table["qry_image_path"]
    others = pc.indices_nonzero(pc.not_equal(images, images[-1]))
    return int(others[-1].as_py()) + 1 if len(others) else 0


def raise_bad_row(file: RowFile, error: Exception) -> NoReturn:
    """Raise an `InputError` about a damaged file.

    Rows are read one by one, so that the message names the first bad one. If all can be read, it tells ``error``.
    """
    for _ in file.iter_samples():
        pass
    raise InputError(
        f"{file.path}: a value is missing or has another shape ({error}); `scar check` lists every problem."
    )


def _iter_tables(file: RowFile) -> Iterator[pa.Table]:
    """Yield the columns that the audit needs: those of the rows, and those of provenance if there is a sidecar."""
    rows = _iter_even_tables(file.path, _ROW_COLUMNS[file.split])
    provenance: Iterable[pa.Table | None] = repeat(None)
    if file.sidecar is not None:
        provenance = _iter_even_tables(file.sidecar, _PROVENANCE_COLUMNS, _LATER_COLUMNS)
        if pq.read_metadata(file.sidecar).num_rows != file.rows:
            raise ValueError("the sidecar has another number of rows")
    for table, sidecar in zip(rows, provenance, strict=False):
        both = (table,) if sidecar is None else (table, sidecar)
        yield pa.table({name: each[name] for each in both for name in each.column_names})


def _iter_even_tables(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Yield columns of a file, and the optional ones that it has, in tables of `ROWS_PER_BLOCK` rows."""
    pending: list[pa.Table] = []
    count = 0
    file = open_parquet(path)
    if not {name.partition(".")[0] for name in columns} <= set(file.schema_arrow.names):
        raise ValueError("a column is missing")
    present = [name for name in optional if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=ROWS_PER_BLOCK, columns=[*columns, *present]):
        pending.append(pa.Table.from_batches([batch]))
        count += len(batch)
        while count >= ROWS_PER_BLOCK:
            table = pa.concat_tables(pending)
            yield table.slice(0, ROWS_PER_BLOCK)
            pending, count = [table.slice(ROWS_PER_BLOCK)], count - ROWS_PER_BLOCK
    if count:
        yield pa.concat_tables(pending)


def _make_block(table: pa.Table, file: RowFile, first_row: int) -> RowBlock:
    """Make a block of a table.

    Raises:
        ValueError: a row has the wrong shape.
    """
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    count = table.num_rows
    golds, negatives, sizes, parts = _read_elements(columns, file.split)
    texts, published_codes, published_sizes = _join_texts(columns, golds, negatives, file.split)
    has_provenance = file.sidecar is not None
    if has_provenance:
        _check_captions(columns, texts, published_codes, sizes, published_sizes, file.split)
    images = CodedTexts.from_array(_require_values(columns["qry_image_path"]))
    image_groups = np.append(0, np.cumsum(images.codes[1:] != images.codes[:-1]))
    boxes = _read_boxes(columns["bbox"])
    region_ids = _require_values(columns["region_id"]).to_numpy() if has_provenance else first_row + np.arange(count)
    negative_kinds = _require_values(pc.index_in(parts, pa.array(CAPTION_KINDS))).to_numpy()
    return RowBlock(
        first_row=first_row,
        split=file.split,
        sources=_require_values(columns["source"]).to_pylist() if has_provenance else [file.source] * count,
        region_ids=region_ids,
        images=[images.values[code] for code in images.codes],
        image_groups=image_groups,
        categories=CodedTexts.from_array(_require_values(columns["category"])),
        boxes=boxes,
        extents=_read_extents(columns["segmentation"], boxes, image_groups),
        reasons=columns["reason"].cast(pa.string()).to_pylist() if "reason" in columns else [None] * count,
        caption_rows=np.concatenate((np.arange(count), np.repeat(np.arange(count), sizes))),
        caption_kinds=np.concatenate((np.zeros(count, np.int64), negative_kinds)),
        elements={
            part: CodedTexts.from_array(_require_values(_concatenate(golds[part], negatives[part]))) for part in PARTS
        },
        texts=texts,
        published_codes=published_codes,
        published_rows=np.repeat(np.arange(count), published_sizes),
    )


def _read_elements(
    columns: dict[str, pa.Array], split: Split
) -> tuple[dict[str, pa.Array], dict[str, pa.Array], Ints, pa.Array]:
    """Read elements of gold captions, elements of negatives, number of negatives of each row, parts of negatives."""
    if "gold" in columns:
        golds = _split_fields(_require_values(columns["gold"]))
        swaps = _split_fields(_require_values(columns["negatives"].flatten()))
        return golds, swaps, _list_lengths(_require_values(columns["negatives"])), swaps["part"]
    if split == "train":
        golds, negatives = columns["pos_text"], columns["neg_text"]
        sizes, parts = np.ones(len(golds), np.int64), pa.array(["object"] * len(golds), pa.string())
    else:
        caption_counts, captions = _list_lengths(columns["tgt_text"]), columns["tgt_text"].flatten()
        row_parts = [part for part in PARTS for _ in range(NEGATIVES_PER_PART)]
        if (caption_counts != 1 + len(row_parts)).any():
            raise ValueError("another number of captions")
        is_gold = np.arange(len(captions)) % (1 + len(row_parts)) == 0
        golds, negatives = captions.filter(pa.array(is_gold)), captions.filter(pa.array(~is_gold))
        sizes, parts = caption_counts - 1, pa.array(row_parts * len(golds), pa.string())
    return _as_objects(golds), _as_objects(negatives), sizes, parts


def _join_texts(
    columns: dict[str, pa.Array],
    gold_elements: dict[str, pa.Array],
    negative_elements: dict[str, pa.Array],
    split: Split,
) -> tuple[CodedTexts, Ints, Ints]:
    """Read the texts of all captions, the codes of published texts, and the number of published texts in each row."""
    joined = join_columns([_concatenate(gold_elements[part], negative_elements[part]) for part in reversed(PARTS)])
    if split == "eval":
        published, sizes = columns["tgt_text"].flatten(), _list_lengths(columns["tgt_text"])
    else:
        published = columns["neg_text"]
        sizes = np.ones(len(published), np.int64)
    encoded = joined.dictionary_encode()
    codes = pc.fill_null(pc.index_in(published.cast(pa.string()), encoded.dictionary), -1)
    codes = pc.if_else(published.is_null(), -1, codes).to_numpy(zero_copy_only=False).astype(np.int64)
    return CodedTexts(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()), codes, sizes


def _check_captions(
    columns: dict[str, pa.Array], texts: CodedTexts, published: Ints, sizes: Ints, published_sizes: Ints, split: Split
) -> None:
    """Check that the provenance is that of the rows, as `scar.formats.row_codec.check_captions` does.

    Args:
        columns: columns of the rows.
        texts: texts of the gold captions, then of the negatives.
        published: code of each published text, see `RowBlock.published_codes`.
        sizes: (rows,) number of negatives of each row in the provenance.
        published_sizes: (rows,) number of published texts of each row.
        split: split of the file.

    Raises:
        ValueError: a row has other captions.
    """
    count = len(sizes)
    rows = np.concatenate((np.arange(count), np.repeat(np.arange(count), sizes)))
    if split == "eval":
        own, theirs = (
            np.lexsort(keys)
            for keys in ((texts.codes, rows), (published, np.repeat(np.arange(count), published_sizes)))
        )
        same = np.array_equal(1 + sizes, published_sizes) and np.array_equal(texts.codes[own], published[theirs])
    else:
        golds = [texts.values[code] for code in texts.codes[:count]]
        found = np.unique(rows[count:][texts.codes[count:] == published[rows[count:]]])
        same = golds == columns["pos_text"].to_pylist() and len(found) == count
    if not same:
        raise ValueError("the provenance is of other captions")


def join_columns(columns: Sequence[pa.Array]) -> pa.Array:
    """Join the texts that columns have in a row with spaces; empty texts are left out, as in `Caption.text`."""
    filled = [pc.if_else(pc.equal(column, ""), None, column) for column in columns]
    return pc.binary_join_element_wise(*filled, " ", null_handling="skip")


def _concatenate(first: pa.Array, second: pa.Array) -> pa.Array:
    """Append the second array to the first."""
    return pa.chunked_array([first, second]).combine_chunks()


def _as_objects(texts: pa.Array) -> dict[str, pa.Array]:
    """Elements of captions of which only the text is known: the whole text counts as the object."""
    empty = pa.array([""] * len(texts), pa.string())
    return {"object": texts.cast(pa.string()), "relation": empty, "scene": empty}


def _split_fields(structs: pa.StructArray) -> dict[str, pa.Array]:
    """Columns of text by name, one for each field of the structs."""
    names = [field.name for field in structs.type]
    return {name: column.cast(pa.string()) for name, column in zip(names, structs.flatten(), strict=True)}


def _list_lengths(lists: pa.Array) -> Ints:
    """(rows,) length of each list; 0 for a null."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def _read_boxes(lists: pa.Array) -> Floats:
    """(rows, 4) x0, y0, x1, y1 of boxes that are stored as x, y, width, height.

    Raises:
        ValueError: a box is missing or has another number of values.
    """
    values = _require_values(_require_values(lists).flatten()).to_numpy().astype(np.float64)
    if (_list_lengths(lists) != len(Box.__struct_fields__)).any():
        raise ValueError("a box has four numbers")
    boxes: Floats = values.reshape(-1, 4).copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _read_extents(masks: pa.StructArray, boxes: Floats, image_groups: Ints) -> Floats:
    """(rows, 2) width and height of each row's image; see `RowBlock.extents`."""
    corners = np.zeros((int(image_groups.max(initial=-1)) + 1, 2))
    np.maximum.at(corners, image_groups, boxes[:, 2:])
    extents: Floats = np.maximum(corners[image_groups], 1)
    sizes = pc.struct_field(masks, "size")
    has_size = _list_lengths(sizes) == extents.shape[1]
    extents[has_size] = sizes.filter(pa.array(has_size)).flatten().to_numpy().reshape(-1, 2)[:, ::-1]
    return extents


def _require_values(column: pa.Array) -> pa.Array:
    """Return the column unchanged.

    Raises:
        ValueError: a value is null.
    """
    if column.null_count:
        raise ValueError("a value is missing")
    return column


def _has_text(elements: CodedTexts) -> Any:
    """(captions,) whether each element has text."""
    return np.array([bool(value) for value in elements.values], bool)[elements.codes]
