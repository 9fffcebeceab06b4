"""Ids of annotation files: whole numbers, or whatever tools write instead of them.

A record without an id of its own, or with one that an earlier record has, gets a number. So do ids that are no numbers.
Numbers of any other kind, such as ``"7"`` or ``7.0``, stay what they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_ID = -(2**63)
"""Stands for an id that is missing."""

LAST_CODE = -(2**62)
"""Codes of texts are `NO_ID` < code <= `LAST_CODE`; no file has such a number as an id."""

_MAX_ID, _MAX_DIGITS = 2**63 - 1, 19


def number_id(value: Any) -> int:
    """The number of an id: the same in every file and process, so that ids of several files can be compared.

    Args:
        value: the id as JSON gives it.

    Returns:
        A whole number as itself, whether it is written as an integer, a float or a text of digits. A code for any other
        text and for a number that 64 bits do not hold; `is_code` tells it. `NO_ID` for None, an empty text, and a value
        that is no id.

    >>> number_id("0007"), number_id(7.0), is_code(number_id("3f2a-11"))
    (7, 7, True)
    """
    if isinstance(value, bool) or value is None:
        return NO_ID
    if isinstance(value, float):
        value = int(value) if value.is_integer() else repr(value) if value == value else None
    if isinstance(value, str):
        value = value.strip()
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS:
            value = int(value)
    if isinstance(value, int) and LAST_CODE < value <= _MAX_ID:
        return value
    return encode_text(str(value)) if isinstance(value, str | int) and value != "" else NO_ID


def encode_text(text: str) -> int:
    """The code of a text, which is always the same. Two of a million texts have the same with a chance of 10^-7."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return NO_ID + 1 + int.from_bytes(digest, "big") % (LAST_CODE - NO_ID)


def is_code(number: int) -> bool:
    """Whether a number is `NO_ID`, or the code of a text."""
    return number <= LAST_CODE


def has_codes(numbers: NDArray[np.int64]) -> bool:
    """Whether any of (M,) numbers is `NO_ID` or stands for a text, see `encode_text`."""
    return bool(len(numbers)) and is_code(int(numbers.min()))


def iter_free_numbers(highest: int) -> Iterator[int]:
    """Yield unused numbers: those above ``highest``, from 1 if it is negative; below it if 64 bits hold none above."""
    return count(max(highest, 0) + 1) if highest < 2**62 else count(-1, -1)
