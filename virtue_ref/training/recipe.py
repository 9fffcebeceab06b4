"""Training recipes: model, sources, batch and optimiser as data. This module imports no torch, so it loads fast.

A recipe::

    about = "what it trains"
    model = "2b"                                # a config; or a checkpoint, then without `backbone`
    backbone = "Qwen/Qwen2-VL-2B-Instruct"      # pretrained weights; the connector starts from scratch
    segmenter = "facebook/sam2.1-hiera-base-plus"

    [optimiser]
    steps = 5000

    [adapter]
    rank = 8

    [[sources]]
    name = "HatefulMemes"
    files = "HatefulMemes/original*.parquet"    # relative to the data folder
    images = "."
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from scar.common.tables import make_record, read_toml
from scar.errors import ConfigError
from virtue_ref.config import PROFILES

RECIPE_FOLDER = Path(__file__).parent / "recipes"
DEMO = "demo"
"""Name under which ``virtue train`` makes the demo model; it takes several stages, so it is no recipe."""

Check: TypeAlias = tuple[Callable[[Any], bool], str]
"""Whether a value is allowed, and what it must be."""

AT_LEAST_0: Check = (lambda value: value >= 0, "at least 0")
AT_LEAST_1: Check = (lambda value: value >= 1, "at least 1")
AT_LEAST_2: Check = (lambda value: value >= 2, "at least 2")
ABOVE_0: Check = (lambda value: value > 0, "above 0")

CHECKS: Mapping[str, Check] = {
    "optimiser.steps": AT_LEAST_0,
    "optimiser.batch": AT_LEAST_2,
    "optimiser.sub_batch": AT_LEAST_0,
    "optimiser.part": AT_LEAST_1,
    "optimiser.rate": ABOVE_0,
    "optimiser.warm_up": AT_LEAST_0,
    "optimiser.decay": AT_LEAST_0,
    "optimiser.clip": ABOVE_0,
    "optimiser.temperature": ABOVE_0,
    "optimiser.dtype": (lambda value: value in ("float32", "bfloat16"), "float32 or bfloat16"),
    "optimiser.seed": AT_LEAST_0,
    "adapter.rank": AT_LEAST_1,
    "adapter.alpha": AT_LEAST_1,
    "adapter.dropout": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "adapter.targets": (lambda value: value and all(value), "at least one name of a layer"),
    "watch.log": AT_LEAST_1,
    "watch.save": AT_LEAST_1,
    "watch.evaluate": AT_LEAST_0,
    "sources.name": (bool, "a name"),
    "sources.files": (bool, "a pattern of files"),
    "sources.weight": AT_LEAST_0,
    "model": (bool, "the name of a config or checkpoint"),
    "profile": (lambda value: value == "" or value in PROFILES, f"empty, {' or '.join(PROFILES)}"),
    "missing": (lambda value: value in ("stop", "skip"), "stop or skip"),
}
"""Dotted name of a recipe's field -> which values are allowed. Every number must also be finite."""


@dataclass(frozen=True, slots=True)
class SourceRecipe:
    """A source of training pairs.

    Attributes:
        name: name of the source in logs.
        files: glob pattern of parquet files, relative to the data folder.
        images: folder of the images, relative to the data folder; image paths in the rows are relative to it.
        weight: relative frequency with which the source is drawn; 0 takes its number of usable rows.
        all_negatives: whether to take all nine negatives from the provenance of a SCaR build, instead of the row's one.
    """

    name: str
    files: str
    images: str = "."
    weight: float = 0
    all_negatives: bool = False


