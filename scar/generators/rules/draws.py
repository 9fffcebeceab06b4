"""Sample candidates by weight, without replacement, as a pure function of a record and a word.

Each pair of a record and a word has an exponential clock, whose rate is the weight of the word; the words whose clocks
ring first are drawn (Efraimidis and Spirakis, 2006). No other record and no other word changes a clock, so a draw does
not depend on the batch, the order or the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]
Hashes: TypeAlias = NDArray[np.uint64]

_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def hash_texts(texts: Iterable[str]) -> Hashes:
    """(N,) 64-bit hashes of texts, the same on every machine."""
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def mix_hashes(first: Hashes, second: Hashes) -> Floats:
    """A pseudo-random number between 0 and 1, both excluded, for each pair of hashes; the arrays are broadcast.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), of the two hashes one after the other.
    """
    mixed = _finalize(_finalize(first) ^ second) >> np.uint64(11)
    numbers: Floats = (mixed.astype(np.float64) + 0.5) * 2.0**-53
    return numbers


def make_clocks(records: Hashes, words: Hashes, weights: Floats) -> Floats:
    """Draw an exponential random time for each candidate; the earliest ones are a sample by weight.

    Returns (T, M) times: the larger the weight, the earlier; infinite where the weight is 0.

    Args:
        records: (T,) hashes of the records.
        words: (M,) or (T, M) hashes of the words.
        weights: (T, M) weights, 0 or more.
    """
    with np.errstate(divide="ignore"):
        times: Floats = -np.log(mix_hashes(records[:, None], words)) / weights
    return times


def draw_first(clocks: Floats, refused: Bools, count: int) -> Ints:
    """(T, count) columns of the earliest times that are not refused, in their order; -1 where there are no more.

    Args:
        clocks: (T, M) times; an infinite one is never drawn.
        refused: (T, M) whether a candidate is refused.
        count: the number of columns to draw.
    """
    times = np.where(refused, np.inf, clocks)
    count_found = min(count, times.shape[1])
    if not count_found:
        return np.full((len(times), count), -1)
    first = np.argpartition(times, count_found - 1, axis=1)[:, :count_found]
    found = np.take_along_axis(times, first, axis=1)
    order = np.lexsort((first, found), axis=1)
    columns = np.where(np.isfinite(np.take_along_axis(found, order, 1)), np.take_along_axis(first, order, 1), -1)
    return np.pad(columns, ((0, 0), (0, count - count_found)), constant_values=-1)


def _finalize(numbers: Hashes) -> Hashes:
    numbers = (numbers ^ (numbers >> _SHIFTS[0])) * _MULTIPLIERS[0]
    numbers = (numbers ^ (numbers >> _SHIFTS[1])) * _MULTIPLIERS[1]
    mixed: Hashes = numbers ^ (numbers >> _SHIFTS[2])
    return mixed
