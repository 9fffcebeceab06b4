"""Draw the images whose samples the judges learn from and are tested on."""

from __future__ import annotations

from hashlib import blake2b
from itertools import accumulate

import pyarrow as pa

from scar.audit.row_blocks import raise_bad_row
from scar.common.arrow import open_parquet
from scar.formats.reader import RowFile


def choose_images(file: RowFile, capacity: int, seed: str) -> frozenset[str]:
    """Draw images of a file, each with all its samples, that have at most ``capacity`` samples together.

    At least one image is drawn. Whether an image is drawn depends on nothing but its path, the seed, and how many
    samples the images before it have: so a draw of more samples has all images of a draw of fewer.

    Raises:
        InputError: the file is damaged, or a path is missing.
    """
    try:
        counted = open_parquet(file.path).read(["qry_image_path"])["qry_image_path"].value_counts()
        if counted.field("values").null_count:
            raise ValueError("a value is missing")
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        raise_bad_row(file, error)
    ordered = sorted(
        zip(*(column.to_pylist() for column in counted.flatten()), strict=True),
        key=lambda entry: blake2b(f"{seed}/{entry[0]}".encode(), digest_size=8).digest(),
    )
    totals = accumulate(count for _, count in ordered)
    return frozenset(
        image
        for number, ((image, _), total) in enumerate(zip(ordered, totals, strict=True))
        if total <= capacity or not number
    )
