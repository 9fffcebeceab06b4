"""Whatever changes vectors changes the identity, if a process can see it; what does not change them leaves it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.embedder import load_embedder
from mmeb_eval.run.identity import describe_identity, list_changes

PROJECT = Path(__file__).parents[3]

EMBEDDER = """
import importlib
from functools import partial
import numpy as np
from tools.pooling import pool
WIDTH = 8

class Mine:
    name = "mine"

    def __init__(self, scale=1.0):
        self.w = np.load("w.npy")
        self.scale = scale
        self.cache = {}
        self.device = "cuda:3"
        self.act = importlib.import_module("act" + "ivation").f

    def embed(self, items):
        from late import shift
        return pool(self.w) + shift + np.load("lazy.npy")

def open_unseen(path):
    return path

def load(scale=1.0):
    open_unseen("unseen.onnx")
    return Mine(scale)
"""

SHOW = """
import json, sys
from mmeb_eval.embedder import load_embedder
from mmeb_eval.run.identity import describe_identity
print(json.dumps(describe_identity(load_embedder("mine_exp:load")), sort_keys=True))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an embedder, helpers of all kinds and weights; it is the working directory."""
    monkeypatch.chdir(tmp_path)
    _write_project(tmp_path)
    return tmp_path


def _write_project(folder: Path) -> None:
    (folder / "tools").mkdir()
    (folder / "tools/__init__.py").write_text("from .consts import A\n")
    (folder / "tools/consts.py").write_text("A = 1\n")
    (folder / "tools/pooling.py").write_text(
        "from . import norm\nfrom .norm import unit\ndef pool(x): return unit(x)\n"
    )
    (folder / "tools/norm.py").write_text("unit = abs\n")
    (folder / "activation.py").write_text("def f(x): return x in {'a', 'b', 'c'}\n")
    (folder / "late.py").write_text("shift = 1\n")
    (folder / "unrelated.py").write_text("z = 1\n")
    (folder / "mine_exp.py").write_text(EMBEDDER)
    np.save(folder / "w.npy", np.eye(3))
    np.save(folder / "lazy.npy", np.eye(3))
    (folder / "unseen.onnx").write_text("weights that code in C opens")


def _show(folder: Path, **environment: str) -> dict[str, Any]:
    """The identity in a process of its own."""
    path = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    made = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", SHOW],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    shown: dict[str, Any] = json.loads(made.stdout)
    return shown


def test_each_file_that_an_embedder_stands_on_counts_and_no_other(project: Path) -> None:
    before = _show(project)
    assert _show(project, PYTHONHASHSEED="7") == before  # the second time from compiled files
    edits: dict[str, Callable[[], object]] = {
        "w.npy": lambda: np.save("w.npy", np.eye(3) * 2),
        "lazy.npy": lambda: np.save("lazy.npy", np.eye(3) * 2),
        "unseen.onnx": lambda: Path("unseen.onnx").write_text("others"),
        "tools.norm": lambda: Path("tools/norm.py").write_text("def unit(x): return -x\n"),
        "tools.consts": lambda: Path("tools/consts.py").write_text("A = 23\n"),
        "activation": lambda: Path("activation.py").write_text("def f(x): return 23\n"),
        "late": lambda: Path("late.py").write_text("shift = 23\n"),
    }
    for name, edit in edits.items():
        edit()
        now = _show(project)
        assert name in list_changes(before, now)
        before = now
    Path("unrelated.py").write_text("z = 23\n")
    assert _show(project) == before


def test_a_project_may_move(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("elsewhere") / "deep"
    other.mkdir()
    _write_project(other)
    assert _show(other) == _show(project)


class Plain:
    """An embedder whose attributes are the test's."""

    name = "plain"

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def embed(self, items: Any) -> Any:
        return None


def _same(a: Any, b: Any) -> bool:
    return describe_identity(Plain(value=a)) == describe_identity(Plain(value=b))


class Holder:
    def __init__(self, value: Any) -> None:
        self.value = value


