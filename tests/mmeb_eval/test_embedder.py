"""The contract: vectors that break it are refused with embedder, item and value; names become embedders."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.embedder import get_prompt_kinds, load_embedder
from mmeb_eval.item import Item, Points, describe_item
from scar.errors import ContractError, EvalError, UnknownName
from scar.sample import Mask


def test_an_item_is_described_in_a_line() -> None:
    assert describe_item(Item(text="two\nlines " * 30)).count("\n") == 0
    assert len(describe_item(Item(text="word " * 300))) < 90
    assert describe_item(Item()) == "the item (text '')"
    assert describe_item(Item(prompt=Mask((2, 2), "04"))) == "the item (a mask)"
    assert "Points" in describe_item(Item(prompt=Points(((1, 2),), (1,))))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_a_function_of_a_module_in_the_working_directory_is_called(module: Any) -> None:
    name = module("toy_good", "class E:\n    name = 'toy'\n    embed = print\ndef make(size=1):\n    return E()\n")
    assert load_embedder(f"{name}:make", size=2).name == "toy"


@pytest.mark.parametrize(
    ("text", "attribute", "error", "message"),
    [
        ("def load(): ...", "laod", UnknownName, r"unknown function in toy_\d+ 'laod': did you mean load\?"),
        ("load = 3", "load", EvalError, r"toy_\d+:load: load is int, not a function that returns an embedder"),
        ("def load(): return 3", "load", ContractError, r"the embedder has no name; give it an attribute `name`"),
        (
            "class E:\n    name = ''\n    embed = print\ndef load(): return E()",
            "load",
            ContractError,
            r"the embedder has no name",
        ),
        ("class E:\n    name = 'x'\ndef load(): return E()", "load", ContractError, r"has no method embed\(items\)"),
    ],
)
def test_what_is_no_embedder_is_refused(
    module: Any, text: str, attribute: str, error: type[EvalError], message: str
) -> None:
    name = module(f"toy_{zlib.crc32(text.encode())}", text)
    with pytest.raises(error, match=message):
        load_embedder(f"{name}:{attribute}")


def test_a_module_that_does_not_exist_is_named(module: Any) -> None:
    with pytest.raises(EvalError, match=r"nowhere_to_be:load: no module 'nowhere_to_be' here or installed"):
        load_embedder("nowhere_to_be:load")
    for path in ("module", ":load", "module:"):
        with pytest.raises(EvalError, match="an embedder is named module:function"):
            load_embedder(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_to_be", r"ModuleNotFoundError: No module named 'nowhere_to_be' \(toy_\d+.py, line 1\)"),
        ("def load(:\n    pass", r"SyntaxError: .*toy_\d+.py, line 1"),
        ("x = 1 / 0", r"ZeroDivisionError: division by zero \(toy_\d+.py, line 1\)"),
        ("def load():\n    open('gone.pt')", r"FileNotFoundError: .*gone.pt.* \(toy_\d+.py, line 2\)"),
        ("def load(path): ...", r"TypeError: load\(\) missing 1 required positional argument: 'path'"),
        ("import sys\nsys.exit(3)", r"SystemExit: 3 \(toy_\d+.py, line 2\)"),
        ("def load():\n    raise KeyError", r"KeyError \(toy_\d+.py, line 2\)"),
    ],
)
def test_an_exception_in_a_users_module_is_one_line(module: Any, text: str, message: str) -> None:
    name = module(f"toy_{zlib.crc32(text.encode())}", text)
    with pytest.raises(EvalError, match=rf"toy_\d+:load raised {message}.*; --debug shows the traceback\.$") as caught:
        load_embedder(f"{name}:load")
    assert caught.value.__cause__ is not None
    assert "\n" not in str(caught.value)


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmeb_eval.adapters import baselines

    monkeypatch.setattr(baselines, "Constant", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load_embedder("mmeb_eval.adapters.baselines:Constant")


def test_options_are_passed_by_name_offered_ones_only_if_they_are_taken(module: Any) -> None:
    text = "class E:\n    embed = print\ndef load(seed=0, size=1):\n    e = E(); e.name = f'{seed},{size}'; return e\n"
    path = f"{module('toy_options', text)}:load"
    assert load_embedder(path, offered={"seed": 3, "config": "x"}).name == "3,1"
    with pytest.raises(
        EvalError, match=r"option config: toy_options:load has no parameter of that name; it takes seed, si"
    ):
        load_embedder(path, config="x")


def test_an_unknown_kind_of_prompt_is_met_with_the_nearest() -> None:
    class Odd:
        name = "odd"
        prompts = ("boxes",)

        def embed(self, items: Any) -> Any: ...

    with pytest.raises(UnknownName, match=r"unknown kind of prompt 'boxes': did you mean box\?"):
        get_prompt_kinds(Odd())