@dataclass(frozen=True, slots=True)
class OptimiserRecipe:
    """Settings of the optimiser and of a training step.

    Attributes:
        steps: number of optimiser steps; 0 is one pass over all rows.
        batch: number of pairs in a step, over all processes.
        sub_batch: number of consecutive pairs of a batch that come from one source; 0 is the whole batch.
        part: most items that are embedded at once in a process, limited by memory; gradients do not depend on it.
        cached: whether to embed every item twice, so that memory holds the activations of one part only. Without it, a
            single process keeps those of the whole batch; several processes always work as if it were set.
        rate: peak learning rate.
        warm_up: number of steps over which the rate rises to its peak; after them it falls linearly to 0.
        decay: weight decay of AdamW.
        clip: L2 norm to which the gradient is scaled down if its norm is larger.
        temperature: number that similarities are divided by in the loss.
        dtype: "float32" or "bfloat16", number format of the computation; trained weights are always float32.
        checkpointing: whether the language model computes its activations again in the backward pass, which saves
            memory.
        seed: seed of connector, adapters, dropout and the order of rows.
    """

    steps: int
    batch: int
    sub_batch: int = 0
    part: int = 64
    cached: bool = True
    rate: float = 5e-5
    warm_up: int = 100
    decay: float = 0.0
    clip: float = 1.0
    temperature: float = 0.02
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    checkpointing: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """LoRA adapters of the language model. An adapter multiplies its input by two matrices, one after the other.

    Attributes:
        rank: rank of an adapter.
        alpha: the output of an adapter is multiplied by alpha / rank.
        dropout: probability with which a value of an adapter's input is dropped in training.
        dora: whether to train direction and length of weights separately (DoRA, arXiv 2402.09353).
        gaussian: whether the first matrix starts normally distributed with standard deviation 1 / rank, instead of
            uniformly as a linear layer. The second matrix always starts as 0.
        targets: last parts of the names of the linear layers that get an adapter.
    """

    rank: int = 8
    alpha: int = 64
    dropout: float = 0.0
    dora: bool = False
    gaussian: bool = False
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class WatchRecipe:
    """How often a run is logged, saved and evaluated.

    Attributes:
        log: number of steps between two lines of the log.
        save: number of steps between two checkpoints. One is also saved after each evaluation and at the end.
        evaluate: number of steps between two evaluations; 0 evaluates only at the end.
        corpus: folder of the SCaR build to evaluate on, relative to the data folder; "" never evaluates.
        save_dtype: number format of the model in a checkpoint; "" keeps each weight's own. A resumed run is exact in
            any case.
    """

    log: int = 10
    save: int = 500
    evaluate: int = 0
    corpus: str = ""
    save_dtype: Literal["", "float32", "bfloat16", "float16"] = ""


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """Everything that defines a training run.

    Attributes:
        name: name of the recipe.
        about: what the recipe trains, in one sentence.
        model: name of a config or of a checkpoint, see the argument `config` of `virtue_ref.load`.
        backbone: folder or Hub id of Qwen2-VL's weights, if `model` is a config whose connector starts from scratch;
            "" starts from the weights of `model`.
        segmenter: file or Hub id of SAM 2's weights, if the checkpoint does not contain them or `backbone` is given; ""
            searches for them, see `virtue_ref.checkpoints.official.read_official`.
        profile: "clean" or "official"; "" keeps the model's profile.
        missing: what to do if an image is missing or broken: "stop" raises, "skip" leaves its row out and counts it.
            Rows that cannot be used for another reason are always left out and counted.
        sources: where pairs come from.
        optimiser: see `OptimiserRecipe`.
        adapter: see `AdapterRecipe`.
        watch: see `WatchRecipe`.
    """

    name: str
    about: str
    model: str
    sources: tuple[SourceRecipe, ...]
    optimiser: OptimiserRecipe
    adapter: AdapterRecipe = AdapterRecipe()
    watch: WatchRecipe = WatchRecipe()
    backbone: str = ""
    segmenter: str = ""
    profile: str = ""
    missing: Literal["stop", "skip"] = "stop"

    @classmethod
    def read(cls, name: str | Path) -> TrainingRecipe:
        """Read a recipe.

        Args:
            name: name of a built-in recipe, else the path of a TOML file; built-in names come first.

        Returns:
            The recipe. If the file gives no `name`, it is the file's name without ``.toml``.

        Raises:
            ConfigError: there is no such recipe, or a key or value is wrong; the message names table and key.
        """
        path = RECIPE_FOLDER / f"{name}.toml" if (RECIPE_FOLDER / f"{name}.toml").is_file() else Path(name)
        if not path.is_file():
            known = [DEMO, *list_recipes()]
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}? Else" if near else "else"
            raise ConfigError(f"no recipe {str(name)!r}: built in are {', '.join(known)}; {hint} give a TOML file.")
        return parse_recipe(read_toml(path, ConfigError), path.stem, str(path))

    def with_options(self, **changes: Any) -> TrainingRecipe:
        """Return a copy of this recipe with the given fields replaced; None keeps a field.

        Args:
            changes: fields of `OptimiserRecipe` or of this class, by name. A new `model` also empties `backbone`.

        Raises:
            ConfigError: a value is out of range.
            TypeError: there is no such field.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        if "model" in given:
            given |= {"backbone": ""}  # a whole model includes its backbone
        inner = {key: given.pop(key) for key in list(given) if key in _field_names(OptimiserRecipe)}
        return _check_recipe(dataclasses.replace(self, optimiser=dataclasses.replace(self.optimiser, **inner), **given))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields in nested dictionaries, for JSON."""
        return dataclasses.asdict(self)


