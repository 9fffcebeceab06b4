"""The embedder: vectors that depend on the item alone, work done once, and items that cannot be embedded."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

from mmeb_eval.contract import check
from mmeb_eval.item import Item, Points
from scar.errors import ItemError, VirtueError
from scar.sample import Box, Mask
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.virtue import Virtue

Draw = Callable[..., Path]


def every_kind(one: Path, two: Path) -> list[Item]:
    """An item of each kind, several regions of one image among them; `one` has 90 x 70 pixels, `two` 64 x 120."""
    pixels = np.zeros((70, 90), bool)
    pixels[10:40, 20:60] = True
    return [
        Item("a cat"),
        Item("<|image_pad|> \nFind the caption of the object.", one, Box(10, 10, 60, 50)),
        Item("a red square left of a blue circle, under a cloudy sky"),
        Item("which one?", two),
        Item("which one?", one),
        Item("which one?", one, Points(((30, 30),), (1,))),
        Item("which one?", one, Points(((30, 30), (80, 60)), (1, 0))),
        Item("which one?", one, Points(((30, 30), (80, 60)), (1, 0), Box(5, 5, 70, 60))),
        Item("which one?", one, Mask.from_array(pixels)),
        Item("which one?", two, Box(0, 0, 30, 30)),
        Item("", two),
        Item("", one, Box(60, 40, 90, 70)),
    ]


@pytest.fixture
def items(picture: Draw) -> list[Item]:
    return every_kind(picture(90, 70), picture(64, 120, seed=2))


@pytest.fixture(scope="module", params=["clean", "official"])
def model(request: pytest.FixtureRequest) -> VirtueEmbedder:
    return load("tiny", profile=request.param)


def test_vectors_have_the_shape_and_norm_of_the_contract(model: VirtueEmbedder, items: list[Item]) -> None:
    vectors = model.embed(items)
    assert vectors.shape == (len(items), 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_different_items_have_different_vectors(tiny: VirtueEmbedder, items: list[Item]) -> None:
    vectors = tiny.embed(items)
    assert (vectors @ vectors.T - np.eye(len(items))).max() < 1 - 1e-5


def test_an_embedder_as_the_evaluator_wants_it(tiny: VirtueEmbedder) -> None:
    check(tiny)


def test_neighbours_order_and_batch_size_change_nothing(model: VirtueEmbedder, items: list[Item]) -> None:
    alone = np.concatenate([model.embed([item]) for item in items])
    small = VirtueEmbedder(model.model, model.collator.tokenizer, "small", batch_tokens=1)
    order = np.random.default_rng(0).permutation(len(items))
    shuffled = model.embed([items[index] for index in order])
    for other in (model.embed(items), small.embed(items), shuffled[np.argsort(order)]):
        assert (other * alone).sum(axis=1).min() > 0.9999
        np.testing.assert_allclose(other, alone, rtol=0, atol=2e-6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.integers(0, 11), min_size=1, max_size=12))
def test_any_batch_equals_its_items_alone(tiny: VirtueEmbedder, items: list[Item], chosen: list[int]) -> None:
    alone = tiny.embed(items)
    np.testing.assert_allclose(tiny.embed([items[index] for index in chosen]), alone[chosen], rtol=0, atol=2e-6)


def test_one_seed_gives_one_model_and_two_seeds_two(tiny: VirtueEmbedder) -> None:
    text = [Item("a cat")]
    torch.manual_seed(99)
    np.testing.assert_array_equal(load("tiny").embed(text), tiny.embed(text))
    assert abs(float(load("tiny", seed=1).embed(text)[0] @ tiny.embed(text)[0])) < 0.9
    assert load("tiny", seed=1).name == "virtue-tiny-clean@seed1"


def test_text_is_what_stock_qwen2_vl_says_of_it(tiny: VirtueEmbedder) -> None:
    text = "a red square left of a blue circle"
    config = Qwen2VLConfig(**{key: value for key, value in tiny.model.config.backbone.items() if key != "model_type"})
    stock = Qwen2VLForConditionalGeneration(config)
    stock.model.load_state_dict(cast(nn.Module, tiny.model.backbone).state_dict())
    ids = torch.tensor([tiny.collator.tokenizer.encode(text).ids])
    with torch.inference_mode():
        last = stock.train(False)(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, -1]
    np.testing.assert_allclose(tiny.embed([Item(text)])[0], last / last.norm(), rtol=0, atol=1e-6)


def test_a_text_without_image_token_gets_one_in_front(tiny: VirtueEmbedder, picture: Draw) -> None:
    image = picture(90, 70)
    bare, spelled = tiny.embed([Item("what is it?", image), Item("<|image_pad|>\nwhat is it?", image)])
    np.testing.assert_allclose(bare, spelled, rtol=0, atol=2e-6)


def test_an_image_is_encoded_once_and_equal_items_are_embedded_once(
    tiny: VirtueEmbedder, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh")
    looked, embedded = [], []
    look, forward = Virtue.encode_images, Virtue.forward

    def count_looks(self: Virtue, pictures: Any) -> Any:
        looked.append(len(pictures.grids))
        return look(self, pictures)

    def count_rows(self: Virtue, batch: Any, seen: Any) -> Any:
        embedded.append(len(batch.ids))
        return forward(self, batch, seen)

    monkeypatch.setattr(Virtue, "encode_images", count_looks)
    monkeypatch.setattr(Virtue, "forward", count_rows)
    fresh.embed(items + items)
    assert sum(looked) == 2
    assert sum(embedded) == len(items)
    fresh.embed([dataclasses.replace(items[1], text="another question")])
    assert sum(looked) == 2, "a new question about a known image"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_is_flat_in_the_number_of_items(tiny: VirtueEmbedder, picture: Draw) -> None:
    def peak_mib(count: int) -> float:
        images = [picture(60, 60, seed=seed, name=f"{count}-{seed}.png") for seed in range(count // 4)]
        items = [Item(f"text {i}", images[i // 4] if i % 2 and i // 4 < len(images) else None) for i in range(count)]
        Path("/proc/self/clear_refs").write_text("5")
        tiny.embed(items)
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    peak_mib(400)
    assert peak_mib(10_000) < peak_mib(400) + 64


def test_out_of_memory_halves_the_batch(
    tiny: VirtueEmbedder, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tiny.embed(items)
    forward = Virtue.forward

    def scarce(self: Virtue, batch: Any, seen: Any) -> Any:
        if len(batch.ids) > 2:
            raise torch.OutOfMemoryError("too much")
        return forward(self, batch, seen)

    monkeypatch.setattr(Virtue, "forward", scarce)
    np.testing.assert_allclose(tiny.embed(items), expected, rtol=0, atol=2e-6)

    def none(self: Virtue, batch: Any, seen: Any) -> Any:
        raise torch.OutOfMemoryError("none left")

    monkeypatch.setattr(Virtue, "forward", none)
    with pytest.raises(VirtueError, match="out of memory on one item of 5 tokens"):
        tiny.embed(items[:1])


def test_truncated_vectors_are_the_first_dimensions_at_norm_1(tiny: VirtueEmbedder, items: list[Item]) -> None:
    cut = load("tiny", truncate_dim=16)
    whole = tiny.embed(items)[:, :16]
    np.testing.assert_allclose(cut.embed(items), whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=2e-6)
    assert cut.name == "virtue-tiny-clean@seed0[truncate_dim=16]"
    for dim in (0, 65):
        with pytest.raises(VirtueError, match=f"truncate_dim {dim}: the model's vectors have 64 dimensions"):
            load("tiny", truncate_dim=dim)


def test_bfloat16_rounds_weights_but_not_position_frequencies(tiny: VirtueEmbedder, items: list[Item]) -> None:
    half = load("tiny", dtype="bfloat16")
    assert {weight.dtype for weight in half.model.parameters()} == {torch.bfloat16}
    assert {buffer.dtype for buffer in half.model.buffers() if buffer.is_floating_point()} == {torch.float32}
    vectors = half.embed(items)
    assert vectors.dtype == np.float32
    assert (vectors * tiny.embed(items)).sum(axis=1).min() > 0.98


def test_options_that_change_vectors_are_in_the_name() -> None:
    model = load("tiny", profile="official", resolution="low", max_length=12, dtype="bfloat16")
    assert model.name == "virtue-tiny-official@seed0[resolution=low,max_length=12,dtype=bfloat16]"


def test_a_long_text_is_cut_on_the_right(tiny: VirtueEmbedder) -> None:
    cut = load("tiny", max_length=5)
    np.testing.assert_allclose(cut.embed([Item("abcdefgh")]), tiny.embed([Item("abcde")]), atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the compiler and its parts
def test_a_compiled_model_gives_the_same_vectors(tiny: VirtueEmbedder, items: list[Item]) -> None:
    np.testing.assert_allclose(load("tiny", compiled=True).embed(items), tiny.embed(items), rtol=0, atol=1e-5)


def test_items_come_in_any_iterable(tiny: VirtueEmbedder, items: list[Item]) -> None:
    expected = tiny.embed(items)
    for given_items in (iter(items), tuple(items), (item for item in items), dict.fromkeys(items).keys()):
        np.testing.assert_array_equal(tiny.embed(given_items), expected)
    np.testing.assert_array_equal(tiny.embed_bare(iter(items[:1])), tiny.embed(items[:1]))


@pytest.mark.parametrize(
    ("state", "problem"), [(float("nan"), "not finite"), (float("inf"), "not finite"), (0.0, "all zeros")]
)
def test_a_vector_that_is_none_is_refused(
    tiny: VirtueEmbedder, items: list[Item], monkeypatch: pytest.MonkeyPatch, state: float, problem: str
) -> None:
    forward = Virtue.forward

    def break_long_texts(self: Virtue, batch: Any, seen: Any) -> Any:
        vectors = forward(self, batch, seen)
        vectors[batch.lengths > 50, 3:] = state
        vectors[batch.lengths > 50, :3] *= 0
        return vectors

    monkeypatch.setattr(Virtue, "forward", break_long_texts)
    with pytest.raises(ItemError, match=f"item 2: its vector is {problem}; are the weights whole, and is float32 wide"):
        tiny.embed([items[0], Item("a cat"), Item("a long text " * 9), Item("a dog")])


@pytest.mark.parametrize("batch_tokens", [100, 8192])
def test_a_cache_of_no_images(tiny: VirtueEmbedder, items: list[Item], batch_tokens: int) -> None:
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh", cached_images=0, batch_tokens=batch_tokens)
    np.testing.assert_allclose(fresh.embed(items), tiny.embed(items), rtol=0, atol=2e-6)
    assert len(fresh.image_cache) == 0


def test_threads_share_an_embedder(tiny: VirtueEmbedder, picture: Draw) -> None:
    small = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "small", cached_images=1, batch_tokens=300)
    images = [picture(60, 60, seed=seed) for seed in range(6)]
    lists = [[Item(f"text {i}", image) for image in images[i:] + images[:i]] for i in range(6)]
    expected = [tiny.embed(each) for each in lists]
    with ThreadPoolExecutor(6) as pool:
        for vectors, right in zip(pool.map(small.embed, lists), expected, strict=True):
            np.testing.assert_allclose(vectors, right, rtol=0, atol=2e-6)


@pytest.mark.parametrize("copy_", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301, TID251
def test_a_copy_embeds_alike(tiny: VirtueEmbedder, items: list[Item], copy_: Callable[..., VirtueEmbedder]) -> None:
    expected = tiny.embed(items)
    again = copy_(tiny)
    assert (again.name, again.settings) == (tiny.name, tiny.settings)
    np.testing.assert_array_equal(again.embed(items), expected)


FORKED = """
import os, sys, numpy, torch, virtue_ref
from mmeb_eval.item import Item
torch.set_num_threads(2)
model = virtue_ref.load("tiny", device="cpu")
items = [Item("a cat"), *(Item("x", path) for path in sys.argv[1:])]
before = model.embed(items)
model._lock.acquire()  # as if another thread were embedding while this one forks
if os.fork() == 0:
    os._exit(int(abs(model.embed(items) - before).max() > 1e-5))
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_embeds_too(picture: Draw) -> None:
    command = [sys.executable, "-c", FORKED, *(str(picture(60, 60, seed=seed)) for seed in range(3))]
    subprocess.run(command, check=True, timeout=100)  # noqa: S603


