"""Options of one model, written behind its name: ``my_module:load?ckpt=a.pt&dtype=bfloat16``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import unquote

import msgspec

from scar.errors import EvalError


def split_options(name: str) -> tuple[str, dict[str, str]]:
    """Split a model's name at the ``?`` in front of its options.

    In a name with a ``#``, which stands between a URL and the model there, a ``?`` in front of the ``#`` belongs to the
    URL. In names and values of options ``%26``, ``%3D``, ``%25`` and so on stand for ``&``, ``=`` and ``%``.

    Raises:
        EvalError: an option has no name or no ``=``, or is given twice.

    >>> split_options("my:load?ckpt=a.pt&dtype=bfloat16")
    ('my:load', {'ckpt': 'a.pt', 'dtype': 'bfloat16'})
    >>> split_options("http://host/embeddings?api-version=1#model?dimensions=256")
    ('http://host/embeddings?api-version=1#model', {'dimensions': '256'})
    """
    start = name.find("?", max(name.find("#"), 0))
    if start < 0:
        return name, {}
    options: dict[str, str] = {}
    for part in name[start + 1 :].split("&"):
        key, equals, value = part.partition("=")
        key = unquote(key)
        if not key or not equals:
            raise EvalError(f"{name}: {part!r} is no option; write {name[:start]}?name=value&name=value.")
        if key in options:
            raise EvalError(f"{name}: the option {key} is given twice.")
        options[key] = unquote(value)
    return name[:start], options


def convert_options(function: Callable[..., object], options: Mapping[str, object], name: str) -> dict[str, Any]:
    """Options whose texts have become values of the types of a function's parameters.

    The type is that of the annotation, else that of the default. Lists and mappings are written as JSON. A text stays a
    text if its parameter says no type, or one that texts belong to.

    Args:
        function: the function that gets them.
        options: name of a parameter -> value; what is no text stays as it is.
        name: name of the model, for messages.

    Raises:
        EvalError: a text is no such value; the message names the option, the text and the type.

    >>> def load(size: int = 224, half: bool = False, extra: dict | None = None): ...
    >>> convert_options(load, {"size": "256", "half": "true", "extra": '{"a": 1}'}, "my:load")
    {'size': 256, 'half': True, 'extra': {'a': 1}}
    """
    types = _read_types(function)
    return {
        key: _convert(value, types.get(key, str), f"{name}: option {key}={value}") if isinstance(value, str) else value
        for key, value in options.items()
    }


def _read_types(function: Callable[..., object]) -> dict[str, Any]:
    """Name of each parameter that says one -> its type."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    owner: Any = getattr(function, "__init__", None) if isinstance(function, type) else function
    try:
        types: dict[str, Any] = get_type_hints(owner)
    except Exception:  # noqa: BLE001 - an annotation is code of the user, often a name that only type checkers see
        types = {}
    defaults = {
        each.name: type(each.default) for each in parameters if isinstance(each.default, bool | int | float | Path)
    }
    return defaults | types


def _convert(text: str, wanted: Any, where: str) -> Any:
    """The value of type ``wanted`` that a text stands for."""
    if wanted in (Any, object) or str in get_args(wanted):
        return text
    try:
        value: Any = msgspec.json.decode(text) if text[:1] in ("{", "[") and wanted is not str else text
        return msgspec.convert(value, wanted, strict=False, dec_hook=_make_other)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        reason = str(error).removesuffix(".")
        raise EvalError(f"{where}: not a value of {getattr(wanted, '__name__', wanted)}: {reason}.") from error


def _make_other(wanted: type, value: Any) -> Any:
    """Make a value of a type that msgspec does not know: a path, or what the type's own constructor takes."""
    return wanted(value)