def _close_over(value: Any) -> Any:
    return lambda items: value


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 2),
        (0.5, 0.25),
        ("mean", "max"),
        (True, False),
        (None, 0),
        ([1, 2], [2, 1]),
        ({"pool": "mean"}, {"pool": "max"}),
        ({"a", "b"}, {"a", "c"}),
        (np.eye(3), np.eye(3) * 2),
        (np.eye(3), np.eye(3, dtype=np.float32)),
        (np.zeros(4), np.zeros((2, 2))),
        (Holder(np.eye(2)), Holder(np.ones((2, 2)))),
        (Holder(Holder("a")), Holder(Holder("b"))),
        (_close_over(1), _close_over(2)),
        (lambda x: x + 1, lambda x: x + 2),
        (types.SimpleNamespace(w=np.eye(2)), types.SimpleNamespace(w=np.ones(2))),
        (types.SimpleNamespace(pool="mean"), types.SimpleNamespace(pool="max")),
        (argparse.Namespace(pool="mean"), argparse.Namespace(pool="max")),
    ],
)
def test_a_value_of_an_attribute_counts(a: Any, b: Any) -> None:
    assert not _same(a, b)
    assert _same(a, a)


def test_caches_devices_and_counts_of_libraries_do_not_count() -> None:
    assert _same({}, dict.fromkeys(range(1000), "text"))
    assert _same([], list(range(1000)))
    assert describe_identity(Plain(device="cuda:0", rank=0)) == describe_identity(Plain(device="cuda:1", rank=1))
    first = Plain(where="cuda:0", t0=1.5, options={"on": "cpu", "session": "a"})
    second = Plain(where="cuda:1", t0=2.5, options={"on": "xpu:3", "session": "b"})
    assert describe_identity(first) == describe_identity(second)
    assert not _same("cuda:0", "cuda:0 twice")
    loop: list[Any] = [1]
    loop.append(loop)
    assert _same(loop, loop)


def test_a_file_that_an_attribute_names_counts_by_its_content(tmp_path: Path) -> None:
    weights, log = tmp_path / "w.gguf", tmp_path / "run.log"
    weights.write_text("one")
    log.write_text("one")
    embedder = Plain(path=str(weights), folder=tmp_path, log=str(log))
    before = describe_identity(embedder)
    log.write_text("two lines")
    assert describe_identity(embedder) == before
    weights.write_text("two")
    assert list_changes(before, describe_identity(embedder)) == ["w.gguf"]


def test_weights_of_a_torch_model_count_in_place() -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)).eval()
    for embedder in (Plain(model=model), Plain(inner_model=types.SimpleNamespace(net=model)), Plain(w=model[0].weight)):
        before = describe_identity(embedder)
        assert describe_identity(embedder) == before
        with torch.no_grad():
            model[0].weight[1, 2] += 1
        after = describe_identity(embedder)
        assert before != after
    before = describe_identity(Plain(model=model))
    model.to(torch.bfloat16)
    assert before != (half := describe_identity(Plain(model=model)))
    model.train()
    assert half != describe_identity(Plain(model=model))


def test_code_of_a_notebook_counts_by_what_it_does() -> None:
    cells: dict[str, Any] = {"__name__": "__main__"}

    def run(cell: str) -> Any:
        exec(cell, cells)  # noqa: S102 - this is what a notebook does
        return cells["Model"]() if "Model" in cells else None

    run("def pool(x): return x")
    first = run("class Model:\n name = 'nb'\n def embed(self, items): return pool(items)")
    same = run("# a comment\nclass Model:\n\n name = 'nb'\n def embed(self, items): return pool(items)")
    assert describe_identity(first) == describe_identity(same)
    run("x = 3\nitems = 4\nself = 5")
    assert describe_identity(first) == describe_identity(same)
    run("def pool(x): return -x")
    after_pool = describe_identity(same)
    run("def pool(x): return x")
    assert describe_identity(same) != after_pool
    other = run("class Model:\n name = 'nb'\n def embed(self, items): return pool(items) + 1")
    assert list_changes(describe_identity(first), describe_identity(other)) == ["class Model"]


def test_what_was_loaded_is_unknown_once_its_file_has_changed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(project), *sys.path])
    for name in ("mine_exp", "tools", "tools.pooling", "tools.norm", "tools.consts", "activation"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    embedder = load_embedder("mine_exp:load", scale=2.0)
    np.save("w.npy", np.eye(3) * 5)
    after_change = describe_identity(embedder)["files"]["w.npy"]
    assert after_change != describe_identity(load_embedder("mine_exp:load"))["files"]["w.npy"]
    assert "Mine.scale" in list_changes(
        describe_identity(load_embedder("mine_exp:load")), describe_identity(load_embedder("mine_exp:load", scale=2.0))
    )