def test_no_items_give_no_vectors(tiny: VirtueEmbedder) -> None:
    assert tiny.embed([]).shape == (0, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": "3b"}, "'3b' is no folder, and as a Hub repository it cannot be fetched"),
        ({"config": "nowhere.toml"}, "no config 'nowhere.toml': built in are 2b, 7b, qwen3-2b, tiny"),
        (
            {},
            "which model.* 'demo' or a folder; 2b, 7b, qwen3-2b, tiny and TOML files have random weights",
        ),
        ({"config": "tiny", "profile": "clear"}, "unknown profile 'clear': it is one of official, clean"),
        ({"config": "tiny", "resolution": "medium"}, "unknown resolution 'medium': it is one of high, mid, low"),
        ({"config": "tiny", "device": "gpu"}, "device 'gpu' cannot be used here .*; without a device, one is chosen"),
        ({"config": "tiny", "device": "cuda:77"}, "device 'cuda:77' cannot be used here"),
        ({"config": "tiny", "device": "meta"}, "device 'meta' cannot be used here"),
        ({"config": "tiny", "cached_images": -1}, "cached_images -1 at least 0"),
        ({"config": "tiny", "batch_tokens": 0}, "batch_tokens 0 is at least 1"),
        ({"config": "tiny", "min_pixels": 10**6}, "min_pixels 1000000 is more than max_pixels 50176"),
        ({"config": "tiny", "dtype": "int8"}, "unknown dtype 'int8': it is one of float32, bfloat16, float16"),
    ],
)
def test_options_that_do_not_exist(options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("virtue_ref.checkpoints.resolve.snapshot_download", _offline)
    with pytest.raises(VirtueError, match=message) as caught:
        load(**options)
    assert "\n" not in str(caught.value)


def _offline(*_: Any, **__: Any) -> str:
    raise OSError("no network here")


@pytest.fixture
def bad(picture: Draw, tmp_path: Path) -> dict[str, Item]:
    image = picture(90, 70)
    (tmp_path / "text.png").write_text("no image")
    return {
        "neither text nor image": Item(""),
        "a prompt without an image": Item("a cat", None, Box(1, 1, 2, 2)),
        r"the text has <\|image_pad\|> but there is no image": Item("<|image_pad|> a cat"),
        r"one image, but 2 times <\|image_pad\|>": Item("<|image_pad|><|image_pad|>", image),
        r"nowhere\.png: no such image": Item("", tmp_path / "nowhere.png"),
        r"text\.png: not an image": Item("", tmp_path / "text.png"),
        "outside the image": Item("", image, Points(((91, 1),), (1,))),
        "the mask is empty": Item("", image, Mask.from_array(np.zeros((70, 90), bool))),
    }


def test_a_bad_item_is_named_by_its_index_before_any_work(
    tiny: VirtueEmbedder, items: list[Item], bad: dict[str, Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Virtue, "forward", lambda *_: pytest.fail("work was done"))
    for message, item in bad.items():
        with pytest.raises(ValueError, match=f"item 13: .*{message}"):
            tiny.embed([*items, items[0], item])


def test_an_image_that_breaks_when_decoded_is_named_too(tiny: VirtueEmbedder, picture: Draw, tmp_path: Path) -> None:
    whole = picture(200, 200).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"item 1: .*half\.png: not an image that can be decoded"):
        tiny.embed([Item("a cat"), Item("", tmp_path / "half.png")])


@pytest.mark.parametrize("size", [(1, 1), (20000, 20), (20, 50)])
def test_extreme_images_are_embedded(model: VirtueEmbedder, picture: Draw, size: tuple[int, int]) -> None:
    assert model.embed([Item("", picture(*size))]).shape == (1, 64)


@pytest.mark.parametrize("profile", ["clean", "official"])
def test_a_model_without_segmenter_is_plain_qwen(profile: str, tiny: VirtueEmbedder, picture: Draw) -> None:
    model = load("tiny", profile=profile, segmenter_package="none")
    assert model.name == f"virtue-tiny-{profile}@seed0[segmenter=none]"
    assert model.prompts == frozenset()
    vectors = model.embed([Item("", picture(90, 70)), Item("a cat")])
    np.testing.assert_allclose(vectors[1], tiny.embed([Item("a cat")])[0], atol=1e-6)
    with pytest.raises(ItemError, match="item 0: a prompt, but this model has no segmenter"):
        model.embed([Item("", picture(90, 70), Box(1, 1, 20, 20))])
