"""Features of captions as classes of numbers: the least, mean and largest value of what a caption consists of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scar.audit.caption_codes import CodedFeatures, hash_text
from scar.audit.logistic import Floats, Ints

SUMMARIES = ("least", "mean", "most")


def summarize_by_caption(values: Floats, captions: Ints, caption_count: int) -> Floats:
    """Summarise the values of each caption.

    Args:
        values: (values,) the values.
        captions: (values,) caption of each value, ascending.
        caption_count: number of captions.

    Returns:
        (captions, 3) the `SUMMARIES` of each caption's values; NaN for a caption without any.
    """
    sizes = np.bincount(captions, minlength=caption_count)
    starts, filled = np.cumsum(sizes) - sizes, sizes > 0
    found = np.full((caption_count, len(SUMMARIES)), np.nan)
    if filled.any():
        reduced = [each.reduceat(values, starts[filled]) for each in (np.minimum, np.add, np.maximum)]
        reduced[1] = reduced[1] / sizes[filled]
        found[filled] = np.stack(reduced, axis=1)
    return found


def list_classes(name: str, values: Floats, edges: Sequence[float]) -> CodedFeatures:
    """The class of each value of each caption.

    Args:
        name: name of the values.
        values: (captions, kinds) values; a NaN has no class.
        edges: edges between the classes, ascending.
    """
    is_known: NDArray[np.bool_] = ~np.isnan(values)
    rows, kinds = np.nonzero(is_known)
    count = len(edges) + 1
    codes = [hash_text(f"{name} {kind} {number}") for kind in range(values.shape[1]) for number in range(count)]
    columns = kinds * count + np.digitize(values[is_known], edges)
    captions = np.arange(len(values))
    return CodedFeatures(rows, columns, np.array(codes, np.uint64), captions, len(captions))
