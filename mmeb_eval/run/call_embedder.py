"""Calls an embedder and checks what it returns; an exception in its code becomes one line that names the item."""

from __future__ import annotations

from collections.abc import Sequence

from mmeb_eval.embedder import Embedder
from mmeb_eval.foreign_code import describe_exception, is_ours
from mmeb_eval.item import Item, describe_item
from mmeb_eval.multi_vectors import Vectors, check_multi_vectors
from mmeb_eval.vectors import check_vectors
from mmeb_eval.wrapped_embedder import unwrap_embedder
from scar.errors import ContractError, DataError, ItemError, ScarError

OUT_OF_MEMORY = (
    "out of memory", "resource_exhausted", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed",
)  # fmt: skip
"""What errors of PyTorch, its backends and JAX say, in small letters, when memory runs out."""


class OutOfMemory(ContractError):  # noqa: N818 - named after what happened
    """Memory ran out on a batch of several items."""


def call_embedder(embedder: Embedder, items: Sequence[Item]) -> Vectors:
    """Embed a batch of at least one item; return (len(items), D) checked float32 rows, or several for each item.

    An exception in our own code is a bug, and keeps its traceback.

    Raises:
        OutOfMemory: memory ran out, and there are several items.
        ContractError: the vectors break the contract, or code that is not ours raised an exception. In the latter case
            each item is embedded alone: the error names the first one that fails alone, and holds it as ``item``. If
            none does, the error says so, and holds the first item of the batch.
        DataError: the embedder raised an `ItemError` that tells the item; this error names and holds the item.
        ScarError: the embedder raised it.
    """
    try:
        return check_any_vectors(embedder, embedder.embed(items), items)  # a generator runs here
    except ItemError as error:
        if error.index is None:
            raise
        item = items[error.index]
        raise DataError(f"{embedder.name}: {describe_item(item)}: {error.reason}", item) from error
    except ScarError:
        raise
    except (Exception, SystemExit) as error:  # sys.exit would end the run without a word
        if is_out_of_memory(error):
            if len(items) > 1:
                raise OutOfMemory(f"{embedder.name}: memory ran out on {len(items)} items") from error
            raise ContractError(f"{embedder.name}: memory ran out on {describe_item(items[0])}.", items[0]) from error
        if is_ours(type(unwrap_embedder(embedder)).__module__):
            raise
        failing = _find_failing_item(embedder, items) if len(items) > 1 else items[0]
        if failing is None:
            where = f"on {len(items)} items at once, though each passes alone; a smaller --batch-size may help"
        else:
            where = f"on {describe_item(failing)}"
        raise ContractError(
            f"{embedder.name}: embed raised {describe_exception(error)}; it failed {where}.", failing or items[0]
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, that of the machine or of a device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


def _find_failing_item(embedder: Embedder, items: Sequence[Item]) -> Item | None:
    """The first item that fails alone, too; None if each passes."""
    for item in items:
        try:
            check_any_vectors(embedder, embedder.embed([item]), [item])
        except (Exception, SystemExit):  # noqa: BLE001 - the author's code can raise anything
            return item
    return None


def check_any_vectors(embedder: Embedder, vectors: object, items: Sequence[Item]) -> Vectors:
    """Check what an embedder returned, by its ``multi_vector``; see `check_vectors` and `check_multi_vectors`.

    Raises:
        ContractError: the vectors break the contract.
    """
    if getattr(embedder, "multi_vector", False):
        return check_multi_vectors(vectors, items, embedder.name)
    return check_vectors(vectors, items, embedder.name)
