"""Digests of arrays and tensors by all their bytes, on whatever device they lie."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

CHUNK_BYTES = 64 << 20
"""Bytes that a thread hashes at a time. SHA-256 reads 1 to 2 GB/s on a core; several cores reach the memory's speed."""


class UnreadableArray(Exception):  # noqa: N818 - it is caught where it is noted
    """An array or tensor whose numbers cannot be read; the message says why."""


def digest_array(array: np.ndarray[Any, Any]) -> str:
    """Type and shape of an array, and a digest of its bytes, as one text.

    Raises:
        UnreadableArray: it holds Python objects.
    """
    if array.dtype.hasobject:
        raise UnreadableArray("an array of objects")
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return f"{array.dtype} {array.shape} {_digest_chunks(flat.size, lambda start, end: flat[start:end])}"


def digest_tensor(tensor: Any) -> str:
    """Type and shape of a tensor of torch, and a digest of its bytes, as one text; its device does not count.

    Raises:
        UnreadableArray: it has no numbers here, as on the device meta, or its bytes cannot be read.
    """
    head = f"{tensor.dtype} {tuple(tensor.shape)}"
    try:
        if tensor.is_meta:
            raise UnreadableArray("a tensor without numbers, on the device meta")
        return " ".join([head, *map(_digest_dense, _iter_dense_parts(tensor))])
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableArray(f"a {type(tensor).__name__} of type {tensor.dtype} whose bytes cannot be read") from error


def _iter_dense_parts(tensor: Any) -> Iterator[Any]:
    """The dense tensors that a tensor consists of."""
    torch: Any = sys.modules["torch"]
    if tensor.is_quantized:
        yield tensor.dequantize()
    elif tensor.layout == torch.sparse_coo:
        whole = tensor.coalesce()
        yield from (whole.indices(), whole.values())
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    else:
        yield tensor


def _digest_dense(tensor: Any) -> str:
    torch: Any = sys.modules["torch"]
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
    return _digest_chunks(flat.numel(), lambda start, end: flat[start:end].cpu().numpy())


def _digest_chunks(size: int, read: Callable[[int, int], np.ndarray[Any, Any]]) -> str:
    """Hash the bytes of an array chunk by chunk, on all cores; then hash the digests of the chunks."""
    starts = range(0, size, CHUNK_BYTES)

    def digest(start: int) -> bytes:
        return hashlib.sha256(read(start, min(size, start + CHUNK_BYTES)).data).digest()

    if len(starts) <= 1:
        return b"".join(map(digest, starts)).hex()
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        return hashlib.sha256(b"".join(pool.map(digest, starts))).hexdigest()
