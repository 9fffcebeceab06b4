"""What the public functions are given is read right or refused in one line: paths, iterators, numbers, nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scar
from scar import Recipe, Source
from scar.errors import ScarError

Call = Callable[[Path], Any]
read: Any = scar.read
build: Any = scar.build
audit: Any = scar.audit
make_recipe: Any = Recipe


def make_source(folder: Path, **changes: Any) -> Source:
    return Source(
        **{"name": "A", "split": "eval", "images": str(folder), "instances": str(folder / "i.json")} | changes
    )


def read_after_a_change_of_folder(built: Path) -> int:
    os.chdir(built.parent)
    samples = read(built.name)
    os.chdir("/")
    return len(list(samples))


def audit_sources(built: Path, **options: Any) -> set[str]:
    return set(audit(built, **options)["sources"])


RIGHT: dict[str, tuple[Call, object]] = {
    "a path as text": (lambda built: len(list(read(str(built)))), 18),
    "a slash at the end": (lambda built: len(list(read(f"{built}/"))), 18),
    "home": (lambda built: len(list(read("~/" + built.name))), 18),
    "another folder later": (read_after_a_change_of_folder, 18),
    "numpy's numbers": (
        lambda built: audit_sources(built, seed=np.int64(1), trained_on=np.int32(9)),
        {"Toy/eval", "Toy/train"},
    ),
    "a generator of sources": (
        lambda built: len(make_recipe(sources=(make_source(built) for _ in range(1))).sources),
        1,
    ),
    "a list of sources": (lambda built: make_recipe(sources=[make_source(built)]).sources, "tuple"),
    "one source": (lambda built: len(make_recipe(sources=make_source(built)).sources), 1),
    "numpy's seed": (lambda built: make_recipe(sources=[make_source(built)], seed=np.int64(4)).seed, 4),
    "paths of a source as text": (lambda built: make_source(built).images.name, "built"),
    "a source at home": (lambda built: make_source(built, images="~/built").images.is_absolute(), True),
    "numpy's limits": (lambda built: type(make_source(built, max_per_image=np.int64(3)).max_per_image), int),
}

WRONG: dict[str, tuple[Call, str]] = {
    "nothing": (lambda built: read(None), "corpus: None is no path"),
    "an empty path": (lambda built: read(""), "corpus: '' is no path"),
    "a list of paths": (lambda built: read([built]), "is no path"),
    "a file": (lambda built: read(built / "build_report.json"), "is a file, not a folder"),
    "no samples to learn from": (lambda built: audit(built, trained_on=0), "trained_on: 0 is not a whole number"),
    "half a sample": (lambda built: audit(built, trained_on=1.5), "trained_on: 1.5 is not a whole number"),
    "no seed": (lambda built: audit(built, seed=None), "seed: None is not a whole number"),
    "sources as text": (lambda built: make_recipe(sources="abc"), "recipe: 'a' among its sources is no Source"),
    "sources as nothing": (lambda built: make_recipe(sources=None), "recipe: sources is None; give a list of Source"),
    "no source": (lambda built: build(make_recipe(sources=()), built), "the recipe has no source"),
    "one source twice": (lambda built: make_recipe(sources=[make_source(built)] * 2), "recipe: two sources are A/eval"),
    "a seed below 0": (lambda built: make_recipe(sources=[make_source(built)], seed=-1), "recipe: seed = -1: Expected"),
    "a name that is a path": (
        lambda built: make_source(built, name="../a"),
        "name = '../a': expected at most",
    ),
    "a split of another word": (lambda built: make_source(built, split="val"), "split = 'val' is none of"),
    "no images": (lambda built: make_source(built, images=None), "images = None: expected a path"),
    "a recipe of nothing": (lambda built: build(None, built), "recipe: None is no path"),
    "no out": (lambda built: build("demo.toml", None), "out: None is no path"),
    "no workers": (lambda built: build("demo.toml", built, workers=0), "workers: 0 is not a whole number"),
    "another engine": (lambda built: build("demo.toml", built, engine="dask"), "engine: 'dask' is none of local,"),
    "another way of images": (lambda built: build("d.toml", built, images_mode="move"), "'move' is none of link,"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_meant_is_done(built: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(built.parent))
    monkeypatch.chdir(built.parent)
    call, expected = RIGHT[name]
    found = call(built)
    assert found == expected or type(found).__name__ == expected


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_one_line(built: Path, name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(ScarError) as caught:
        list(call(built))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
