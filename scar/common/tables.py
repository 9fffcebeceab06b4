"""TOML files -> records; what does not fit is named with its place, its value and what would fit."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from scar.errors import ScarError, UnknownName

T = TypeVar("T")


def read_toml(path: Path, error: type[ScarError]) -> dict[str, Any]:
    """Content of a TOML file.

    Args:
        path: of the file, with or without a byte order mark.
        error: what is raised.

    Raises:
        error: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise error(f"{path}: {problem.strerror or problem}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise error(f"{path}: not TOML: {problem}.") from None


def check_values(
    table: object,
    types: Mapping[str, Any],
    where: str,
    error: type[ScarError],
    *,
    what: str = "key",
    dec_hook: Callable[[type, Any], Any] | None = None,
) -> dict[str, Any]:
    """Values of a table, each converted to the type that its key asks for.

    Args:
        table: as TOML has it.
        types: by key; keys may be missing.
        where: file and table, for messages.
        error: what is raised.
        what: how messages call a key.
        dec_hook: of msgspec, for types that it does not know.

    Raises:
        error: no table, an unknown key or a value of another type.
    """
    if not isinstance(table, Mapping):
        raise error(f"{where}: {table!r} is not a table of {what}s.")
    known = f"the {what}s are {', '.join(types)}."
    values = {}
    for key, value in table.items():
        if key not in types:
            raise error(f"{where}: {UnknownName(what, key, types, known)}")
        allowed = get_args(types[key]) if get_origin(types[key]) is Literal else ()
        if allowed and value not in allowed:
            raise error(f"{where}: {key} = {value!r} is none of {', '.join(map(repr, allowed))}.")
        try:
            values[key] = msgspec.convert(value, types[key], dec_hook=dec_hook)
        except msgspec.ValidationError as problem:
            raise error(f"{where}: {key} = {value!r}: {problem}.") from None
    return values


def make_record(
    table: object,
    kind: type[T],
    where: str,
    error: type[ScarError],
    *,
    what: str = "key",
    given: Mapping[str, Any] | None = None,
    dec_hook: Callable[[type, Any], Any] | None = None,
) -> T:
    """Record from a table.

    Args:
        table: as TOML has it.
        kind: a dataclass or a msgspec.Struct.
        where: file and table, for messages.
        error: what is raised.
        what: how messages call a key.
        given: values of fields that the table may not have.
        dec_hook: of msgspec, for types that it does not know.

    Raises:
        error: no table, an unknown key, a key that is missing, or a value that does not fit.
    """
    given = given or {}
    types = {key: hint for key, hint in get_type_hints(kind, include_extras=True).items() if key not in given}
    needed = _find_required(kind)
    types = {key: hint for key, hint in types.items() if key in needed}
    values = check_values(table, types, where, error, what=what, dec_hook=dec_hook)
    if missing := [key for key in types if needed[key] and key not in values]:
        raise error(f"{where}: no {what} {', '.join(missing)}; the {what}s are {', '.join(types)}.")
    try:
        return kind(**given, **values)
    except ValueError as problem:
        raise error(f"{where}: {problem}.") from None


def _find_required(kind: type) -> dict[str, bool]:
    """Fields of a record, each with whether it has no default."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: field.required for field in msgspec.structs.fields(kind)}
    nothing = dataclasses.MISSING
    return {
        field.name: field.default is nothing and field.default_factory is nothing
        for field in dataclasses.fields(kind)  # type: ignore[arg-type] # a dataclass
    }
