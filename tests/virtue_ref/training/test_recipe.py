"""Recipes: those that come with the package, and those that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.tasks import tasks
from scar.errors import ConfigError
from virtue_ref.training.recipe import TrainingRecipe, list_recipes, parse_recipe

MINE: dict[str, Any] = {
    "about": "a test",
    "model": "tiny",
    "optimiser": {"steps": 2, "batch": 4, "dtype": "float32", "checkpointing": False, "warm_up": 1},
    "sources": [{"name": "demo", "files": "SCaR-train/*.parquet"}],
}


@pytest.mark.parametrize("name", list_recipes())
def test_built_in_recipes_are_recipes(name: str) -> None:
    recipe = TrainingRecipe.read(name)
    assert recipe.name == name
    assert recipe.about
    if "7b" in name or "2b" in name:
        assert (recipe.optimiser.batch, recipe.optimiser.temperature) == (1024, 0.02)
        assert (recipe.adapter.rank, recipe.adapter.alpha, recipe.adapter.dora) == (8, 64, True)
        assert recipe.adapter.gaussian
        assert recipe.optimiser.warm_up * 10 == recipe.optimiser.steps
        assert {source.weight for source in recipe.sources} == {1}


def test_the_sets_are_those_whose_test_splits_are_in_distribution() -> None:
    """MMEB has 20 tasks whose training split is in MMEB-train; names differ by how they are spelt there."""
    own = {source.name.lower().replace("_", "-") for source in TrainingRecipe.read("virtue-2b").sources}
    wanted = {task.name.lower().replace("_", "-") for task in tasks().values() if task.domain == "IND"}
    assert len(own) == 20
    assert own == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": {}}, r"mine\.toml: unknown key 'optimizer': did you mean optimiser"),
        (
            {"optimiser": {"steps": 1, "batch": 4, "lr": 1}},
            r"\[optimiser\]: unknown key 'lr'.*the keys are steps, batch",
        ),
        ({"optimiser": {"steps": 1}}, r"\[optimiser\]: no key batch"),
        ({"optimiser": {"steps": 1, "batch": 5, "sub_batch": 2}}, "batch 5 is no multiple of sub_batch 2"),
        ({"optimiser": {"steps": -1, "batch": 5}}, r"optimiser\.steps = -1; it must be at least 0"),
        ({"sources": []}, "no .*sources"),
        ({"missing": "perhaps"}, "missing = 'perhaps' is none of 'stop', 'skip'"),
    ],
)
def test_a_bad_recipe_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_recipe(MINE | change, "mine", "mine.toml")


@pytest.mark.parametrize(
    ("table", "key", "values"),
    [
        ("optimiser", "rate", [-1.0, 0, float("nan"), float("inf"), "fast", True]),
        ("optimiser", "batch", [0, 1, -2, 2.5, "8", True]),
        ("optimiser", "part", [0, -1]),
        ("optimiser", "sub_batch", [-1]),
        ("optimiser", "steps", [-1, 1.0]),
        ("optimiser", "warm_up", [-1, float("nan")]),
        ("optimiser", "decay", [-0.1, float("inf")]),
        ("optimiser", "clip", [0, -1.0, float("nan")]),
        ("optimiser", "temperature", [0, -0.1, float("nan"), "warm", False]),
        ("optimiser", "dtype", ["float16", "", 1]),
        ("optimiser", "seed", [-1, 0.5]),
        ("optimiser", "cached", [1, "yes"]),
        ("adapter", "rank", [0, -8, 2.5]),
        ("adapter", "alpha", [0, -1, True]),
        ("adapter", "dropout", [1.0, -0.1, float("nan")]),
        ("adapter", "targets", [[], [""], "q_proj", [1]]),
        ("watch", "log", [0, -1]),
        ("watch", "save", [0]),
        ("watch", "evaluate", [-1]),
        ("watch", "save_dtype", ["int8"]),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_named(table: str, key: str, values: list[Any]) -> None:
    for value in values:
        changed = MINE | {table: {**MINE.get(table, {}), key: value}}
        with pytest.raises(ConfigError, match=rf"{table}\]?[:.] ?{key} = ") as refused:
            parse_recipe(changed, "mine", "mine.toml")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("SCaR", "mine.toml: sources is no list of tables"),
        ({"name": "a"}, r"sources is no list of tables; write each source under \[\[sources\]\]"),
        ([{"name": "", "files": "a"}], "sources.name = ''; it must be a name"),
        ([{"name": "a", "files": ""}], "sources.files = ''; it must be a pattern of files"),
        ([{"name": "a", "files": "b", "weight": -1}], "sources.weight = -1.0; it must be at least 0"),
        ([{"name": "a", "files": "b", "weight": float("nan")}], "sources.weight = nan; it must be a finite number"),
        (
            [{"name": "a", "files": "b"}, {"name": "a", "files": "c"}],
            "two sources have the name 'a'; give each its own",
        ),
    ],
)
def test_bad_sources_are_named(sources: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_recipe(MINE | {"sources": sources}, "mine", "mine.toml")


def test_a_profile_is_a_profile() -> None:
    with pytest.raises(ConfigError, match="profile = 'cleen'; it must be empty, official or clean"):
        parse_recipe(MINE | {"profile": "cleen"}, "mine", "mine.toml")


def test_unknown_recipes_name_the_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'virtue-3b': built in are .*virtue-2b"):
        TrainingRecipe.read("virtue-3b")
    (tmp_path / "bad.toml").write_text("steps = ")
    with pytest.raises(ConfigError, match=r"bad\.toml: not TOML"):
        TrainingRecipe.read(tmp_path / "bad.toml")
