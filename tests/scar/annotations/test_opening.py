"""Sources that share no files are opened side by side: what comes of it is what opening one after the other gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

import scar
from scar.accounting import Tally
from scar.annotations import open_index, opening
from scar.annotations.call_cache import CallCache
from scar.annotations.inputs import digest_input
from scar.build import plan
from scar.build.engine import Task, run_here
from scar.common.progress import track_silently
from scar.demo.world import draw_world
from scar.errors import BuildInterrupted, InputError
from scar.recipe import Recipe, Source


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds")
    for seed, (name, split) in enumerate([("a", "train"), ("b", "eval"), ("c", "train")]):
        draw_world(folder / name, 4, seed, "train" if split == "train" else "eval")
    return folder


def source(worlds: Path, name: str, world: str) -> Source:
    folder = worlds / world
    return Source(
        name=name,
        split="eval" if world == "b" else "train",
        instances=folder / "instances.json",
        captions=folder / "captions.json",
        images=folder / "images",
    )


def test_sources_come_in_their_order_with_the_digests_of_their_files(worlds: Path) -> None:
    sources = [source(worlds, name, world) for name, world in (("A", "a"), ("B", "b"), ("C", "c"), ("D", "a"))]
    indexes, digests = opening.open_sources(sources, False, run_here, track_silently)
    assert [index.source for index in indexes] == sources
    for index in indexes:
        alone = open_index(index.source, Tally(skip_bad=False), CallCache())
        assert list(index.iter_keys()) == list(alone.iter_keys())
        assert index.tally == alone.tally
    assert digests == {path: digest_input(path) for each in sources for path in each.inputs.values()}


def test_sources_that_share_a_file_are_one_task(worlds: Path) -> None:
    shared = msgspec.structs.replace(source(worlds, "D", "a"), captions=worlds / "c" / "captions.json")
    sources = [source(worlds, "A", "a"), source(worlds, "B", "b"), source(worlds, "C", "c")]
    count = 0

    def engine(tasks: Iterable[Task[object]], /) -> Iterator[object]:
        nonlocal count
        every = list(tasks)
        count = len(every) - 6  # the digests of six files
        return run_here(every)

    opening.open_sources(sources, False, engine, track_silently)
    assert count == 3
    opening.open_sources([*sources, shared], True, engine, track_silently)
    assert count == 2, "D has files of A and of C"


def test_a_build_of_large_files_has_the_same_bytes(
    worlds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(sources=tuple(source(worlds, world.upper(), world) for world in "abc"), seed=1)
    scar.build(recipe, tmp_path / "small")
    monkeypatch.setattr(opening, "HEAVY_BYTES", 0)
    scar.build(recipe, tmp_path / "large", workers=2)
    names = sorted(path.relative_to(tmp_path / "small") for path in (tmp_path / "small").rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(tmp_path / "large") for path in (tmp_path / "large").rglob("*") if path.is_file()
    )
    for name in names:
        assert (tmp_path / "small" / name).read_bytes() == (tmp_path / "large" / name).read_bytes(), name


@pytest.mark.parametrize("content", ["[]", json.dumps({"images": [], "categories": []})])
def test_what_is_wrong_with_a_large_file_is_told_in_one_line(
    worlds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    shutil.copytree(worlds / "c", tmp_path / "d")
    (tmp_path / "d" / "instances.json").write_text(content)
    monkeypatch.setattr(opening, "HEAVY_BYTES", 0)
    recipe = Recipe(sources=(source(worlds, "A", "a"), source(tmp_path, "D", "d")))
    with pytest.raises(InputError, match=r"instances\.json: (of another shape|is a file of images alone)"):
        scar.build(recipe, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


def test_a_worker_that_is_lost_while_files_are_opened_is_told_with_the_way_out(
    worlds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        raise BuildInterrupted("a worker ended by signal SIGKILL")

    monkeypatch.setattr(plan, "open_sources", lose)
    with pytest.raises(BuildInterrupted, match=r"SIGKILL; the same command begins again\."):
        scar.build(Recipe(sources=(source(worlds, "A", "a"),)), tmp_path / "out")
