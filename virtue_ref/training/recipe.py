"""What a training run is made of, as data: model, sources, batch, optimiser. Importing it is fast: no torch.

A recipe::

    about = "what it trains"
    model = "2b"                                # whose sizes; or a checkpoint to go on from
    backbone = "Qwen/Qwen2-VL-2B-Instruct"      # whose weights, where the connector starts from scratch
    segmenter = "facebook/sam2.1-hiera-base-plus"

    [optimiser]
    steps = 5000

    [adapter]
    rank = 8

    [[sources]]
    name = "HatefulMemes"
    files = "HatefulMemes/original*.parquet"    # below the data folder
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
    """Rows of one kind.

    Attributes:
        name: as logs show it.
        files: parquet files below the data folder; a pattern.
        images: folder of the images, below the data folder.
        weight: how often it comes, against the others; 0 counts its rows as the weight.
        all_negatives: take all nine negatives of a SCaR build, not only the row's one.
    """

    name: str
    files: str
    images: str = "."
    weight: float = 0
    all_negatives: bool = False


@dataclass(frozen=True, slots=True)
class OptimiserRecipe:
    """How long and how fast.

    Attributes:
        steps: optimiser steps; 0 is one pass over all rows.
        batch: pairs of a step, over all processes.
        sub_batch: consecutive pairs of one source in a batch; 0 is the whole batch.
        part: items embedded at once, what memory allows; gradients do not depend on it.
        cached: embed twice, so that memory is that of one part; without it, one process keeps everything at once.
        rate: peak of the learning rate.
        warm_up: steps until it is reached; then it falls linearly to 0.
        decay: of weights.
        clip: largest norm of a gradient.
        temperature: of the loss.
        dtype: "float32" or "bfloat16"; the trained weights themselves stay float32.
        checkpointing: recompute activations of the language model to save memory.
        seed: of connector, adapters and the order of rows.
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
    """The low-rank change to the language model.

    Attributes:
        rank: of it.
        alpha: its strength is alpha / rank.
        dropout: of its input.
        dora: directions and lengths apart (arXiv 2402.09353).
        gaussian: its first matrix begins normal, of deviation 1 / rank, not uniform as a linear layer; the second is 0.
        targets: names of the linear layers that get one.
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
        log: steps between two lines of the log.
        save: steps between two checkpoints.
        evaluate: steps between two evaluations; 0 is never.
        corpus: SCaR build that is scored, below the data folder.
        save_dtype: in which the model of a checkpoint is written; what resumes is exact in any case.
    """

    log: int = 10
    save: int = 500
    evaluate: int = 0
    corpus: str = ""
    save_dtype: Literal["", "float32", "bfloat16", "float16"] = ""


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """A training run.

    Attributes:
        name: of it.
        about: one sentence.
        model: a config of `virtue_ref.config` for a start from parts, or a checkpoint as `virtue_ref.load` takes it.
        backbone: Qwen2-VL's weights for a start from parts, a folder or a Hub id; empty for a checkpoint.
        segmenter: SAM 2's weights, a file or a Hub id, where the checkpoint does not contain them.
        profile: "clean" or "official"; empty keeps the model's.
        missing: what an image that is not there does: "stop", or "skip" its rows and count them.
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
        """Recipe from a built-in name or a TOML file.

        Raises:
            ConfigError: no such recipe, or a value that is none; names table and key.
        """
        path = RECIPE_FOLDER / f"{name}.toml" if (RECIPE_FOLDER / f"{name}.toml").is_file() else Path(name)
        if not path.is_file():
            known = ", ".join(list_recipes())
            raise ConfigError(f"no recipe {str(name)!r}: built in are {known}; else give a TOML file.")
        return parse_recipe(read_toml(path, ConfigError), path.stem, str(path))

    def with_options(self, **changes: Any) -> TrainingRecipe:
        """This recipe with settings of the optimiser or of itself replaced; None keeps one."""
        given = {key: value for key, value in changes.items() if value is not None}
        if "model" in given:
            given |= {"backbone": ""}  # a whole model has its own
        inner = {key: given.pop(key) for key in list(given) if key in _field_names(OptimiserRecipe)}
        return _check_recipe(dataclasses.replace(self, optimiser=dataclasses.replace(self.optimiser, **inner), **given))

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return dataclasses.asdict(self)


def list_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPE_FOLDER.glob("*.toml"))


def parse_recipe(table: Mapping[str, Any], name: str, where: str) -> TrainingRecipe:
    """A recipe of a parsed TOML file.

    Raises:
        ConfigError: a key that is none, that is missing, or a value that does not fit; names it.
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
    """The recipe, if its numbers can be."""
    settings, name = recipe.optimiser, recipe.name
    if not recipe.sources:
        raise ConfigError(f"{name}: no [[sources]].")
    for key, value, least in (("batch", settings.batch, 2), ("steps", settings.steps, 0), ("part", settings.part, 1)):
        if value < least:
            raise ConfigError(f"{name}: optimiser.{key} = {value}; at least {least} is wanted.")
    if settings.batch % (settings.sub_batch or settings.batch):
        raise ConfigError(f"{name}: batch {settings.batch} is no multiple of sub_batch {settings.sub_batch}.")
    if settings.dtype not in ("float32", "bfloat16"):
        raise ConfigError(f"{name}: optimiser.dtype {settings.dtype!r} is neither float32 nor bfloat16.")
    if recipe.missing not in ("stop", "skip"):
        raise ConfigError(f"{name}: missing = {recipe.missing!r} is neither stop nor skip.")
    return recipe
