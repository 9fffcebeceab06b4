"""Any model of mteb's registry, run by the code of mteb."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmeb_eval.adapters.shared import embed_by_kind, make_image_error, make_load_error, normalise_rows
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
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
    """A model of mteb's registry; it gets no task prompt from mteb, as the texts contain the instruction.

    Args:
        model_id: name of the model in mteb's registry.

    Raises:
        UnknownName: the registry has no such model.
        EvalError: the model cannot be loaded, or only compares items without making vectors.
    """

    def __init__(self, model_id: str) -> None:
        import mteb
        from mteb.models.model_implementations import MODEL_REGISTRY

        self.name = f"mteb:{model_id}"
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

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened or that the model does not take.
            ContractError: the model does not give each item one vector; or there is no item.
        """
        return embed_by_kind(items, self.name, self._encode_items)

    def _encode_items(self, items: Sequence[Item], has_text: bool, has_image: bool) -> NDArray[np.float32]:
        """Rows of L2 norm 1 for items with the same kinds of content: text, image or both."""
        from torch.utils.data import DataLoader

        if has_image and "image" not in self._meta.modalities:
            raise make_image_error(self.name, items[0])
        rows: Any = ItemDataset(items, has_text, has_image)
        loader = DataLoader(rows, batch_size=len(items), collate_fn=_collate_columns)
        encoded = self._model.encode(
            loader,
            task_metadata=_make_task_metadata(),
            hf_split="test",
            hf_subset="default",
            prompt_type=None,
            batch_size=len(items),
            show_progress_bar=False,
        )
        return normalise_rows(encoded, self.name, len(items))


def load(model_id: str) -> MtebEmbedder:
    """Load a model by its name in mteb's registry.

    Raises:
        UnknownName: the registry has no such model.
        EvalError: the model cannot be loaded, or only compares items without making vectors.
    """
    return MtebEmbedder(model_id)


def _collate_columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}


def _make_task_metadata() -> Any:
    """Metadata of a task without a prompt; mteb's models require metadata of some task."""
    from mteb.abstasks.task_metadata import TaskMetadata

    return TaskMetadata(
        name="MMEB",
        description="Items of MMEB and SCaR, whose texts hold the instruction.",
        dataset={"path": "TIGER-Lab/MMEB-eval", "revision": "main"},
        type="Any2AnyRetrieval",
        modalities=["text", "image"],
        eval_langs=["eng-Latn"],
        main_score="hit_rate_at_1",
    )
