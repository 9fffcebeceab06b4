"""Names and what they load: one table, then entry points, then modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmeb_eval.adapters.baselines import Constant
from mmeb_eval.models import ENTRY_POINT_GROUP, MODEL_FAMILIES, list_model_names, load_model, load_models
from scar.errors import EvalError, UnknownName


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Any]]:
    """Entry points as installed packages register them; more can be added."""
    (tmp_path / "their_package.py").write_text("class Own:\n    def __init__(self, kind='none'):\n"
        "        self.name = f'own:{kind}'\n\n    def embed(self, items):\n        return None\n")  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [SimpleNamespace(name="own", value="their_package:Own")]

    def found(*, group: str) -> list[Any]:
        return points if group == ENTRY_POINT_GROUP else []

    monkeypatch.setattr("importlib.metadata.entry_points", found)
    yield points
    sys.modules.pop("their_package", None)


def test_an_entry_point_is_a_model_with_or_without_an_argument(entry_points: list[Any]) -> None:
    assert load_model("own").name == "own:none"
    assert load_model("own:big one").name == "own:big one"


def test_entry_points_are_named_among_the_known_and_told_apart(entry_points: list[Any]) -> None:
    with pytest.raises(UnknownName, match=r"unknown model 'owm': did you mean own\?.* own or <module>:<function>"):
        load_model("owm")
    entry_points.append(SimpleNamespace(name="own", value="other:Own"))
    with pytest.raises(EvalError, match=r"entry point 'own' is both their_package:Own and other:Own; remove one"):
        load_model("own")
    entry_points[:] = [SimpleNamespace(name="own", value="no_such_package:Own")]
    with pytest.raises(EvalError, match=r"no module 'no_such_package'"):
        load_model("own")
    entry_points[:] = [SimpleNamespace(name="own", value="mmeb_eval.adapters.baselines:Constant")]
    with pytest.raises(
        EvalError, match=r"own:x: mmeb_eval.adapters.baselines:Constant of entry point 'own' cannot be called"
    ):
        load_model("own:x")


def test_a_built_in_name_is_not_taken_over(entry_points: list[Any]) -> None:
    entry_points.append(SimpleNamespace(name="constant", value="their_package:Own"))
    assert isinstance(load_model("constant"), Constant)


@pytest.mark.parametrize("name", ["clop:openai/clip", "clop", "no_such_module_at_all:load", "x.y:z"])
def test_an_unknown_name_is_met_with_all_known(name: str) -> None:
    with pytest.raises(UnknownName) as caught:
        load_model(name)
    for known in list_model_names():
        assert known in str(caught.value)
    if name.startswith("clop"):
        assert "did you mean clip?" in str(caught.value)
    if ":" in name:
        assert f"no module {name.partition(':')[0]!r} here or installed" in str(caught.value)


@pytest.mark.parametrize("prefix", [prefix for prefix, family in MODEL_FAMILIES.items() if family.argument])
def test_a_family_without_its_argument_says_what_it_takes(prefix: str) -> None:
    for name in (prefix, f"{prefix}:"):
        with pytest.raises(EvalError, match=f"^{prefix}:?: which one\\? Write {prefix}:"):
            load_model(name)


def test_what_takes_nothing_is_given_nothing() -> None:
    with pytest.raises(EvalError, match="constant:x: constant takes no argument; write constant alone"):
        load_model("constant:x")
    with pytest.raises(EvalError, match="virtue:some/model: --config tiny chooses another model; give one of the two"):
        load_model("virtue:some/model", config="tiny")


def test_options_reach_the_family_that_takes_them() -> None:
    random: Any = load_model("random", seed=7)
    assert random.settings == {"seed": 7}
    pytest.importorskip("torch")
    assert load_model("virtue", config="tiny").name == load_model("virtue:tiny").name


def test_an_option_that_no_model_takes_is_refused(entry_points: list[Any]) -> None:
    with pytest.raises(
        EvalError, match=r"--config tiny: constant, random has no such option; virtue takes it, as does"
    ):
        load_models(["constant", "random"], config="tiny")
    with pytest.raises(EvalError, match=r"--seed 3: constant has no such option; random takes it, as does a function"):
        load_model("constant", seed=3)
    with pytest.raises(EvalError, match=r"option seed: their_package:Own has no parameter of that name; it takes kind"):
        load_model("own", seed=3)
    with pytest.raises(
        EvalError, match=r"option config: their_package:Own has no parameter of that name; it takes kind"
    ):
        load_models(["own", "random"], config="x", seed=3)


def test_options_behind_a_name_reach_its_function_with_the_types_of_its_parameters(
    entry_points: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "typed.py").write_text(
        "from __future__ import annotations\nfrom pathlib import Path\nfrom their_package import Own\n"
        "def load(ckpt: Path, size=8, half: bool = False, dtype=None, more: dict | None = None):\n"
        "    return Own((type(ckpt).__name__, ckpt.name, size, half, dtype, more))\n"
    )
    name = 'typed:load?ckpt=a%26b.pt&size=32&half=true&dtype=bfloat16&more={"a":[1]}'
    kind = "('PosixPath', 'a&b.pt', 32, True, 'bfloat16', {'a': [1]})"
    assert load_model(name).name == f"own:{kind}"
    assert load_model("own?kind=x").name == "own:x"
    random: Any = load_model("random?seed=7")
    assert random.settings == {"seed": 7}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("random?seed=x", r"option seed=x: not a value of int"),
        ("random?sed=1", r"option sed: .*:Random has no parameter of that name; it takes seed"),
        ("constant?seed=1", r"option seed: .*:Constant has no parameter of that name; it takes no options"),
        ("own?kind", r"'kind' is no option; write own\?name=value"),
        ("own?=3", r"'=3' is no option"),
        ("own?", r"'' is no option"),
        ("own?kind=1&kind=2", r"the option kind is given twice"),
        ("own:big?kind=x", r"multiple values for argument .kind."),
    ],
)
def test_an_option_that_is_wrong_or_that_nobody_takes_is_one_line(
    name: str, problem: str, entry_points: list[Any]
) -> None:
    with pytest.raises(EvalError, match=problem):
        load_model(name)


def test_each_model_gets_the_options_that_it_takes(entry_points: list[Any], tmp_path: Path) -> None:
    (tmp_path / "takes_seed.py").write_text("from their_package import Own\ndef load(seed=0):\n    return Own(seed)\n")
    models = load_models(["random", "own", "takes_seed:load", "constant"], seed=5)
    assert [model.name for model in models] == ["random", "own:none", "own:5", "constant"]
    assert [model.name for model in load_models(["takes_seed:load", "own"], seed=6)] == ["own:6", "own:none"]


@pytest.mark.parametrize(("prefix", "library"), [("clip", "transformers"), ("mteb", "mteb"), ("virtue", "torch"),
                                                 ("sentence-transformers", "sentence_transformers")])  # fmt: skip
def test_a_missing_library_is_named_with_what_installs_it(
    prefix: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for module in [name for name in sys.modules if name.startswith("virtue_ref")]:
        monkeypatch.delitem(sys.modules, module)
    extra = MODEL_FAMILIES[prefix].extra
    with pytest.raises(EvalError, match=rf"{library}.*; `pip install 'scar-virtue\[{extra}\]'` installs it"):
        load_model(f"{prefix}:x")


@pytest.mark.parametrize("option", ["config", "seed"])
@pytest.mark.parametrize("family", list(MODEL_FAMILIES))
def test_each_kind_of_model_refuses_each_option_that_it_does_not_take(family: str, option: str) -> None:
    if option in MODEL_FAMILIES[family].options:
        return
    with pytest.raises(EvalError, match=rf"--{option} 3: {family}:x has no such option; \w+ takes it"):
        load_models([f"{family}:x"], **{option: "3"})  # type: ignore[arg-type]
