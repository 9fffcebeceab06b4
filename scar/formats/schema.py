"""`Sample`s as columns: the published formats, and the provenance that stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pyarrow as pa

from scar.sample import Caption, Sample, Split

INSTRUCTION = (
    "<|image_1|>\nFind the caption that best describes the segmented object, "
    "considering both local details and global context in the given image."
)

_REGION: list[tuple[str, pa.DataType]] = [
    ("bbox", pa.list_(pa.float32())),
    ("segmentation", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),
    ("category", pa.string()),
    ("image_id", pa.int64()),
]

EVAL_SCHEMA = pa.schema(
    [("qry_text", pa.string()), ("qry_image_path", pa.string()), ("tgt_text", pa.list_(pa.string())), *_REGION]
)

TRAIN_SCHEMA = pa.schema(
    [
        ("qry", pa.string()),
        ("qry_image_path", pa.string()),
        ("pos_text", pa.string()),
        ("pos_image_path", pa.string()),
        ("neg_text", pa.string()),
        ("neg_image_path", pa.string()),
        *_REGION,
    ]
)

SCHEMAS: dict[Split, pa.Schema] = {"eval": EVAL_SCHEMA, "train": TRAIN_SCHEMA}

_ELEMENTS = [("object", pa.string()), ("relation", pa.string()), ("scene", pa.string())]

PROVENANCE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("region_id", pa.int64()),
        ("gold", pa.struct(_ELEMENTS)),
        ("negatives", pa.list_(pa.struct([("part", pa.string()), *_ELEMENTS]))),
        ("generator", pa.string()),
        ("generator_version", pa.string()),
        ("licence", pa.string()),
        ("seed", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the provenance says of all samples of one build alike."""

    generator: str
    generator_version: str
    licence: str | None
    seed: int


def make_row_table(samples: Sequence[Sample], split: Split, seed: int) -> pa.Table:
    """Rows of the published format of a split.

    An eval row has the ten captions to rank, gold first; a train row the gold one and one negative, drawn by ``seed``
    and the sample's id.
    """
    count = len(samples)
    images = [sample.image for sample in samples]
    if split == "eval":
        texts = [text for sample in samples for text in sample.captions]
        lengths = [1 + len(sample.negatives) for sample in samples]
        columns = [_constant_column(INSTRUCTION, count), images, _list_column(lengths, pa.array(texts, pa.string()))]
    else:
        negatives = [
            Random(f"{seed}/{sample.id}/negative").choice(sample.negatives)  # noqa: S311 - a draw, not a secret
            for sample in samples
        ]
        columns = [
            *(_constant_column(INSTRUCTION, count), images),
            *([sample.gold.text for sample in samples], _constant_column("", count)),
            *([negative.caption.text for negative in negatives], _constant_column("", count)),
        ]
    return _make_table([*columns, *_region_columns(samples)], SCHEMAS[split])


def make_provenance_table(samples: Sequence[Sample], origin: Origin) -> pa.Table:
    """What the published formats have no column for: elements, kinds, all nine negatives, the source's record."""
    count = len(samples)
    negatives = [negative for sample in samples for negative in sample.negatives]
    parts = pa.array([negative.part for negative in negatives], pa.string())
    swaps = pa.StructArray.from_arrays(
        [parts, *_element_columns([negative.caption for negative in negatives])],
        fields=list(PROVENANCE_SCHEMA.field("negatives").type.value_type),
    )
    golds = _element_columns([sample.gold for sample in samples])
    columns = [
        [sample.id for sample in samples],
        [sample.source for sample in samples],
        [sample.split for sample in samples],
        [sample.region.id for sample in samples],
        pa.StructArray.from_arrays(golds, fields=list(PROVENANCE_SCHEMA.field("gold").type)),
        _list_column([len(sample.negatives) for sample in samples], swaps),
        _constant_column(origin.generator, count),
        _constant_column(origin.generator_version, count),
        _constant_column(origin.licence, count),
        [origin.seed] * count,
    ]
    return _make_table(columns, PROVENANCE_SCHEMA)


def _region_columns(samples: Sequence[Sample]) -> list[object]:
    """The columns of `_REGION`."""
    masks = [sample.region.mask for sample in samples]
    size = [None if mask is None else mask.size for mask in masks]
    counts = [None if mask is None else mask.counts for mask in masks]
    size_field, counts_field = EVAL_SCHEMA.field("segmentation").type
    segmentation = pa.StructArray.from_arrays(
        [pa.array(size, size_field.type), pa.array(counts, counts_field.type)],
        fields=[size_field, counts_field],
        mask=pa.array([mask is None for mask in masks], pa.bool_()),
    )
    boxes = np.array([sample.region.box.xywh for sample in samples], np.float32)
    return [
        _list_column([4] * len(samples), pa.array(boxes.reshape(-1), pa.float32())),
        segmentation,
        [sample.region.category for sample in samples],
        [sample.image_id for sample in samples],
    ]


def _element_columns(captions: Sequence[Caption]) -> list[pa.Array]:
    """The columns of `_ELEMENTS`."""
    return [
        pa.array([caption.object for caption in captions], pa.string()),
        pa.array([caption.relation for caption in captions], pa.string()),
        pa.array([caption.scene for caption in captions], pa.string()),
    ]


def _constant_column(text: str | None, count: int) -> pa.Array:
    return pa.array([text] * count, pa.string())


def _list_column(lengths: Sequence[int], values: pa.Array) -> pa.ListArray:
    """A list column of the values, so many to each row."""
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths]), pa.int32()), values)


def _make_table(columns: Sequence[object], schema: pa.Schema) -> pa.Table:
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
