"""What columns of numbers are asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from scar.audit.logistic import Ints

T = TypeVar("T")

_PAIRS_AT_ONCE = 1 << 20


def concatenate_ranges(starts: Ints, sizes: Ints) -> Ints:
    """The numbers of some ranges, one after the other.

    >>> ranges(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    before = np.cumsum(sizes) - sizes
    numbers: Ints = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    return numbers


def iter_group_pairs(groups: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of two different rows of one group, those with the same first row beside each other.

    Args:
        groups: (rows,) ascending.

    Yields:
        First and second rows of many pairs; the first rows ascend.

    >>> [np.stack(both).tolist() for both in pairs(np.array([4, 7, 7, 7]))]
    [[[1, 1, 2, 2, 3, 3], [2, 3, 1, 3, 1, 2]]]
    """
    starts, ends = (np.searchsorted(groups, groups, side) for side in ("left", "right"))
    blocks = np.cumsum(ends - starts) // _PAIRS_AT_ONCE
    for rows in np.split(np.arange(len(groups)), np.flatnonzero(np.diff(blocks)) + 1):
        sizes = ends[rows] - starts[rows]
        first, second = np.repeat(rows, sizes), concatenate_ranges(starts[rows], sizes)
        yield first[first != second], second[first != second]


def map_unique_pairs(first: Ints, second: Ints, predicate: Callable[[int, int], T]) -> Any:
    """What a question says of each pair of codes; it is asked of each different pair once."""
    width = int(second.max(initial=0)) + 1
    different, which = np.unique(first * width + second, return_inverse=True)
    return np.array([predicate(*divmod(int(pair), width)) for pair in different], bool)[which]


def map_codes(values: Sequence[str], codes: Ints, find_name: Callable[[str], str], name_codes: dict[str, int]) -> Ints:
    """The codes under which the names of texts stand in ``name_codes``, which grows.

    Args:
        values: the different texts.
        codes: of each text, its place among them.
        find_name: of a text.
        name_codes: code of each name.
    """
    place = np.full(len(values), -1, np.int64)
    for code in np.unique(codes):
        place[code] = name_codes.setdefault(find_name(values[code]), len(name_codes))
    return place[codes]
