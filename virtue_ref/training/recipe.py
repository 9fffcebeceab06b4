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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scar.common.tables import make_record, read_toml
from scar.errors import ConfigError

RECIPE_FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class SourceRecipe:
    """A source of training pairs.

    Attributes:
        name: name of the source in logs.
        files: glob pattern of parquet files, relative to the data folder.
        images: folder of the images, relative to the data folder.
        weight: relative frequency of the source; 0 takes its number of usable rows.
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
        part: number of items embedded at once, limited by memory; gradients do not depend on it.
        cached: whether to embed every item twice, so that memory holds the activations of one part only. Without it, a
            single process keeps those of the whole batch; several processes always work as if it were set.
        rate: peak learning rate.
        warm_up: number of steps until the peak learning rate; after them it falls linearly to 0.
        decay: weight decay.
        clip: norm to which larger gradients are clipped.
        temperature: temperature of the loss.
        dtype: "float32" or "bfloat16", number format of the computation; trained weights are always float32.
        checkpointing: whether to recompute activations of the language model, which saves memory.
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
    """LoRA adapters of the language model.

    Attributes:
        rank: rank of an adapter.
        alpha: the output of an adapter is multiplied by alpha / rank.
        dropout: dropout probability of an adapter's input.
        dora: whether to train direction and length of weights separately (DoRA, arXiv 2402.09353).
        gaussian: whether the first matrix starts normally distributed with standard deviation 1 / rank, instead of
            uniformly as a linear layer. The second matrix always starts as 0.
        targets: names of the linear layers that get an adapter.
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
        save: number of steps between two checkpoints.
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
        missing: what to do if an image is missing: "stop" raises, "skip" leaves its row out and counts it.
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
            name: name of a built-in recipe, else the path of a TOML file.

        Raises:
            ConfigError: there is no such recipe, or a key or value is wrong; the message names table and key.
        """
        path = RECIPE_FOLDER / f"{name}.toml" if (RECIPE_FOLDER / f"{name}.toml").is_file() else Path(name)
        if not path.is_file():
            known = ", ".join(list_recipes())
            raise ConfigError(f"no recipe {str(name)!r}: built in are {known}; else give a TOML file.")
        return parse_recipe(read_toml(path, ConfigError), path.stem, str(path))

    def with_options(self, **changes: Any) -> TrainingRecipe:
        """A copy of this recipe with the given fields replaced; None keeps a field.

        Args:
            changes: fields of `OptimiserRecipe` or of this class, by name. A new `model` also empties `backbone`.

        Raises:
            ConfigError: a value is out of range.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        if "model" in given:
            given |= {"backbone": ""}  # a whole model includes its backbone
        inner = {key: given.pop(key) for key in list(given) if key in _field_names(OptimiserRecipe)}
        return _check_recipe(dataclasses.replace(self, optimiser=dataclasses.replace(self.optimiser, **inner), **given))

    def to_dict(self) -> dict[str, Any]:
        """All fields in nested dictionaries, for JSON."""
        return dataclasses.asdict(self)


def list_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPE_FOLDER.glob("*.toml"))


def parse_recipe(table: Mapping[str, Any], name: str, where: str) -> TrainingRecipe:
    """Make a recipe from the table of a TOML file.

    Args:
        table: the parsed file.
        name: name of the recipe, if the table has none.
        where: path of the file, for error messages.

    Raises:
        ConfigError: a key is unknown or missing, or a value does not fit; the message names it.
    """
    stored = dict(table)
    stored["sources"] = tuple(
        make_record(each, SourceRecipe, f"{where}, [[sources]] {number}", ConfigError)
        for number, each in enumerate(stored.get("sources", ()), start=1)
    )
    for key, kind in (("optimiser", OptimiserRecipe), ("adapter", AdapterRecipe), ("watch", WatchRecipe)):
        if key in stored:
            stored[key] = make_record(stored[key], kind, f"{where}, [{key}]", ConfigError)
    return _check_recipe(make_record({"name": name, **stored}, TrainingRecipe, where, ConfigError))


def _field_names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _check_recipe(recipe: TrainingRecipe) -> TrainingRecipe:
    """Return the recipe if its values are allowed; raise `ConfigError` if not."""
    settings, name = recipe.optimiser, recipe.name
    if not recipe.sources:
        raise ConfigError(f"{name}: no [[sources]].")
    for key, value, least in (("batch", settings.batch, 2), ("steps", settings.steps, 0), ("part", settings.part, 1)):
        if value < least:
            raise ConfigError(f"{name}: optimiser.{key} = {value}; it must be at least {least}.")
    if settings.batch % (settings.sub_batch or settings.batch):
        raise ConfigError(f"{name}: batch {settings.batch} is no multiple of sub_batch {settings.sub_batch}.")
    if settings.dtype not in ("float32", "bfloat16"):
        raise ConfigError(f"{name}: optimiser.dtype {settings.dtype!r} is neither float32 nor bfloat16.")
    if recipe.missing not in ("stop", "skip"):
        raise ConfigError(f"{name}: missing = {recipe.missing!r} is neither stop nor skip.")
    return recipe
