"""Open what a recipe names: the weights that a run starts from, and its sources of pairs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from accelerate import init_empty_weights

from scar.errors import CheckpointError, ConfigError, DataError
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.official import read_parts
from virtue_ref.checkpoints.resolve import find_checkpoint_folder, make_random_checkpoint, read_checkpoint
from virtue_ref.config import Config, is_config
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import TrainingRecipe


def read_start(recipe: TrainingRecipe) -> Checkpoint:
    """Read the weights that a recipe starts from.

    If the recipe has a `backbone`, these are Qwen2-VL's and SAM 2's weights and a random connector. If not, a config as
    `model` gives random weights, and every other `model` is a checkpoint.

    Raises:
        VirtueError: the weights are missing and cannot be downloaded, or do not fit the config.
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


def open_sources(recipe: TrainingRecipe, data: Path) -> list[PairSource]:
    """Open the sources of a recipe and check every row.

    Raises:
        DataError: files or images are missing, or a file has other columns.
    """
    return [
        open_source(
            source.name,
            sorted(data.glob(source.files)),
            data / source.images,
            missing=recipe.missing,
            all_negatives=source.all_negatives,
        )
        for source in recipe.sources
    ]


def gather_inputs(recipe: TrainingRecipe, data: Path) -> tuple[Checkpoint | None, list[PairSource], list[str]]:
    """Read what is available of a recipe's weights and sources, for a plan that does without the rest.

    Returns:
        The weights, None if they are missing; the sources that are available; an error message for each missing input.
    """
    start, missing, sources = None, [], []
    try:
        start = read_start(recipe)
    except (CheckpointError, ConfigError) as error:
        missing.append(str(error))
    for source in recipe.sources:
        try:
            sources += open_sources(dataclasses.replace(recipe, sources=(source,)), data)
        except DataError as error:
            missing.append(str(error))
    return start, sources, missing
