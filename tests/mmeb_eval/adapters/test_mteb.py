"""mteb: a model put into its registry here, one that it ships, and what each gets to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.contract import check
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.run.evaluate import evaluate
from scar.errors import DataError, EvalError, UnknownName
from scar.sample import Box

mteb = pytest.importorskip("mteb", reason="needs `pip install 'scar-virtue[adapters]'`")


class Counting:
    """Counts letters and averages colours, as an mteb model: it reads columns of a loader."""

    def __init__(self, name: str, revision: str | None, device: str | None = None, **_: Any) -> None:
        self.mteb_model_meta = meta(name, ["text", "image"])
        self.seen: list[tuple[str, ...]] = []
        self.prompts: list[Any] = []

    def encode(self, inputs: Any, *, task_metadata: Any, prompt_type: Any = None, **_: Any) -> Any:
        import torch

        self.seen.append(tuple(inputs.dataset.features))
        self.prompts += [task_metadata.prompt, prompt_type]
        rows = []
        for batch in inputs:
            for row in range(len(next(iter(batch.values())))):
                vector = np.zeros(30, dtype=np.float32)
                for letter in batch["text"][row] if "text" in batch else "":
                    vector[ord(letter) % 26] += 1
                if "image" in batch:
                    assert batch["image"][row].mode == "RGB"
                    vector[26:29] += np.asarray(batch["image"][row]).mean(axis=(0, 1))
                    vector[29] += batch["image"][row].width
                rows.append(vector + 0.001)
        return torch.tensor(np.stack(rows), dtype=torch.float16)


def meta(name: str, modalities: list[str]) -> Any:
    from mteb.models.model_meta import ModelMeta

    return ModelMeta.create_empty({"name": name, "revision": "r1", "modalities": modalities, "loader": Counting})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> str:
    from mteb.models.model_implementations import MODEL_REGISTRY

    monkeypatch.setitem(MODEL_REGISTRY, "test/counting", meta("test/counting", ["text", "image"]))
    return "mteb:test/counting"


def test_items_come_as_columns_by_kind_and_go_back_in_order(registered: str, picture: Path) -> None:
    embedder: Any = load_model(registered)
    items = [Item("ab", picture), Item("ab"), Item("", picture), Item("cd")]
    vectors = embedder.embed(items)
    assert embedder._model.seen == [("text", "image"), ("text",), ("image",)]
    assert embedder._model.prompts == [None] * 6
    red, green, blue = np.asarray(Image.open(picture)).mean(axis=(0, 1))
    expected = np.zeros((4, 30))
    expected[[0, 1], ord("a") % 26] += 1
    expected[[0, 1], ord("b") % 26] += 1
    expected[3, ord("c") % 26] += 1
    expected[3, ord("d") % 26] += 1
    expected[[0, 2], 26:30] += (red, green, blue, 80)
    expected += 0.001
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-3)
    assert vectors.dtype == np.float32
    assert embedder.settings["revision"] == "r1"
    assert embedder.settings["processor"] == "Counting"
    assert embedder.settings["library"].startswith("mteb 2.")


def test_it_keeps_the_contract_and_scores_a_corpus(registered: str, corpus: Path) -> None:
    embedder = load_model(registered)
    assert [finding.level for finding in check(embedder)] == ["note"]
    result = evaluate(apply_strategy(embedder, "crop"), find_scar_tasks(corpus)[0])
    assert (result.settings["region"], result.counts["queries"]) == ("crop", 40)


def test_a_model_that_mteb_ships_works(picture: Path) -> None:
    embedder = load_model("mteb:mteb/baseline-random-encoder")
    items = [Item("a"), Item("b"), Item("", picture), Item("a", picture)]
    vectors = embedder.embed(items)
    assert vectors.shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(embedder.embed(items[::-1]), vectors[::-1], atol=1e-6)


def test_what_cannot_be_used_is_refused(registered: str, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match=r"unknown model of mteb 'test/countin': did you mean test/counting\?"):
        load_model("mteb:test/countin")
    embedder: Any = load_model(registered)
    with pytest.raises(DataError, match="mteb:test/counting: takes no such prompt as the item"):
        embedder.embed([Item("", picture, Box(1, 1, 5, 5))])
    monkeypatch.setattr(embedder, "_meta", meta("test/counting", ["text"]))
    with pytest.raises(
        DataError, match=r"the item \(image noise.png\): it reads text alone, and the item has an image"
    ):
        embedder.embed([Item("", picture)])
    with pytest.raises(EvalError, match=r"makes no vectors, it only compares"):
        load_model("mteb:mteb/baseline-random-cross-encoder")


def test_apart_a_model_gets_instruction_and_side_as_mteb_gives_them(registered: str) -> None:
    from mteb.types import PromptType

    embedder: Any = load_model(f"{registered}?apart=true")
    assert (embedder.name, embedder.layout) == (f"{registered}?apart=true", "apart")
    items = [
        Item("ab", instruction="Find", side="query"),
        Item("ab", side="document"),
        Item("cd", instruction="Say", side="query"),
    ]
    vectors = embedder.embed(items)
    assert embedder._model.prompts == [
        {"query": "Find"}, PromptType.query, None, PromptType.document, {"query": "Say"}, PromptType.query
    ]  # fmt: skip
    np.testing.assert_allclose(vectors[0], vectors[1])
