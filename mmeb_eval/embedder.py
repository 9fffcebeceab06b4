"""`Embedder`, the protocol of what turns `Item`s into vectors, and loading of an embedder by ``module:function``."""

from __future__ import annotations

import importlib
import json
import operator
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmeb_eval.foreign_code import list_parameters, name_foreign_error
from mmeb_eval.item import PROMPT_KINDS, Item
from mmeb_eval.load_record import keep_record, record_load
from mmeb_eval.model_options import convert_options
from scar.errors import ContractError, EvalError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """An object with a name and one method. It needs no base class and no import from this package.

    The evaluator also reads these attributes, if they exist:

    - ``layout``: how the evaluator joins image token, instruction and text into an item's text, a key of
      `mmeb_eval.templates.fused.LAYOUTS` (default ``"plain"``).
    - ``prompts``: the kinds of prompt that it takes, keys of `mmeb_eval.item.PROMPT_KINDS` such as ``"box"`` (default
      none). An embedder that takes no boxes gets the box in the text, and its `Result` says so.
    - ``settings``: a mapping of JSON values that is written into each `Result`: the keys of `SETTINGS` and any others.
      Stored vectors are used again only under the same settings, and if nothing else that is known of the embedder has
      changed: files that it read while it was loaded, its code, its attributes (`mmeb_eval.run.identity`).
    - ``find_refusal(item)``: a method that tells, in one line, why the model does not take an item, such as "it reads
      text alone"; None if it takes the item. A task with such items is refused before anything is embedded (default: it
      takes all).
    - ``volatile``: names of attributes and globals that do not change its vectors although they differ from run to run,
      such as ``("token",)``; they do not count as a change.
    - ``counts(items)``: a method that gets the distinct items of a task and returns a mapping of names to whole
      numbers, such as how many texts it cuts. The mapping is written into the task's `Result`.
    - ``max_batch_size``: the largest ``--batch-size`` that has an effect; a larger one is refused (default none).
    - ``multi_vector``: True if ``embed`` returns, for each item, (T, D) rows of L2 norm 1, as late-interaction models
      such as ColPali make them; T may differ. Scores are then those of `mmeb_eval.run.maxsim`.
    - ``stored``: False if making a vector costs less than storing it (default True).
    - ``embed_roi(items)``: like ``embed``, for items with a box or without a prompt; the pooled vision features inside
      the box stand in for the image or for the region's tokens. ``--region roi`` calls it.
    - ``embed_bare(items)``: like ``embed``, for items without prompts, but the model gets no tokens for a region.
      ``--region text-bare`` calls it.
    """

    @property
    def name(self) -> str:
        """Model and revision, as they stand in results and in the keys of stored vectors."""
        ...

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Return (len(items), D) float32 rows of L2 norm 1, in the order given; the evaluator gives at least one."""
        ...


SETTINGS = ("revision", "processor", "min_pixels", "max_pixels", "dtype")
"""Settings that every `Result` has; one that the embedder does not set is None.

They are the revision of the weights, the preprocessing of images, the smallest and largest area of an image in pixels,
and the number format.
"""


def load_embedder(
    path: str, *arguments: object, offered: Mapping[str, object] | None = None, **options: object
) -> Embedder:
    """Import a module and call a function in it that makes an embedder.

    The module may lie in the working directory. What the function reads is recorded; see `mmeb_eval.load_record`.

    Args:
        path: ``module:function``; the module's name is dotted, as in an import.
        arguments: positional arguments of the function.
        offered: keyword arguments; those for which the function has no parameter are not passed.
        options: keyword arguments; the function must have a parameter for each. Here and in ``offered``, a text becomes
            a value of the parameter's type, see `mmeb_eval.model_options.convert_options`.

    Raises:
        EvalError: the path is not ``module:function``, there is no such module, the attribute is not a function, the
            function has no parameter for an option or it has another type, or a module that is not ours raised an
            exception.
        UnknownName: the module has no such function.
        ContractError: the returned object has no name or no `embed`.
        ImportError: a library that one of our modules needs is not installed.
    """
    name, _, attribute = path.partition(":")
    if not name or not attribute:
        raise EvalError(f"{path!r}: an embedder is named module:function, for example my_module:load.")
    with record_load() as record:
        loader = _find_loader(path)
        accepted = convert_options(loader, _select_options(path, loader, options, offered or {}), path)
        with name_foreign_error(path, name):
            embedder: Embedder = loader(*arguments, **accepted)
    record.loader = loader
    if not isinstance(getattr(embedder, "name", None), str) or not embedder.name:
        raise ContractError(f"{path}: the embedder has no name; give it an attribute `name` with model and revision.")
    if not callable(getattr(embedder, "embed", None)):
        raise ContractError(f"{path}: the embedder has no method embed(items).")
    keep_record(embedder, record)
    return embedder


def _find_loader(path: str) -> Callable[..., Embedder]:
    """Import the module of ``module:function`` and return the function."""
    name, _, attribute = path.partition(":")
    search_working_directory()
    try:
        with name_foreign_error(path, name):
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a library that an adapter needs; its caller says how to install it
        raise EvalError(f"{path}: no module {error.name!r} here or installed; run where {name}.py lies.") from error
    function = getattr(module, attribute, None)
    if function is None:
        public = [known for known in vars(module) if not known.startswith("_")]
        raise UnknownName(f"function in {name}", attribute, public, "write module:function.")
    if not callable(function):
        raise EvalError(f"{path}: {attribute} is {type(function).__name__}, not a function that returns an embedder.")
    return function  # type: ignore[no-any-return]


def _select_options(
    path: str, loader: Callable[..., Embedder], options: Mapping[str, object], offered: Mapping[str, object]
) -> dict[str, object]:
    """All ``options``, for which the function must have parameters, and those ``offered`` ones for which it has."""
    parameters = list_parameters(loader)
    if parameters is None:
        return {**offered, **options}
    if refused := [key for key in options if key not in parameters]:
        takes = f"it takes {', '.join(parameters)}" if parameters else "it takes no options"
        raise EvalError(f"option {', '.join(refused)}: {path} has no parameter of that name; {takes}.")
    return {**{key: value for key, value in offered.items() if key in parameters}, **options}


def search_working_directory() -> None:
    """Add the working directory to the folders in which imports find modules."""
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)


def get_layout_name(embedder: Embedder) -> str:
    """Name of the embedder's layout; ``"plain"`` if it sets none. Whether there is such a layout is not checked."""
    return str(getattr(embedder, "layout", "plain"))


