"""A group of devices embeds as one embedder does, whatever their number, and tells what goes wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmeb_eval.contract import check
from mmeb_eval.item import Item, Phrase
from scar.errors import CheckpointError, ConfigError, ItemError, VirtueError
from scar.sample import Box
from tests.virtue_ref.test_embedder import every_kind
from virtue_ref import device_group
from virtue_ref.cli import app
from virtue_ref.device_group import DeviceGroup, load_on
from virtue_ref.embedder import VirtueEmbedder

Draw = Callable[..., Path]
pytestmark = pytest.mark.slow  # each process imports torch and transformers


@pytest.fixture(scope="module")
def pair() -> Iterator[DeviceGroup]:
    with DeviceGroup("tiny", ["cpu", "cpu"]) as group:
        yield group


@pytest.fixture
def items(picture: Draw) -> list[Item]:
    found = every_kind(picture(90, 70), picture(64, 120, seed=2))
    found += [Item("", picture(60, 60, seed=seed), Box(1, 1, 30 + seed, 40)) for seed in range(5)]
    return [*found, *found[:3]]


def test_vectors_do_not_depend_on_the_number_of_devices(
    pair: DeviceGroup, tiny: VirtueEmbedder, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_group, "CHUNK_ITEMS", 4)
    vectors = pair.embed(items)
    np.testing.assert_allclose(vectors, tiny.embed(items), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(pair.embed(iter(items)), vectors)
    with DeviceGroup("tiny", ["cpu"]) as one:
        np.testing.assert_array_equal(one.embed(items), vectors)
    np.testing.assert_allclose(pair.embed_bare(items[:1]), tiny.embed_bare(items[:1]), rtol=0, atol=2e-6)
    np.testing.assert_allclose(pair.embed_roi(items[:2]), tiny.embed_roi(items[:2]), rtol=0, atol=2e-6)
    assert pair.embed([]).shape == (0, 64)


def test_it_has_the_attributes_of_an_embedder(pair: DeviceGroup, tiny: VirtueEmbedder) -> None:
    assert (pair.name, pair.settings, pair.prompts) == (tiny.name, tiny.settings, tiny.prompts)
    assert (pair.layout, pair.dim) == (tiny.layout, tiny.dim)
    check(pair)


def test_a_bad_item_keeps_its_index(
    pair: DeviceGroup, items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_group, "CHUNK_ITEMS", 2)
    for bad, message in (
        (Item("", tmp_path / "gone.png"), "item 7: .*no such image"),
        (Item("", items[1].image, Box(500, 1, 600, 9)), "item 7: .*outside"),
        (Item("", items[1].image, Phrase("the cup")), "item 7: no detector"),
        (Item("<|image_pad|>"), "item 7: the text has .* but there is no image"),
    ):
        with pytest.raises(ItemError, match=message) as caught:
            pair.embed([*items[:7], bad, *items[7:]])
        assert caught.value.index == 7
    with pytest.raises(ItemError, match="not a single Item"):
        pair.embed(items[0])  # type: ignore[arg-type]


def test_what_cannot_be_loaded_is_told_as_by_one_embedder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"devices \[\]: give a list"):
        DeviceGroup("tiny", [])
    with pytest.raises(ConfigError, match="devices 'cuda': give a list"):
        DeviceGroup("tiny", "cuda")
    with pytest.raises(ConfigError, match="device 'cuda:77' cannot be used here"):
        DeviceGroup("tiny", ["cpu", "cuda:77"])
    with pytest.raises(CheckpointError, match="nothing"):
        DeviceGroup(tmp_path / "nothing", ["cpu"])


def test_a_process_that_ends_is_told() -> None:
    group = DeviceGroup("tiny", ["cpu"])
    (process,) = group._pools[0]._processes.values()
    os.kill(process.pid or 0, signal.SIGKILL)
    with pytest.raises(VirtueError, match="the process of cpu has ended, for example because memory ran out"):
        group.embed([Item("a cat")])
    group.close()
    group.close()
    with pytest.raises(VirtueError, match="the group of devices is closed"):
        group.embed([Item("a cat")])


def test_a_command_takes_several_devices(tmp_path: Path, picture: Draw) -> None:
    image, outs = picture(90, 70), [tmp_path / "one.npy", tmp_path / "two.npy"]
    for out, device in zip(outs, ("cpu", "cpu,cpu"), strict=True):
        done = CliRunner().invoke(app, ["embed", str(image), "--model", "tiny", "--out", str(out), "--device", device])
        assert done.exit_code == 0, done.output
    one, two = (np.load(out) for out in outs)
    np.testing.assert_allclose(one, two, rtol=0, atol=2e-6)
    assert load_on("tiny", "cpu").name == "virtue-tiny-clean@seed0"
