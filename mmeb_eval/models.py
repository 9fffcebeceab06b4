"""From the name a user gives to an embedder; a model that is not asked for is not imported."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmeb_eval.embedder import Embedder, load
from scar.errors import EvalError, UnknownName

ENTRY_POINTS = "mmeb_eval.embedders"
"""Group in which an installed package registers a function that makes an embedder, under the name it goes by here."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models that share a way of loading.

    Attributes:
        load: ``module:function``, called with what stands behind the colon of a name.
        takes: what that is, for messages; empty if nothing is taken.
        needed: whether it must be there.
        extra: what pip has to install for it.
        options: the command line's options that the function takes.
        whole: whether the function gets the whole name, whose colon belongs to it.
    """

    load: str
    takes: str = ""
    needed: bool = True
    extra: str = ""
    options: tuple[str, ...] = ()
    whole: bool = False


FAMILIES: Mapping[str, Family] = {
    "constant": Family("mmeb_eval.adapters.baselines:Constant"),
    "random": Family("mmeb_eval.adapters.baselines:Random", options=("seed",)),
    "text-only": Family("mmeb_eval.adapters.baselines:TextOnly"),
    "virtue": Family(
        "virtue_ref.embedder:load", "<folder or hub id>", needed=False, extra="virtue", options=("config",)
    ),
    "clip": Family("mmeb_eval.adapters.towers:load_clip", "<folder or hub id>", extra="virtue"),
    "siglip": Family("mmeb_eval.adapters.towers:load_siglip", "<folder or hub id>", extra="virtue"),
    "sentence-transformers": Family(
        "mmeb_eval.adapters.sentence_transformers:load", "<folder or hub id>", extra="adapters"
    ),
    "mteb": Family("mmeb_eval.adapters.mteb:load", "<name in mteb's registry>", extra="adapters"),
    "http": Family("mmeb_eval.adapters.http:load", "//<host>/v1/embeddings#<model>", whole=True),
    "https": Family("mmeb_eval.adapters.http:load", "//<host>/v1/embeddings#<model>", whole=True),
    "vllm": Family("mmeb_eval.adapters.http:load_vllm", "<url>/v1/embeddings#<model>"),
}
"""What `load_model` takes, by what stands before the colon; then entry points, then any ``<module>:<function>``."""


def load_model(name: str, *, config: str | None = None, seed: int = 0) -> Embedder:
    """The embedder of that name.

    Args:
        name: of `FAMILIES` or of an entry point, with a colon and what it takes; or ``module:function``.
        config: ``tiny``, ``2b``, ``7b`` or a file, for virtue.
        seed: of the random floor.

    Raises:
        UnknownName: there is none.
        EvalError: it cannot be loaded; says why.
    """
    prefix, _, argument = name.partition(":")
    family = FAMILIES.get(prefix)
    if family is not None:
        return _of_family(family, name, prefix, argument, {"config": config, "seed": seed})
    if (path := _entry_points().get(prefix)) is not None:
        try:
            return load(path, *filter(None, [argument]))
        except (ImportError, TypeError) as error:
            raise EvalError(f"{name}: {path} of entry point {prefix!r} cannot be called: {error}") from error
    if argument and _is_module(prefix):
        return load(name)
    known = [*FAMILIES, *_entry_points()]
    lists = ", ".join([*names(), *_entry_points()])
    missing = f"no module {prefix!r} here or installed; " if argument else ""
    raise UnknownName("model", prefix, known, f"{missing}a model is one of {lists} or <module>:<function>.")


def names() -> list[str]:
    """The families with what they take, for help and messages."""
    return [
        prefix if not family.takes else f"{prefix}:{family.takes}" if family.needed else f"{prefix}[:{family.takes}]"
        for prefix, family in FAMILIES.items()
    ]


def _of_family(
    family: Family, name: str, prefix: str, argument: str, options: Mapping[str, str | int | None]
) -> Embedder:
    """The embedder of a family."""
    if argument and not family.takes:
        raise EvalError(f"{name}: {prefix} takes nothing behind its name.")
    if family.needed and family.takes and not argument:
        raise EvalError(f"{name}: which one? Write {prefix}:{family.takes}.")
    given = {key: options[key] for key in family.options if options[key] is not None}
    if argument and "config" in given:
        raise EvalError(f"{name}: --config {given['config']} names another one; give one of the two.")
    try:
        return load(family.load, *filter(None, [name if family.whole else argument]), **given)
    except ImportError as error:
        if not family.extra:
            raise
        raise EvalError(f"{name}: {error}; `pip install 'scar-virtue[{family.extra}]'` installs it.") from error


def _entry_points() -> dict[str, str]:
    """Paths of the embedders that installed packages register.

    Raises:
        EvalError: two packages register one name.
    """
    from importlib.metadata import entry_points

    paths: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINTS):
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
