"""The model against the outputs of the official code, vector by vector, and against its own golden file."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mmeb_eval.item import Item, Points, Prompt
from scar.sample import Box
from tests.shared import SHARED
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.batch import ItemBatch
from virtue_ref.model.segmenters.sam import SamSegmenter

REFERENCE = SHARED / "golden" / "virtue"


EMBEDDING_ATOL, INTERMEDIATE_ATOL = 2e-5, 1e-4


CORRUPTED_BY_ITS_NEIGHBOURS = "mixed_batch"
"""The one case whose batched rows the reference itself gets wrong; alone, its rows are as good as any."""


Case = dict[str, Any]


def cases() -> list[Case]:
    path = REFERENCE / "cases.json"
    listed: list[Case] = json.loads(path.read_text())["cases"] if path.is_file() else []
    return listed


CASES = [pytest.param(case, id=case["id"]) for case in cases()]


PICTURED = [pytest.param(case, id=case["id"]) for case in cases() if any(case["images"]) and "sam_disabled" not in case]


@functools.lru_cache(maxsize=8)
def model(
    segmenter: bool, resolution: str | None, min_pixels: int, max_pixels: int, max_length: int | None
) -> VirtueEmbedder:
    return load(
        REFERENCE / "virtue-tiny",
        device="cpu",
        resolution=resolution,
        min_pixels=min_pixels,
        max_pixels=max_pixels,
        max_length=max_length,
        segmenter_package="sam2" if segmenter else "none",
    )


def model_of(case: Case) -> VirtueEmbedder:
    limits = case["min_pixels"], case["max_pixels"], case["max_length"]
    return model("sam_disabled" not in case, case["pre_resize"], *limits)


def items_of(case: Case) -> Iterator[Item]:
    drawn = case["visual_prompt"]
    boxes = drawn["bboxes"] or []
    boxes = boxes * len(case["images"]) if len(boxes) == 1 else boxes
    for index, (text, image) in enumerate(zip(case["texts_final"], case["images"], strict=True)):
        prompt: Prompt | None = None
        if image and drawn["point"]:
            prompt = Points((tuple(drawn["point"]),), (1,), Box(*boxes[index]) if boxes else None)
        elif image and boxes:
            prompt = Box(*boxes[index])
        yield Item(text, REFERENCE / image if image else None, prompt)


def make_batch(case: Case) -> tuple[VirtueEmbedder, list[Path], ItemBatch]:
    """The case's images and its batch as the model gets them."""
    virtue = model_of(case)
    prepared = [virtue.collator.prepare_item(item, index) for index, item in enumerate(items_of(case))]
    images = [each.item.image for each in prepared if isinstance(each.item.image, Path)]
    return virtue, images, virtue.collator.make_batch(prepared, images)


@pytest.fixture(scope="session")
def golden(reference: Path) -> NDArray[Any]:
    return np.load(reference / "embeddings.npz")  # type: ignore[no-any-return]


def close(ours: torch.Tensor | NDArray[Any], theirs: NDArray[Any]) -> None:
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=0, atol=INTERMEDIATE_ATOL)


def field(golden: dict[str, NDArray[Any]], case: Case, name: str) -> NDArray[Any]:
    return golden[f"{case['id']}/{name}"]


def mean_std(values: torch.Tensor) -> NDArray[Any]:
    return np.array([values.double().mean(), values.double().std(correction=0)])


def test_the_reference_is_complete(reference: Path) -> None:
    assert len(cases()) >= 25
    assert [case["id"] for case in cases() if case.get("reference_quirk")] == [CORRUPTED_BY_ITS_NEIGHBOURS]


@pytest.mark.parametrize("case", CASES)
def test_vectors(case: Case, golden: dict[str, NDArray[Any]]) -> None:
    vectors = model_of(case).embed(list(items_of(case)))
    expected = golden[f"{case['id']}/steady/embedding_row_alone"]
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=EMBEDDING_ATOL)


@pytest.mark.parametrize("case", CASES)
def test_tokens_and_positions(case: Case, golden: dict[str, NDArray[Any]]) -> None:
    _, _, batch = make_batch(case)
    for row, (ids, mask) in enumerate(
        zip(golden[f"{case['id']}/input_ids"], golden[f"{case['id']}/attention_mask"], strict=True)
    ):
        length = int(batch.lengths[row])
        assert batch.ids[row, :length].tolist() == ids[mask == 1].tolist()
    if case["batch_size"] == 1:
        expected = golden[f"{case['id']}/steady/position_ids"]
        for axis in expected:
            assert batch.positions.tolist() == axis.tolist()


