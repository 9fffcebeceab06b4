"""Loads an embedder by the name that a user gives; only its own library is imported."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmeb_eval.embedder import Embedder, load_embedder, search_working_directory
from mmeb_eval.foreign_code import list_parameters
from mmeb_eval.model_options import split_options
from scar.errors import EvalError, UnknownName

ENTRY_POINT_GROUP = "mmeb_eval.embedders"
"""Entry-point group in which other packages register, under a name, functions that make embedders."""


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that are loaded by the same function.

    Attributes:
        loader: ``module:function`` that makes the embedder. Its one positional argument is the part of the model's name
            behind the first colon; it gets none if the name has no such part.
        argument: that part as help shows it, such as ``<folder or hub id>``; empty if the family takes none.
        argument_required: whether the name must have that part; if not, the option ``config`` may stand for it.
        extra: pip extra of this distribution that installs the family's libraries; empty if it needs none.
        options: which of the options of `load_models` the function takes.
        takes_whole_name: whether the function gets the whole name instead, as its colon belongs to a URL.
    """

    loader: str
    argument: str = ""
    argument_required: bool = True
    extra: str = ""
    options: tuple[str, ...] = ()
    takes_whole_name: bool = False


def _serve(loader: str, address: str, *, takes_whole_name: bool = False) -> ModelFamily:
    """The family of models behind a URL that a function of `mmeb_eval.adapters.http` makes."""
    options = ("request_json", "at_once")
    path = f"mmeb_eval.adapters.http:{loader}"
    return ModelFamily(path, f"{address}#<model>", options=options, takes_whole_name=takes_whole_name)


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
    "two-tower": ModelFamily("mmeb_eval.adapters.two_tower:load_any", "<folder or hub id>", extra="virtue"),
    "open_clip": ModelFamily(
        "mmeb_eval.adapters.open_clip:load", "<name>?pretrained=<weights>, or hf-hub:<id>", extra="open-clip"
    ),
    "sentence-transformers": ModelFamily(
        "mmeb_eval.adapters.sentence_transformers:load", "<folder or hub id>", extra="adapters"
    ),
    "multi-vector": ModelFamily(
        "mmeb_eval.adapters.sentence_transformers:load_multi_vector", "<folder or hub id>", extra="adapters"
    ),
    "mteb": ModelFamily("mmeb_eval.adapters.mteb:load", "<name in mteb's registry>", extra="adapters"),
    "http": _serve("load", "//<host>/v1/embeddings", takes_whole_name=True),
    "https": _serve("load", "//<host>/v1/embeddings", takes_whole_name=True),
    "vllm": _serve("load_vllm", "<url>/v1/embeddings"),
    "openai": _serve("load_openai", "<url>/v1/embeddings"),
    "jina": _serve("load_jina", "<url>/v1/embeddings"),
    "cohere": _serve("load_cohere", "<url>/v2/embed"),
    "voyage": _serve("load_voyage", "<url>/v1/multimodalembeddings"),
    "tei": _serve("load_tei", "<url>/embed"),
    "infinity": _serve("load_infinity", "<url>/embeddings"),
    "ollama": _serve("load_ollama", "<url>/api/embed"),
}
"""Part of a model's name before the first colon -> its family."""


def load_model(
    name: str,
    *,
    config: str | None = None,
    seed: int | None = None,
    request_json: str | None = None,
    at_once: int | None = None,
) -> Embedder:
    """Load the embedder that a name stands for.

    Args:
        name: a key of `MODEL_FAMILIES` or the name of an entry point, with a colon and an argument if it takes one; or
            ``module:function``. Options of this model may follow, as in ``my:load?ckpt=a.pt&dtype=bfloat16``: keyword
            arguments of the function, see `mmeb_eval.model_options`.
        config: config of the model ``virtue``: ``demo``, ``tiny``, ``2b``, ``7b`` or a TOML file; or the argument
            ``config`` of a function of the user's own.
        seed: seed of the model ``random``, 0 by default; or the argument ``seed`` of a function of the user's own.
        request_json: JSON object whose keys each request to a server gets.
        at_once: largest number of requests to a server in flight.

    Raises:
        UnknownName: no model, entry point or module has that name.
        EvalError: the model cannot be loaded, or takes no such option; the message says why.
    """
    return load_models([name], config=config, seed=seed, request_json=request_json, at_once=at_once)[0]


