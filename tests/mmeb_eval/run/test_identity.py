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
from scar.errors import ContractError

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
    env, program = {**os.environ, "PYTHONPATH": path, **environment}, [sys.executable, "-c", SHOW]
    made = subprocess.run(program, cwd=folder, env=env, capture_output=True, text=True, check=True)  # noqa: S603
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
    full = Plain(cache=dict.fromkeys(range(1000), "text"), _memo=[1])
    assert describe_identity(Plain(cache={}, _memo=[])) == describe_identity(full)
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


def _make_dict(edited: int | None = None) -> dict[str, float]:
    table = {f"word {number}": number / 7 for number in range(10_000)}
    return table if edited is None else table | {f"word {edited}": -1.0}


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"of": x}, lambda x: [(x,)], Holder, lambda x: np.array(x)])
def test_every_entry_of_a_large_container_counts(wrap: Callable[[Any], Any]) -> None:
    for edited in (0, 5_000, 9_999):
        assert not _same(wrap(_make_dict()), wrap(_make_dict(edited)))
    assert _same(wrap(_make_dict()), wrap(_make_dict()))
    swapped = list(range(10_000))
    swapped[7], swapped[8_000] = swapped[8_000], swapped[7]
    assert not _same(wrap(list(range(10_000))), wrap(swapped))
    assert not _same([], [1])


def test_what_is_too_large_or_has_no_numbers_is_named() -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")
    about = describe_identity(Plain(table=range(3), big=[0] * 1_000_001, far=torch.zeros(3, device="meta")))
    assert about["unread"] == [
        "Plain.big: a list of 1,000,001 entries",
        "Plain.far: a tensor without numbers, on the device meta",
    ]
    assert describe_identity(Plain(big=[0] * 1_000_000))["unread"] == []


class Stored:
    """Stands for an array of a library that lies in a file."""

    nbytes = 9 << 30

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("read")


Stored.__module__ = "numpy.lib"


def test_an_array_that_numpy_would_copy_into_memory_is_named_if_it_is_large() -> None:
    (line,) = describe_identity(Plain(index=Stored()))["unread"]
    assert line.startswith("Plain.index: a Stored of 9")


def _edit(array: Any, index: int, value: float) -> Any:
    copy = array.clone() if hasattr(array, "clone") else array.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "bool", "complex64", "float8_e4m3fn"])
def test_each_number_of_a_tensor_counts_and_its_place(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")
    plain = torch.arange(70_001).remainder(2 if dtype == "bool" else 5)
    tensor = plain.to(getattr(torch, dtype))
    for index in (0, 34_567, 70_000):
        other = plain.clone()
        other[index] = 1 - other[index].clamp(max=1)
        assert not _same(tensor, other.to(tensor.dtype))
        swapped = plain.clone()
        swapped[[index, (index + 1) % 70_001]] = plain[[(index + 1) % 70_001, index]]
        assert _same(tensor, swapped.to(tensor.dtype)) == torch.equal(plain, swapped)
    assert not _same(tensor, tensor.reshape(1, -1))
    assert _same(tensor, torch.stack([tensor, tensor], 1)[:, 1])  # other strides, equal numbers


def test_parts_of_a_large_array_are_hashed_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmeb_eval.run.array_digest.CHUNK_BYTES", 64)
    array = np.random.default_rng(0).normal(size=500)
    assert _same(array, array.copy())
    for index in (0, 7, 8, 255, 499):
        assert not _same(array, _edit(array, index, 0))
    assert not _same(array, np.concatenate([array[8:16], array[:8], array[16:]]))
    assert _same(np.repeat(array, 2)[::2], array)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_weights_buffers_and_private_attributes_of_any_model_count() -> None:
    torch = pytest.importorskip("torch", reason="the test needs torch")

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(64, 1200)
            self.register_buffer("mean", torch.zeros(3))
            self._table = {"a": 1}

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Net()
    embedder = Plain(net=net, weights=net.state_dict())
    identities = [describe_identity(embedder)]
    with torch.no_grad():
        net.linear.weight[1100, 63] += 1e-3
        identities.append(describe_identity(embedder))
        net.linear.weight[[3, 4]] = net.linear.weight[[4, 3]]
        identities.append(describe_identity(embedder))
    net.mean = torch.ones(3)
    identities.append(describe_identity(embedder))
    net._table = {"a": 2}
    identities.append(describe_identity(embedder))
    net.register_forward_hook(lambda *given: given[-1] + 1)
    identities.append(describe_identity(embedder))
    assert all(one != other for number, one in enumerate(identities) for other in identities[:number])
    sparse, csr = torch.eye(4).to_sparse(), torch.eye(4).to_sparse_csr()
    for form in (sparse, csr):
        assert _same(form, form.clone())
        assert not _same(form, form * 2)


class Pipeline:
    """Stands for an object of a library that holds others in a list."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.count = len(steps)


Pipeline.__module__ = "numpy.lib"


def test_arrays_in_containers_of_a_library_count() -> None:
    assert not _same(Pipeline(("a", np.zeros(3))), Pipeline(("a", np.ones(3))))
    assert _same(Pipeline(("a", np.zeros(3))), Pipeline(("b", np.zeros(3))))


def test_a_volatile_attribute_is_named_and_may_be_declared() -> None:
    def make(token: str, volatile: Any = ()) -> Plain:
        return Plain(token=token, client=Holder(Holder(token)), w=np.eye(2), volatile=volatile)

    changes = list_changes(describe_identity(make("a")), describe_identity(make("b")))
    assert changes == ["Plain.client.value.value", "Plain.token"]
    first, second = describe_identity(make("a", ("token", "value"))), describe_identity(make("b", ("token", "value")))
    assert first == second
    for wrong in ("token", 3, [4]):
        with pytest.raises(ContractError, match=r'plain: volatile is .*; set a tuple of names such as \("token",\)\.'):
            describe_identity(make("a", wrong))


def test_a_volatile_global_is_named_and_may_be_declared() -> None:
    def run(token: str, volatile: str = "()") -> Any:
        cells: dict[str, Any] = {"__name__": "__main__", "TOKEN": token}
        exec(f"class Model:\n name = 'nb'\n volatile = {volatile}\n def embed(self, i): return TOKEN", cells)  # noqa: S102
        return describe_identity(cells["Model"]())

    assert list_changes(run("a"), run("b")) == ["__main__.TOKEN"]
    assert run("a", "('TOKEN',)") == run("b", "('TOKEN',)")


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
