"""The settings of a model as JSON: in `virtue.json` of our layout, and beside the files of the official one.

The official layout has no place for profile, image rules, text length and the package that runs the segmenter. Whoever
reads it takes the release's; a model with other ones takes `OFFICIAL_SETTINGS_FILE` along, which the release ignores.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scar.errors import CheckpointError
from virtue_ref.checkpoints.tensors import read_json
from virtue_ref.config import Config, ImageRules, get_profile

OFFICIAL_SETTINGS_FILE = "virtue_settings.json"


def describe_settings(config: Config) -> dict[str, Any]:
    """Profile, image rules and text length of a model, for JSON."""
    return {
        "profile": config.profile.name,
        "image": dataclasses.asdict(config.image),
        "max_length": config.max_length,
    }


def apply_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy of a config with the settings that `describe_settings` described.

    Raises:
        KeyError: a setting is missing.
        TypeError: there is a setting that is none.
        ConfigError: there is no such profile.
    """
    image = settings["image"] | {key: tuple(settings["image"][key]) for key in ("mean", "std")}
    profile = get_profile(settings["profile"])
    return dataclasses.replace(config, profile=profile, image=ImageRules(**image), max_length=settings["max_length"])


def write_official_settings(config: Config, folder: Path, read_back: Config) -> None:
    """Write the settings that a folder in the official layout would lose; write nothing if it loses none.

    Args:
        config: config of the model.
        folder: the folder.
        read_back: config as the folder gives it without these settings.
    """
    settings = describe_settings(config) | {"segmenter_package": _get_package(config)}
    if settings != describe_settings(read_back) | {"segmenter_package": _get_package(read_back)}:
        (folder / OFFICIAL_SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")


def read_official_settings(config: Config, folder: Path) -> Config:
    """A copy of a config with the settings of a folder in the official layout, if it has any.

    Raises:
        CheckpointError: the file of the settings is damaged.
        ConfigError: there is no profile of the name in it.
    """
    file = folder / OFFICIAL_SETTINGS_FILE
    if not file.is_file():
        return config
    stored = read_json(file)
    try:
        found = apply_settings(config, stored)
        return found.with_options(segmenter_package=stored["segmenter_package"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{file}: not our settings ({error}).") from error


def _get_package(config: Config) -> str | None:
    return None if config.segmenter is None else config.segmenter.package