def load_models(
    names: Sequence[str],
    *,
    config: str | None = None,
    seed: int | None = None,
    request_json: str | None = None,
    at_once: int | None = None,
) -> list[Embedder]:
    """Load several models in the order of their names; a name that is given twice is loaded once.

    Each model gets those of the options that it takes. An option that none of them takes is an error.

    Raises:
        UnknownName: no model, entry point or module has one of the names.
        EvalError: a model cannot be loaded, or no model takes an option; see `load_model`.
    """
    options_of_all = {"config": config, "seed": seed, "request_json": request_json, "at_once": at_once}
    given: dict[str, str | int] = {option: value for option, value in options_of_all.items() if value is not None}
    own = {name: split_options(name) for name in names}
    families = {name: MODEL_FAMILIES.get(base.partition(":")[0]) for name, (base, _) in own.items()}
    untaken = set(given) - {option for family in families.values() if family for option in family.options}
    others = [name for name, family in families.items() if family is None]
    if untaken and not others:
        option = min(untaken)
        takers = ", ".join(name for name, family in MODEL_FAMILIES.items() if option in family.options)
        shown = f"--{option.replace('_', '-')} {given[option]}"
        raise EvalError(
            f"{shown}: {', '.join(names)} has no such option; {takers} takes it, as does a function of your own with a "
            f"parameter {option}."
        )
    embedders = []
    for name, family in families.items():
        base, options = own[name]
        if family is not None:
            taken = {key: given[key] for key in family.options if key in given}
            embedders.append(_load_from_family(family, base, {**taken, **options}))
            continue
        path, arguments = _find_function(base)
        required = {option: given[option] for option in untaken if name == others[-1]}
        embedders.append(_load_from_function(base, path, arguments, given, {**required, **options}))
        function = getattr(sys.modules[path.partition(":")[0]], path.partition(":")[2])
        untaken -= set(untaken if (parameters := list_parameters(function)) is None else parameters)
    return embedders


def list_model_names() -> list[str]:
    """Each family as a user writes it, such as ``clip:<folder or hub id>``, for messages."""
    return [
        prefix
        if not family.argument
        else f"{prefix}:{family.argument}"
        if family.argument_required
        else f"{prefix}[:{family.argument}]"
        for prefix, family in MODEL_FAMILIES.items()
    ]


def _load_from_family(family: ModelFamily, name: str, given: Mapping[str, Any]) -> Embedder:
    """Load an embedder of a family; its function must take all options that are ``given``."""
    prefix, _, argument = name.partition(":")
    if argument and not family.argument:
        raise EvalError(f"{name}: {prefix} takes no argument; write {prefix} alone.")
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


def _find_function(name: str) -> tuple[str, list[str]]:
    """The ``module:function`` of an entry point or of the user's own, and its positional arguments."""
    prefix, _, argument = name.partition(":")
    if (path := _read_entry_points().get(prefix)) is not None:
        return path, [argument] if argument else []
    if argument and _is_module(prefix):
        return name, []
    known = [*MODEL_FAMILIES, *_read_entry_points()]
    lists = ", ".join([*list_model_names(), *_read_entry_points()])
    missing = f"no module {prefix!r} here or installed; " if argument else ""
    raise UnknownName("model", prefix, known, f"{missing}a model is one of {lists} or <module>:<function>.")


def _load_from_function(
    name: str, path: str, arguments: Sequence[str], offered: Mapping[str, object], required: Mapping[str, Any]
) -> Embedder:
    """Call a ``module:function`` with all ``required`` options, and those of the ``offered`` ones that it takes."""
    others = {option: value for option, value in offered.items() if option not in required}
    try:
        return load_embedder(path, *arguments, offered=others, **required)
    except (ImportError, TypeError) as error:
        raise EvalError(
            f"{name}: {path} of entry point {name.partition(':')[0]!r} cannot be called: {error}"
        ) from error


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
