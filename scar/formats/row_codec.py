"""Convert `Sample`s to and from rows of the published formats: Arrow tables to write, dictionaries to read."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from scar.common.arrow import make_list_array, make_number_array, make_string_array, make_struct_array
from scar.formats.schema import EVAL_SCHEMA, INSTRUCTION, PROVENANCE_SCHEMA, SCHEMAS
from scar.sample import NEGATIVES_PER_PART, PARTS, Box, Caption, Mask, Negative, Region, Sample, Split

_REQUIRED = ("qry_image_path", "category", "image_id")
"""Columns of both formats that a sample cannot be without."""


def sample_from_row(row: dict[str, Any], note: dict[str, Any] | None, source: str, split: Split, number: int) -> Sample:
    """Make a sample of a row of either format.

    Args:
        row: a row with the columns of the split.
        note: provenance of the row, which also gives the region's id and all nine negatives. If it is None, only texts
            are known: `Caption.object` holds the whole text, the negatives of an eval row have their parts by their
            order, the only negative of a train row has the part "object", and the region's id is ``number``.
        source: name of the source, used if ``note`` is None.
        split: the split, which decides the columns of the row.
        number: index of the row in its file, from 0.

    Raises:
        ValueError: a value is missing or has the wrong shape.
    """
    try:
        for name in _REQUIRED:
            if row[name] is None:
                raise ValueError(f"{name} is missing")
        region = region_from_row(row, number if note is None else note["region_id"])
        return _make_sample(row, note, region, source, split)
    except (TypeError, KeyError) as error:
        raise ValueError(f"a value is missing or has another shape ({error})") from None


def check_captions(row: dict[str, Any], sample: Sample) -> None:
    """Check that a row has the captions of ``sample``, which was made from its provenance.

    An eval row has to have all ten, in any order; a train row the gold one and one of the nine negatives.

    Raises:
        ValueError: it has others.
    """
    if sample.split == "eval":
        same = sorted(row["tgt_text"] or ()) == sorted(sample.captions)
    else:
        same = row["pos_text"] == sample.gold.text and row["neg_text"] in sample.captions[1:]
    if not same:
        raise ValueError(f"its provenance is of other captions ({sample.gold.text!r})")


def region_from_row(row: dict[str, Any], number: int) -> Region:
    """Make a region of a row of either format, in the frame of the row; ``number`` becomes its id.

    Raises:
        ValueError: a value is missing or has the wrong shape.
    """
    try:
        rle = row["segmentation"]
        if rle is not None and not isinstance(rle["counts"], str):
            raise ValueError("its segmentation has no counts")
        return Region(
            id=number,
            box=Box.from_xywh(*row["bbox"]),
            category=row["category"],
            mask=None if rle is None else Mask(size=(rle["size"][0], rle["size"][1]), counts=rle["counts"]),
        )
    except (TypeError, KeyError, IndexError) as error:
        raise ValueError(f"a value is missing or has another shape ({error})") from None


def _make_sample(row: dict[str, Any], note: dict[str, Any] | None, region: Region, source: str, split: Split) -> Sample:
    reason = author = None
    if note is not None:
        source, gold, reason = note["source"], Caption(**note["gold"]), note.get("reason")
        author = note.get("author")
        for what, text in (("reason", reason), ("author", author)):
            if not isinstance(text, str | None):
                raise ValueError(f"its {what} {text!r} is no text")
        negatives = tuple(_make_negative(**negative) for negative in note["negatives"])
    elif split == "eval":
        gold, *others = [Caption(_require_text(text), "", "") for text in row["tgt_text"] or [""]]
        parts = [part for part in PARTS for _ in range(NEGATIVES_PER_PART)]
        if len(others) != len(parts):
            raise ValueError(f"{1 + len(others)} captions, not {1 + len(parts)}")
        negatives = tuple(map(Negative, parts, others))
    else:
        gold = Caption(_require_text(row["pos_text"]), "", "")
        negatives = (Negative("object", Caption(_require_text(row["neg_text"]), "", "")),)

    return Sample(
        id=f"{source}/{split}/{region.id}",
        source=source,
        split=split,
        image=row["qry_image_path"],
        image_id=row["image_id"],
        region=region,
        gold=gold,
        negatives=negatives,
        reason=reason,
        author=author,
    )


def _require_text(text: str | None) -> str:
    if text is None:
        raise ValueError("a caption is missing")
    return text


def _make_negative(part: Any, **elements: str) -> Negative:
    return Negative(part, Caption(**elements))


def make_row_table(samples: Sequence[Sample], split: Split, seed: int) -> pa.Table:
    """Make the rows of samples, in their order, in the published format of a split.

    An eval row has the ten captions to rank, gold first. A train row has the gold caption and one negative, which
    ``seed`` and the sample's id select. The seed has no effect on eval rows.
    """
    constant = make_string_array([INSTRUCTION] * len(samples))
    images = make_string_array(sample.image for sample in samples)
    if split == "eval":
        texts = make_string_array(text for sample in samples for text in sample.captions)
        columns = [constant, images, make_list_array([1 + len(sample.negatives) for sample in samples], texts)]
    else:
        negatives = [
            Random(f"{seed}/{sample.id}/negative").choice(sample.negatives)  # noqa: S311 - a draw, not a secret
            for sample in samples
        ]
        no_image = make_string_array([""] * len(samples))
        columns = [
            *(constant, images),
            *(make_string_array(sample.gold.text for sample in samples), no_image),
            *(make_string_array(negative.caption.text for negative in negatives), no_image),
        ]
    return pa.Table.from_arrays([*columns, *_make_region_columns(samples)], schema=SCHEMAS[split])


def make_provenance_table(
    samples: Sequence[Sample], generator: str, generator_version: str, licence: str | None, seed: int
) -> pa.Table:
    """Make the provenance of samples: what the published formats lack, such as parts of captions and all negatives.

    Args:
        samples: the samples in the order of their rows.
        generator: name of the generator that wrote the captions.
        generator_version: its version.
        licence: licence of the source's annotations; None if it is unknown.
        seed: seed of the build.
    """
    count = len(samples)
    negatives = [negative for sample in samples for negative in sample.negatives]
    negative_columns = pa.StructArray.from_arrays(
        [
            make_string_array(negative.part for negative in negatives),
            *_make_caption_columns([negative.caption for negative in negatives]),
        ],
        fields=list(PROVENANCE_SCHEMA.field("negatives").type.value_type),
    )
    golds = _make_caption_columns([sample.gold for sample in samples])
    columns = [
        make_string_array(sample.id for sample in samples),
        make_string_array(sample.source for sample in samples),
        make_string_array(sample.split for sample in samples),
        make_number_array([sample.region.id for sample in samples], np.int64),
        pa.StructArray.from_arrays(golds, fields=list(PROVENANCE_SCHEMA.field("gold").type)),
        make_string_array(sample.reason for sample in samples),
        make_list_array([len(sample.negatives) for sample in samples], negative_columns),
        make_string_array([generator] * count),
        make_string_array([generator_version] * count),
        pa.nulls(count, pa.string()) if licence is None else make_string_array([licence] * count),
        make_number_array([seed] * count, np.int64),
        _make_author_column(samples),
    ]
    return pa.Table.from_arrays(columns, schema=PROVENANCE_SCHEMA)


def _make_author_column(samples: Sequence[Sample]) -> pa.Array:
    """Make the column of authors; without any, nothing imports pandas, which `pyarrow.array` does for a list."""
    authors = [sample.author for sample in samples]
    return pa.array(authors, pa.string()) if any(authors) else pa.nulls(len(authors), pa.string())


def _make_region_columns(samples: Sequence[Sample]) -> list[pa.Array]:
    """Make the columns that describe the regions; they are the same in both formats."""
    masks = [sample.region.mask for sample in samples]
    sizes = [() if mask is None else mask.size for mask in masks]
    numbers = make_number_array([side for size in sizes for side in size], np.int32)
    segmentation = make_struct_array(
        [
            make_list_array([len(size) for size in sizes], numbers),
            make_string_array("" if mask is None else mask.counts for mask in masks),
        ],
        EVAL_SCHEMA.field("segmentation").type,
        [mask is not None for mask in masks],
    )
    boxes = make_number_array([side for sample in samples for side in sample.region.box.xywh], np.float32)
    return [
        make_list_array([4] * len(samples), boxes),
        segmentation,
        make_string_array(sample.region.category for sample in samples),
        make_number_array([sample.image_id for sample in samples], np.int64),
    ]


def _make_caption_columns(captions: Sequence[Caption]) -> list[pa.Array]:
    return [
        make_string_array(caption.object for caption in captions),
        make_string_array(caption.relation for caption in captions),
        make_string_array(caption.scene for caption in captions),
    ]
