"""From the name a user gives to an embedder; a model that is not asked for is not imported."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmeb_eval.embedder import Embedder, load_embedder
from scar.errors import EvalError, UnknownName

ENTRY_POINT_GROUP = "mmeb_eval.embedders"
"""Group in which an installed package registers a function that makes an embedder, under the name it goes by here."""


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that share a way of loading.

    Attributes:
        loader: ``module:function``, called with what stands behind the colon of a name.
        argument: what that is, for messages; empty if nothing is taken.
        argument_required: whether it must be there.
        extra: what pip has to install for it.
        options: the command line's options that the function takes.
        takes_whole_name: whether the function gets the whole name, whose colon belongs to it.
    """

    loader: str
    argument: str = ""
    argument_required: bool = True
    extra: str = ""
    options: tuple[str, ...] = ()
    takes_whole_name: bool = False


MODEL_FAMILIES: Mapping[str, ModelFamily] = {
    "constant": ModelFamily("mmeb_eval.adapters.baselines:Constant"),
    "random": ModelFamily("mmeb_eval.adapters.baselines:Random", options=("seed",)),
    "text-only": ModelFamily("mmeb_eval.adapters.baselines:TextOnly"),
    "virtue": ModelFamily(
        "virtue_ref.embedder:load", "<folder or hub id>", argument_required=False, extra="virtue", options=("config",)
    ),
    "clip": ModelFamily("mmeb_eval.adapters.two_tower:load_clip", "<folder or hub id>", extra="virtue"),
    "siglip": ModelFamily("mmeb_eval.adapters.two_tower:load_siglip", "<folder or hub id>", extra="virtue"),
    "sentence-transformers": ModelFamily(
        "mmeb_eval.adapters.sentence_transformers:load", "<folder or hub id>", extra="adapters"
    ),
    "mteb": ModelFamily("mmeb_eval.adapters.mteb:load", "<name in mteb's registry>", extra="adapters"),
    "http": ModelFamily("mmeb_eval.adapters.http:load", "//<host>/v1/embeddings#<model>", takes_whole_name=True),
    "https": ModelFamily("mmeb_eval.adapters.http:load", "//<host>/v1/embeddings#<model>", takes_whole_name=True),
    "vllm": ModelFamily("mmeb_eval.adapters.http:load_vllm", "<url>/v1/embeddings#<model>"),
}
"""What `load_model` takes, by what stands before the colon; then entry points, then any ``<module>:<function>``."""


def load_model(name: str, *, config: str | None = None, seed: int = 0) -> Embedder:
    """The embedder of that name.

    Args:
        name: of `MODEL_FAMILIES` or of an entry point, with a colon and what it takes; or ``module:function``.
        config: ``tiny``, ``2b``, ``7b`` or a file, for virtue.
        seed: of the random floor.

    Raises:
        UnknownName: there is none.
        EvalError: it cannot be loaded; says why.
    """
    prefix, _, argument = name.partition(":")
    family = MODEL_FAMILIES.get(prefix)
    if family is not None:
        return _load_from_family(family, name, prefix, argument, {"config": config, "seed": seed})
    if (path := _read_entry_points().get(prefix)) is not None:
        try:
            return load_embedder(path, *filter(None, [argument]))
        except (ImportError, TypeError) as error:
            raise EvalError(f"{name}: {path} of entry point {prefix!r} cannot be called: {error}") from error
    if argument and _is_module(prefix):
        return load_embedder(name)
    known = [*MODEL_FAMILIES, *_read_entry_points()]
    lists = ", ".join([*list_model_names(), *_read_entry_points()])
    missing = f"no module {prefix!r} here or installed; " if argument else ""
    raise UnknownName("model", prefix, known, f"{missing}a model is one of {lists} or <module>:<function>.")


def list_model_names() -> list[str]:
    """The families with what they take, for help and messages."""
    return [
        prefix
        if not family.argument
        else f"{prefix}:{family.argument}"
        if family.argument_required
        else f"{prefix}[:{family.argument}]"
        for prefix, family in MODEL_FAMILIES.items()
    ]


def _load_from_family(
    family: ModelFamily, name: str, prefix: str, argument: str, options: Mapping[str, str | int | None]
) -> Embedder:
    """The embedder of a family."""
    if argument and not family.argument:
        raise EvalError(f"{name}: {prefix} takes nothing behind its name.")
    if family.argument_required and family.argument and not argument:
        raise EvalError(f"{name}: which one? Write {prefix}:{family.argument}.")
    given = {key: options[key] for key in family.options if options[key] is not None}
    if argument and "config" in given:
        raise EvalError(f"{name}: --config {given['config']} names another one; give one of the two.")
    try:
        return load_embedder(family.loader, *filter(None, [name if family.takes_whole_name else argument]), **given)
    except ImportError as error:
        if not family.extra:
            raise
        raise EvalError(f"{name}: {error}; `pip install 'scar-virtue[{family.extra}]'` installs it.") from error


def _read_entry_points() -> dict[str, str]:
    """Paths of the embedders that installed packages register.

    Raises:
        EvalError: two packages register one name.
    """
    from importlib.metadata import entry_points

    paths: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if paths.setdefault(point.name, point.value) != point.value:
            raise EvalError(f"entry point {point.name!r} is both {paths[point.name]} and {point.value}; remove one.")
    return paths


def _is_module(name: str) -> bool:
    """Whether a module of that name lies here or is installed."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
