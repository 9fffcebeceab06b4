"""Options of the commands of `scar`: which of them go together, and the recipe that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from scar.errors import InputError

if TYPE_CHECKING:
    from scar.recipe import Recipe

MAX_DEMO_IMAGES = 100_000
"""Largest number of images that the demo draws for a split; it takes about an hour."""

DEFAULT_EVAL_SHARE = 0.1
"""Share of the images that ``--split-by`` gives eval."""


def make_recipe(
    name_or_path: str | None, source: dict[str, Any], seed: int | None, skip_bad: bool, data_root: Path | None
) -> Recipe:
    """Read the named recipe, or without a name make one from options; ``seed`` and ``skip_bad`` override its values."""
    import msgspec

    from scar.recipe import parse_recipe, read_recipe

    if name_or_path is not None:
        refuse_options(source, f"the sources stand in {name_or_path}")
        recipe = read_recipe(name_or_path, data_root)
    else:
        refuse_options({"data_root"} if data_root else (), "it belongs to a recipe that names data sets")
        recipe = parse_recipe({"source": _make_sources(source)}, file_name="options", base=Path())
    changes: dict[str, Any] = {"skip_bad": True} if skip_bad else {}
    if seed is not None:
        changes["seed"] = seed
    return msgspec.structs.replace(recipe, **changes)


def _make_sources(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The one source that options name, or the two of ``--split-by``, as tables of a recipe.

    Raises:
        InputError: an option is missing, or two exclude each other.
    """
    from scar.annotations.file_kind import find_reader
    from scar.recipe import READERS

    source = dict(options)
    split_by, share = source.pop("split_by", None), source.pop("eval_share", None)
    if split_by is not None:
        refuse_options({"split"} & source.keys(), "--split-by makes both splits")
    else:
        refuse_options({"eval_share"} if share is not None else (), "it belongs to --split-by image")
    needs_instances = "instances" in READERS[source.get("reader", "coco")].required
    wanted = (*(("instances",) if needs_instances else ()), "images", "name", *(() if split_by else ("split",)))
    missing = [f"--{option}" for option in wanted if option not in source]
    if missing:
        raise InputError(f"missing {', '.join(missing)}; give them, or the path of a recipe, or 'demo'.")
    is_plain = "reader" not in source and "files" not in source
    if is_plain and (reader := find_reader(Path(source["instances"]))):
        source["reader"] = reader
    if split_by is None:
        return [source]
    share = DEFAULT_EVAL_SHARE if share is None else share
    return [source | {"split": split, "eval_share": share} for split in ("train", "eval")]


def list_given_options(context: typer.Context) -> set[str]:
    """Names of the parameters that stand on the command line."""
    sources = ((name, context.get_parameter_source(name)) for name in context.params)
    return {name for name, source in sources if source is not None and source.name == "COMMANDLINE"}


def refuse_options(options: Iterable[str], reason: str) -> None:
    """Raise `InputError` if there are options, which would have no effect."""
    useless = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(options))
    if useless:
        raise InputError(f"{useless}: {reason}; leave the option out.")


def parse_files(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """The paths of further files by their names in a recipe, from ``NAME=PATH``; None without such options."""
    if not pairs:
        return None
    for pair in pairs:
        if not all(pair.partition("=")):
            raise InputError(f"--file {pair!r}: give NAME=PATH, such as refs=refs(unc).p.")
    return {name: path for name, _, path in (pair.partition("=") for pair in pairs)}


def parse_image_count(images: str | None) -> int:
    """Number of images that the demo draws for each split: the value of ``--images``, 120 without it."""
    if images is None:
        return 120
    if not images.isdecimal() or len(images) > 9 or not 1 <= int(images) <= MAX_DEMO_IMAGES:
        raise InputError(f"--images {images!r}: the demo takes a number of images to draw, 1 to {MAX_DEMO_IMAGES:,}.")
    return int(images)