def list_recipes() -> list[str]:
    """Return the names of the recipes that come with the package, sorted; `DEMO` is not among them."""
    return sorted(path.stem for path in RECIPE_FOLDER.glob("*.toml"))


def parse_recipe(table: Mapping[str, Any], name: str, where: str) -> TrainingRecipe:
    """Make a recipe from the table of a TOML file.

    Args:
        table: the parsed file.
        name: name of the recipe, if the table has none.
        where: path of the file, for error messages.

    Raises:
        ConfigError: a key is unknown or missing, or a value has the wrong type or is out of range; the message names
            it.
    """
    stored = dict(table)
    listed = stored.get("sources", ())
    if not isinstance(listed, list | tuple):
        raise ConfigError(f"{where}: sources is no list of tables; write each source under [[sources]].")
    stored["sources"] = tuple(
        make_record(each, SourceRecipe, f"{where}, [[sources]] {number}", ConfigError)
        for number, each in enumerate(listed, start=1)
    )
    for key, kind in (("optimiser", OptimiserRecipe), ("adapter", AdapterRecipe), ("watch", WatchRecipe)):
        if key in stored:
            stored[key] = make_record(stored[key], kind, f"{where}, [{key}]", ConfigError)
    return _check_recipe(make_record({"name": name, **stored}, TrainingRecipe, where, ConfigError))


def _field_names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _check_recipe(recipe: TrainingRecipe) -> TrainingRecipe:
    """Return the recipe if its values are allowed; raise `ConfigError` if not."""
    name = recipe.name
    if not recipe.sources:
        raise ConfigError(f"{name}: no [[sources]].")
    for key, value in _iter_values(recipe):
        is_allowed, wanted = CHECKS.get(key, (lambda _: True, ""))
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{name}: {key} = {value}; it must be a finite number.")
        if not is_allowed(value):
            raise ConfigError(f"{name}: {key} = {value!r}; it must be {wanted}.")
    twice = [key for key, count in Counter(source.name for source in recipe.sources).items() if count > 1]
    if twice:
        raise ConfigError(f"{name}: two sources have the name {twice[0]!r}; give each its own.")
    settings = recipe.optimiser
    if settings.batch % (settings.sub_batch or settings.batch):
        raise ConfigError(f"{name}: batch {settings.batch} is no multiple of sub_batch {settings.sub_batch}.")
    return recipe


def _iter_values(recipe: TrainingRecipe) -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every field, those of each source in turn."""
    tables: list[tuple[str, Any]] = [("", recipe), ("optimiser.", recipe.optimiser), ("adapter.", recipe.adapter)]
    tables += [("watch.", recipe.watch), *(("sources.", source) for source in recipe.sources)]
    for prefix, table in tables:
        for field in dataclasses.fields(table):
            yield f"{prefix}{field.name}", getattr(table, field.name)
