"""Rows of the published formats, as plain dictionaries, -> `Sample`s; `scar.formats.schema` goes the other way."""

from __future__ import annotations

from typing import Any

from scar.sample import NEGATIVES_PER_PART, PARTS, Box, Caption, Mask, Negative, Region, Sample, Split


def sample_from_row(row: dict[str, Any], note: dict[str, Any] | None, source: str, split: Split, number: int) -> Sample:
    """Sample from a row of either format.

    Args:
        row: with the columns of the split.
        note: its provenance row. Without one only texts are known: they stand in `Caption.object`, the negative of a
            train row counts as an object swap, and the region's id is the row's number.
        source: name, where ``note`` does not give one.
        split: which format the row has.
        number: of the row in its file, from 0.

    Raises:
        ValueError: a value is missing or has another shape.
    """
    try:
        region = region_from_row(row, number if note is None else note["region_id"])
        return _make_sample(row, note, region, source, split)
    except (TypeError, KeyError) as error:
        raise ValueError(f"a value is missing or has another shape ({error})") from None


def region_from_row(row: dict[str, Any], number: int) -> Region:
    """Region from a row of either format.

    Raises:
        ValueError: a value is missing or has another shape.
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
    if note is not None:
        source, gold = note["source"], Caption(**note["gold"])
        negatives = tuple(_make_negative(**negative) for negative in note["negatives"])
    elif split == "eval":
        gold, *others = [Caption(text, "", "") for text in row["tgt_text"] or [""]]
        parts = [part for part in PARTS for _ in range(NEGATIVES_PER_PART)]
        if len(others) != len(parts):
            raise ValueError(f"{1 + len(others)} captions, not {1 + len(parts)}")
        negatives = tuple(map(Negative, parts, others))
    else:
        gold = Caption(row["pos_text"], "", "")
        negatives = (Negative("object", Caption(row["neg_text"], "", "")),)

    return Sample(
        id=f"{source}/{split}/{region.id}",
        source=source,
        split=split,
        image=row["qry_image_path"],
        image_id=row["image_id"],
        region=region,
        gold=gold,
        negatives=negatives,
    )


def _make_negative(part: Any, **elements: str) -> Negative:
    return Negative(part, Caption(**elements))
