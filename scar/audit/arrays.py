"""Operations on arrays of codes (indices of texts), which several counts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scar.audit.logistic import Ints

PAIRS_PER_BLOCK = 1 << 20
"""Pairs that are in memory at once, besides those of one more row."""


def concatenate_ranges(starts: Ints, sizes: Ints) -> Ints:
    """The numbers of several ranges, one range after the other; each has a start and a size.

    >>> concatenate_ranges(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    sizes_before = np.cumsum(sizes) - sizes
    numbers: Ints = np.arange(int(sizes.sum())) + np.repeat(starts - sizes_before, sizes)
    return numbers


def iter_group_pairs(groups: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield all ordered pairs of two different rows of one group: (a, b) and (b, a).

    Args:
        groups: (rows,) group number of each row, ascending.

    Yields:
        A block of pairs: (pairs,) index of the first row, ascending, and (pairs,) index of the second row. All pairs
        with the same first row are in one block.

    >>> [np.stack(pairs).tolist() for pairs in iter_group_pairs(np.array([4, 7, 7, 7]))]
    [[[1, 1, 2, 2, 3, 3], [2, 3, 1, 3, 1, 2]]]
    """
    starts, ends = (np.searchsorted(groups, groups, side) for side in ("left", "right"))
    blocks = np.cumsum(ends - starts) // PAIRS_PER_BLOCK
    for rows in np.split(np.arange(len(groups)), np.flatnonzero(np.diff(blocks)) + 1):
        sizes = ends[rows] - starts[rows]
        first, second = np.repeat(rows, sizes), concatenate_ranges(starts[rows], sizes)
        yield first[first != second], second[first != second]


def map_unique_pairs(first: Ints, second: Ints, predicate: Callable[[int, int], bool]) -> NDArray[np.bool_]:
    """Test pairs of codes; the predicate is called once for each different pair.

    Args:
        first: (pairs,) first code of each pair.
        second: (pairs,) second code of each pair.
        predicate: takes both codes of a pair.

    Returns:
        (pairs,) whether the predicate holds.
    """
    width = int(second.max(initial=0)) + 1
    different, inverse = np.unique(first * width + second, return_inverse=True)
    found: NDArray[Any] = np.array([predicate(*divmod(int(pair), width)) for pair in different], bool)
    return found[inverse]


def map_codes(values: Sequence[str], codes: Ints, find_name: Callable[[str], str], name_codes: dict[str, int]) -> Ints:
    """Replace the code of each text by the code of its name.

    Args:
        values: the different texts.
        codes: (texts,) index in ``values`` of each text.
        find_name: finds the name of a text.
        name_codes: code by name; a new name is added with the next code.

    Returns:
        (texts,) code of each text's name, from ``name_codes``.
    """
    mapped = np.full(len(values), -1, np.int64)
    for code in np.unique(codes):
        mapped[code] = name_codes.setdefault(find_name(values[code]), len(name_codes))
    return mapped[codes]
