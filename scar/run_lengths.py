"""Decode COCO's compressed run lengths, and check that they fill an image: pycocotools does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def decode_runs(counts: str) -> NDArray[np.int64]:
    """Decode run lengths from COCO's compressed text. Runs outside and inside of the thing alternate, outside first.

    A character has five bits of a number, the low bits first. Bit 5 says that the number continues in the next
    character; bit 4 of its last character is the sign. From the fourth run on, the number is the length of the run
    minus the length of the run two before it.

    Returns:
        (R,) lengths in pixels.

    Raises:
        ValueError: ``counts`` does not have this form.

    >>> decode_runs("1230N").tolist()
    [1, 2, 3, 2, 1]
    """
    import numpy as np

    if not counts:
        return np.zeros(0, np.int64)
    if not counts.isascii():
        raise ValueError("a character outside of '0'..'o'")
    code = np.frombuffer(counts.encode(), np.uint8) - np.uint8(48)  # a character before '0' becomes a large number
    if np.maximum.reduce(code) > 63:  # code.max() takes twice as long, and there are many masks
        raise ValueError("a character outside of '0'..'o'")
    ends = (code < 32).nonzero()[0]
    if not len(ends) or ends[-1] != len(code) - 1:
        raise ValueError("it ends within a number")
    starts = np.concatenate(([0], ends[:-1] + 1))
    digits = ends + 1 - starts
    if np.maximum.reduce(digits) > 7:
        raise ValueError("a run of more than 32 bits")
    digit = np.arange(len(code)) - np.repeat(starts, digits)  # of its number
    stored = np.add.reduceat((code & 31).astype(np.int64) << (5 * digit), starts)
    stored -= (code[ends] & 16).astype(np.int64) << (5 * digits - 4)  # the sign
    stored[1::2] = np.add.accumulate(stored[1::2])
    stored[2::2] = np.add.accumulate(stored[2::2])
    if np.minimum.reduce(stored) < 0:
        raise ValueError("a run of negative length")
    return stored


def decode_full_runs(counts: str, size: tuple[int, int]) -> NDArray[np.int64]:
    """Decode run lengths, as `decode_runs` does, and check that they fill an image of ``size``: height and width.

    Raises:
        ValueError: they do not, or ``counts`` is no run-length code.
    """
    import numpy as np

    lengths = decode_runs(counts)
    filled, pixels = int(np.add.reduce(lengths)), size[0] * size[1]
    if min(size) < 1 or filled != pixels:
        raise ValueError(f"its runs fill {filled} of {pixels} pixels")
    return lengths