def get_prompt_kinds(embedder: Embedder) -> frozenset[str]:
    """Kinds of prompt that the embedder takes; empty if it sets none.

    Raises:
        ContractError: ``prompts`` is a text, whose letters would be taken for kinds.
        UnknownName: the embedder names a kind that does not exist.
    """
    prompts = getattr(embedder, "prompts", ())
    if isinstance(prompts, str):
        raise ContractError(f"{embedder.name}: prompts is the text {prompts!r}; set a tuple such as ({prompts!r},).")
    kinds = frozenset(prompts)
    for kind in kinds - PROMPT_KINDS.keys():
        raise UnknownName("kind of prompt", str(kind), PROMPT_KINDS, f"prompts holds {', '.join(PROMPT_KINDS)}.")
    return kinds


def get_volatile_names(embedder: object) -> frozenset[str]:
    """Names of attributes and globals that have no effect on vectors, as the embedder and those that it wraps say.

    Empty if none of them sets ``volatile``.

    Raises:
        ContractError: ``volatile`` is no collection of names.
    """
    volatile = getattr(embedder, "volatile", ())
    is_list = isinstance(volatile, Collection) and not isinstance(volatile, str | bytes)
    if not is_list or not all(isinstance(name, str) for name in volatile):
        name = getattr(embedder, "name", type(embedder).__name__)
        raise ContractError(f'{name}: volatile is {volatile!r:.60}; set a tuple of names such as ("token",).')
    inner = getattr(embedder, "inner", None)
    return frozenset(volatile) | (get_volatile_names(inner) if inner is not None and inner is not embedder else set())


def get_settings(embedder: Embedder) -> dict[str, Any]:
    """The embedder's settings, for each `Result` and for the keys of stored vectors; empty if it sets none.

    Raises:
        ContractError: they are no mapping of texts to JSON values (NaN and infinity are not JSON).
    """
    settings = getattr(embedder, "settings", {})
    if not isinstance(settings, Mapping):
        raise ContractError(f"{embedder.name}: settings is {type(settings).__name__}; set a dict of JSON values.")
    for key, value in settings.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            value_type = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            problem = f"settings[{key!r}] holds {value!r:.60} of type {value_type}, which is no JSON value"
            raise ContractError(
                f"{embedder.name}: {problem}; write a text, number, list or dict, such as str(...) of it."
            ) from None
        if not isinstance(key, str):
            raise ContractError(f"{embedder.name}: the key {key!r} of settings is no text; results are JSON.")
    return dict(settings)


def find_refusal(embedder: Embedder, item: Item) -> str | None:
    """Why the embedder does not take an item, as its method ``find_refusal`` says; None if it takes it or has none.

    Raises:
        ContractError: ``find_refusal`` is no method, or returned something else. What it raises is not changed.
    """
    find = getattr(embedder, "find_refusal", None)
    if find is None:
        return None
    reason = find(item) if callable(find) else find
    if not callable(find) or not (reason is None or isinstance(reason, str)):
        problem = f"find_refusal gives {reason!r:.60}; make it a method find_refusal(item) that returns a text or None"
        raise ContractError(f"{embedder.name}: {problem}.")
    return reason


def get_counts(embedder: Embedder, items: Sequence[Item]) -> dict[str, int]:
    """Call the embedder's method ``counts`` with the distinct items of a task; empty if it has no such method.

    Raises:
        ContractError: ``counts`` is no method, or returned no mapping of names to whole numbers. What the method itself
            raises is not changed.
    """
    counts = getattr(embedder, "counts", None)
    if counts is None:
        return {}
    if not callable(counts):
        raise ContractError(f"{embedder.name}: counts is {type(counts).__name__}; make it a method counts(items).")
    counted = counts(items)
    try:
        return {str(name): operator.index(value) for name, value in counted.items()}
    except (AttributeError, TypeError):
        problem = f"counts returned {counted!r:.60}; return a dict of names to whole numbers"
        raise ContractError(f"{embedder.name}: {problem}.") from None