@pytest.mark.parametrize("case", PICTURED)
def test_pixels(case: Case, golden: dict[str, NDArray[Any]]) -> None:
    virtue, images, _ = make_batch(case)
    pictures = virtue.collator.open_images(images)
    of = functools.partial(field, golden, case)
    assert pictures.grids.tolist() == of("image_grid_thw").tolist()
    assert pictures.squares is not None
    per_image = torch.split(pictures.patches, pictures.grids.prod(-1).tolist())
    for index, (patches, frame) in enumerate(zip(per_image, pictures.squares, strict=True)):
        np.testing.assert_array_equal(patches[0, :16], of("pixel_values_first_patch16")[index])
        np.testing.assert_allclose(mean_std(patches), of("pixel_values_mean_std")[index], rtol=0, atol=1e-7)
        np.testing.assert_allclose(frame[:, 0, :8], of("sam_input_first8")[index], rtol=0, atol=1e-6)
        np.testing.assert_allclose(frame[:, ::64, ::64], of("sam_input_grid")[index], rtol=0, atol=1e-6)
        np.testing.assert_allclose(mean_std(frame), of("sam_input_mean_std")[index], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", PICTURED)
@torch.inference_mode()
def test_intermediates(case: Case, golden: dict[str, NDArray[Any]]) -> None:
    virtue, images, batch = make_batch(case)
    of = functools.partial(field, golden, case)
    segmenter, connector = virtue.model.segmenter, virtue.model.connector
    assert isinstance(segmenter, SamSegmenter)
    assert connector is not None
    seen = virtue.image_cache.get_features(images)
    clicks = [prompt for prompt in batch.prompts if prompt is not None]
    given = segmenter.embed_points(clicks)
    for row, prompt in enumerate(clicks):
        close(np.array(prompt.xy), of("prompt_coords")[row % len(of("prompt_coords"))])
        assert list(prompt.labels) == of("prompt_labels")[row % len(of("prompt_labels"))].tolist()
        close(given[row], of("sparse_prompt_embeddings")[row % len(of("sparse_prompt_embeddings"))])
    maps = segmenter.decode([image.segmenter_map for image in seen if image.segmenter_map is not None], clicks)
    tokens = virtue.model.make_segment_tokens(batch, seen)
    for index, image in enumerate(seen):
        close(mean_std(image.tokens), of("image_embeds_mean_std")[index])
        close(image.tokens[:2], of("image_embeds_first2")[index])
        close(mean_std(maps[index]), of("mask_embedding_mean_std")[index])
        close(maps[index].mean((1, 2)), of("mask_embedding_channel_mean")[index])
        close(maps[index][:, 0, 0], of("mask_embedding_corner")[index])
        close(mean_std(connector.reducer(maps[index : index + 1])), of("reduced_mean_std")[index])
        close(mean_std(tokens[index]), of("segment_mean_std")[index])
        close(tokens[index][:4], of("segment_first4")[index])
        close(tokens[index].norm(dim=-1), of("segment_norms")[index])


OWN_ATOL = 2e-5


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", Path(__file__).parent / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vectors_are_those_of_the_golden_file(maker: ModuleType) -> None:
    golden = json.loads(maker.GOLDEN.read_text())
    computed = maker.compute()
    assert [record["options"] for record in golden] == [options for _, options in maker.CASES]
    for expected, found in zip(golden, computed, strict=True):
        np.testing.assert_allclose(found["vectors"], expected["vectors"], rtol=0, atol=OWN_ATOL)


def test_the_golden_file_tells_profiles_and_prompts_apart(maker: ModuleType) -> None:
    clean, official, low = (np.array(record["vectors"]) for record in json.loads(maker.GOLDEN.read_text()))
    np.testing.assert_allclose(clean[:2], official[:2], atol=OWN_ATOL)  # texts know no profile
    for one, two in ((clean, official), (official, low)):
        assert (np.abs(one[2:] - two[2:]).max(axis=1) > 100 * OWN_ATOL).all()
    for row in range(3, len(clean)):
        assert np.abs(clean[row] - clean[2]).max() > 100 * OWN_ATOL
