"""Any model of mteb's registry, run by the code of mteb."""

from __future__ import annotations

import importlib.metadata
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mmeb_eval.adapters.shared import (
    TEXT_ALONE,
    embed_by_kind,
    group_items,
    list_items,
    make_load_error,
    make_refusal_error,
    name_options,
    normalise_rows,
)
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item, Side
from mmeb_eval.vectors import make_rows
from scar.errors import EvalError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ItemDataset:
    """Items as a dataset in mteb's format: rows by index, and the names of their columns in `features`.

    Args:
        items: the items, a row each.
        has_text: whether the rows have a column ``text``.
        has_image: whether the rows have a column ``image``, of opened images.
    """

    def __init__(self, items: Sequence[Item], has_text: bool, has_image: bool) -> None:
        self._items = items
        self.features = [name for name, there in (("text", has_text), ("image", has_image)) if there]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, row: int) -> dict[str, Any]:
        item = self._items[row]
        values = {"text": item.text, "image": None if item.image is None else open_rgb(item.image)}
        return {name: values[name] for name in self.features}


class MtebEmbedder:
    """A model of mteb's registry.

    Args:
        model_id: name of the model in mteb's registry.
        apart: whether the model gets instruction and side from mteb, as the prompt of a task and its ``prompt_type``.
            Else it gets neither, and the texts contain the instruction.

    Raises:
        UnknownName: the registry has no such model.
        EvalError: the model cannot be loaded, or only compares items without making vectors.
    """

    def __init__(self, model_id: str, *, apart: bool = False) -> None:
        import mteb
        from mteb.models.model_implementations import MODEL_REGISTRY

        self.name = f"mteb:{model_id}{name_options({'apart': apart})}"
        self.layout = "apart" if apart else "plain"
        if model_id not in MODEL_REGISTRY:
            raise UnknownName(
                "model of mteb", model_id, MODEL_REGISTRY, f"its registry has {len(MODEL_REGISTRY):,} others."
            )
        try:
            self._model: Any = mteb.get_model(model_id)
        except (ImportError, OSError, ValueError) as error:
            raise make_load_error(self.name, error) from error
        if not callable(getattr(self._model, "encode", None)):
            raise EvalError(f"{self.name}: {type(self._model).__name__} makes no vectors, it only compares.")
        self._meta = self._model.mteb_model_meta

    @property
    def settings(self) -> dict[str, Any]:
        """Revision of the weights, class of the model, and version of mteb."""
        return {
            "revision": self._meta.revision,
            "processor": type(self._model).__name__,
            "library": f"mteb {importlib.metadata.version('mteb')}",
        }

    def find_refusal(self, item: Item) -> str | None:
        """`TEXT_ALONE` for an item with an image if the registry says that the model takes none; else None."""
        return None if item.image is None or "image" in self._meta.modalities else TEXT_ALONE

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened or that the model does not take.
            ContractError: the model does not give each item one vector; or there is no item.
        """
        listed = list_items(items, self.name)
        vectors: list[Any] = [None] * len(listed)
        for (side, instruction), rows in group_items([(item.side, item.instruction) for item in listed]).items():
            encode = partial(self._encode_items, side, instruction)
            for row, vector in zip(rows, embed_by_kind([listed[row] for row in rows], self.name, encode), strict=True):
                vectors[row] = vector
        return make_rows(vectors, self.name, len(vectors))

    def _encode_items(
        self, side: Side | None, instruction: str, items: Sequence[Item], has_text: bool, has_image: bool
    ) -> NDArray[np.float32]:
        """Rows of L2 norm 1 for items with the same kinds of content, side and instruction."""
        from mteb.types import PromptType
        from torch.utils.data import DataLoader

        if (reason := self.find_refusal(items[0])) is not None:
            raise make_refusal_error(self.name, items[0], reason)
        rows: Any = ItemDataset(items, has_text, has_image)
        loader = DataLoader(rows, batch_size=len(items), collate_fn=_collate_columns)
        encoded = self._model.encode(
            loader,
            task_metadata=_make_task_metadata(instruction),
            hf_split="test",
            hf_subset="default",
            prompt_type=side and PromptType(side),
            batch_size=len(items),
            show_progress_bar=False,
        )
        return normalise_rows(encoded, self.name, len(items))


def load(model_id: str, /, *, apart: bool = False) -> MtebEmbedder:
    """Load a model by its name in mteb's registry; ``apart`` gives it instruction and side as mteb does.

    Raises:
        UnknownName: the registry has no such model.
        EvalError: the model cannot be loaded, or only compares items without making vectors.
    """
    return MtebEmbedder(model_id, apart=apart)


def _collate_columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}


def _make_task_metadata(instruction: str) -> Any:
    """Metadata of a task whose prompt for queries is the instruction, if there is one.

    Each instruction has a task's name of its own, as models may keep prompts by name.
    """
    from mteb.abstasks.task_metadata import TaskMetadata

    prompt: Any = {"query": instruction} if instruction else None
    return TaskMetadata(
        name=f"MMEB{zlib.crc32(instruction.encode())}" if instruction else "MMEB",
        prompt=prompt,
        description="Items of MMEB and SCaR.",
        dataset={"path": "TIGER-Lab/MMEB-eval", "revision": "main"},
        type="Any2AnyRetrieval",
        modalities=["text", "image"],
        eval_langs=["eng-Latn"],
        main_score="hit_rate_at_1",
    )
