"""The settings of a model as JSON: in `virtue.json` of our layout, and in `OFFICIAL_SETTINGS_FILE` of the official one.

The official layout has no place for profile, image rules, text length and the package that runs the segmenter: its
readers take those of the release. A model that differs from the release is written with `OFFICIAL_SETTINGS_FILE`, which
this package reads and the released code ignores.
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
    """Return `profile` (its name), `image` (the rules as a dictionary) and `max_length` of a config, for JSON."""
    return {
        "profile": config.profile.name,
        "image": dataclasses.asdict(config.image),
        "max_length": config.max_length,
    }


def apply_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """Return a copy of a config with the settings that `describe_settings` described; other keys are ignored.

    Raises:
        KeyError: a setting is missing.
        TypeError: `image` has an unknown rule, or a setting has another type.
        ConfigError: there is no such profile, or the image rules contradict each other.
    """
    image = settings["image"] | {key: tuple(settings["image"][key]) for key in ("mean", "std")}
    profile = get_profile(settings["profile"])
    return dataclasses.replace(config, profile=profile, image=ImageRules(**image), max_length=settings["max_length"])


def write_official_settings(config: Config, folder: Path, read_back: Config) -> None:
    """Write `OFFICIAL_SETTINGS_FILE` into a folder if the official layout would lose a setting; else write nothing.

    Args:
        config: config of the model.
        folder: the folder, in the official layout.
        read_back: the config that a reader gets from the folder without this file.
    """
    settings = describe_settings(config) | {"segmenter_package": _get_package(config)}
    if settings != describe_settings(read_back) | {"segmenter_package": _get_package(read_back)}:
        (folder / OFFICIAL_SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")


def read_official_settings(config: Config, folder: Path) -> Config:
    """Return a copy of a config with the settings of a folder's `OFFICIAL_SETTINGS_FILE`; without it, `config`.

    Raises:
        CheckpointError: the file is damaged, or a setting is missing or unknown.
        ConfigError: the file names an unknown profile.
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
