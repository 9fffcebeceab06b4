"""Loads an embedder by the name that a user gives; only its own library is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from mmeb_eval.embedder import Embedder, load_embedder, search_working_directory
from scar.errors import EvalError, UnknownName

ENTRY_POINT_GROUP = "mmeb_eval.embedders"
"""Entry-point group in which other packages register, under a name, functions that make embedders."""


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that are loaded by the same function.

    Attributes:
        loader: ``module:function``; the function is called with the argument, the part of the model's name behind the
            first colon.
        argument: description of the argument, for messages; empty if the family takes none.
        argument_required: whether the name must have an argument; if not, the option ``config`` may stand for it.
        extra: pip extra of this distribution that installs the family's libraries; empty if it needs none.
        options: names of the options of `load_model` that the function takes.
        takes_whole_name: whether the function is called with the whole name, whose colon belongs to a URL.
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
        "virtue_ref.embedder:load",
        "<demo, folder or hub id>",
        argument_required=False,
        extra="virtue",
        options=("config",),
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
"""Part of a model's name before the first colon -> its family."""


def load_model(name: str, *, config: str | None = None, seed: int = 0) -> Embedder:
    """Load the embedder that a name stands for.

    Args:
        name: a key of `MODEL_FAMILIES` or the name of an entry point, with a colon and an argument if it takes one; or
            ``module:function``.
        config: config of the model ``virtue``: ``tiny``, ``2b``, ``7b`` or a TOML file; other models ignore it.
        seed: seed of the model ``random``; other models ignore it.

    Raises:
        UnknownName: no model, entry point or module has that name.
        EvalError: the model cannot be loaded; the message says why.
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
    """The families with descriptions of their arguments, for help and messages."""
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
    """Load an embedder of a family."""
    if argument and not family.argument:
        raise EvalError(f"{name}: {prefix} takes no argument; write {prefix} alone.")
    given = {key: options[key] for key in family.options if options[key] is not None}
    if family.argument and not argument and (family.argument_required or "config" not in given):
        raise EvalError(f"{name}: which one? Write {prefix}:{family.argument}.")
    if argument and "config" in given:
        raise EvalError(f"{name}: --config {given['config']} chooses another model; give one of the two.")
    try:
        return load_embedder(family.loader, *filter(None, [name if family.takes_whole_name else argument]), **given)
    except ImportError as error:
        if not family.extra:
            raise
        raise EvalError(f"{name}: {error}; `pip install 'scar-virtue[{family.extra}]'` installs it.") from error


def _read_entry_points() -> dict[str, str]:
    """The ``module:function`` that installed packages register, by name.

    Raises:
        EvalError: two packages register the same name.
    """
    from importlib.metadata import entry_points

    paths: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if paths.setdefault(point.name, point.value) != point.value:
            raise EvalError(f"entry point {point.name!r} is both {paths[point.name]} and {point.value}; remove one.")
    return paths


def _is_module(name: str) -> bool:
    """Whether the working directory or an installed package has a module of that name."""
    search_working_directory()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
