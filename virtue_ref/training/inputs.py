"""Open what a recipe names: the weights that a run starts from, and its sources of pairs."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

from accelerate import init_empty_weights

from scar.errors import CheckpointError, ConfigError, DataError
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.official import read_parts
from virtue_ref.checkpoints.resolve import find_checkpoint_folder, make_random_checkpoint, read_checkpoint
from virtue_ref.config import PROFILES, Config, is_config
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import SourceRecipe, TrainingRecipe
from virtue_ref.training.row_checks import RowChecker
from virtue_ref.training.setup import make_collator

MAX_NAMED = 3
"""Most sources that a line about missing inputs names."""


def read_start(recipe: TrainingRecipe) -> Checkpoint:
    """Read the weights that a recipe starts from, with the recipe's profile if it names one.

    If the recipe has a `backbone`, these are Qwen2-VL's and SAM 2's weights and a random connector, and `model` is a
    config. If not, `model` is a config, which gives random weights, or a checkpoint. `optimiser.seed` is the seed of
    random weights.

    Raises:
        VirtueError: the weights are missing and cannot be downloaded, or the config is unknown.
    """
    if recipe.backbone:
        config = Config.read(recipe.model).with_options(profile=recipe.profile or None)
        stored = read_parts(config, find_checkpoint_folder(recipe.backbone), recipe.segmenter or None)
        with init_empty_weights(include_buffers=False):
            model = Virtue(config)
        if model.connector is not None:
            model.connector.to_empty(device="cpu")
            lora.reset_connector(model, recipe.optimiser.seed)
            stored = dataclasses.replace(stored, connector=dict(model.connector.state_dict()))
        return stored
    if is_config(recipe.model):
        return make_random_checkpoint(
            Config.read(recipe.model).with_options(profile=recipe.profile or None), recipe.optimiser.seed
        )
    stored = read_checkpoint(recipe.model, segmenter=recipe.segmenter or None)
    return dataclasses.replace(stored, config=stored.config.with_options(profile=recipe.profile or None))


def open_sources(recipe: TrainingRecipe, data: Path, start: Checkpoint | None = None) -> list[PairSource]:
    """Open the sources of a recipe, in its order, and check every row.

    Args:
        recipe: the training recipe.
        data: folder that the file patterns and image folders of the recipe are relative to.
        start: the model to train; rows that it cannot embed are left out. None checks only whether images can be read.

    Raises:
        DataError: a source has no files, no usable row or lacks a column; or an image is missing or broken, and the
            recipe says ``missing = "stop"``.
        ConfigError: a file pattern is empty or absolute.
        CheckpointError: the tokenizer of `start` cannot be read.
    """
    checker = make_row_checker(recipe, start)
    return [
        open_source(
            source.name,
            find_files(source, data, recipe.name),
            data / source.images,
            missing=recipe.missing,
            all_negatives=source.all_negatives,
            checker=checker,
        )
        for source in recipe.sources
    ]


def find_files(source: SourceRecipe, data: Path, recipe: str) -> list[Path]:
    """Find the parquet files of a source, sorted; none if the pattern fits no file.

    Args:
        source: the source.
        data: folder that its pattern is relative to.
        recipe: name of the recipe, for error messages.

    Raises:
        ConfigError: the pattern is empty or absolute.
    """
    try:
        return sorted(data.glob(source.files))
    except (ValueError, NotImplementedError) as error:
        raise ConfigError(f"{recipe}, source {source.name}: files = {source.files!r}: {error}.") from None


def make_row_checker(recipe: TrainingRecipe, start: Checkpoint | None) -> RowChecker:
    """Make the checker of rows for the model of `start`, without memory for its weights.

    If `start` is None, the checker asks no model and reads images by the recipe's profile, "clean" if it has none.
    """
    if start is None:
        return RowChecker(PROFILES[recipe.profile or "clean"])
    with init_empty_weights(include_buffers=False):
        model = Virtue(start.config)
    collator = make_collator(model, start, recipe.name)
    return RowChecker(start.config.profile, lambda item: collator.prepare_item(item, 0))


def gather_inputs(recipe: TrainingRecipe, data: Path) -> tuple[Checkpoint | None, list[PairSource], list[str]]:
    """Read those of a recipe's weights and sources that can be used, for a plan that tells what is missing.

    Returns:
        The weights, or None if they are missing or damaged; the usable sources; and lines that say what is missing.
        The weights have one line. Sources with the same problem share a line. After `MAX_NAMED` + 1 lines, one more
        says how many sources are left out.

    Raises:
        ConfigError: the recipe names a config that does not exist, or a source's file pattern is empty or absolute. A
            pattern that fits no file is a line.
    """
    start, missing, sources = None, [], []
    try:
        start = read_start(recipe)
    except CheckpointError as error:
        missing.append(str(error))
    absent: dict[str, list[str]] = {}
    for source in recipe.sources:
        try:
            sources += open_sources(dataclasses.replace(recipe, sources=(source,)), data, start)
        except DataError as error:
            absent.setdefault(str(error).removeprefix(f"{source.name}: "), []).append(source.name)
    room = MAX_NAMED + 1 - len(missing)
    for problem, names in islice(absent.items(), room):
        some = ", ".join(names[:MAX_NAMED]) + (", ..." if names[MAX_NAMED:] else "")
        missing.append(f"{len(names)} of {len(recipe.sources)} sources ({some}): {problem}")
    if left := sum(map(len, islice(absent.values(), room, None))):
        missing.append(f"{left} more source{'s' if left > 1 else ''}, for other reasons")
    return start, sources, missing
