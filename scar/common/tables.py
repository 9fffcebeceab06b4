"""Read TOML files into records; error messages name the file, the key, the value and the allowed values."""

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
    """Read a TOML file, with or without a byte order mark.

    Args:
        path: the TOML file.
        error: class of the error to raise.

    Raises:
        error: the file cannot be read, or is not TOML.
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
    """Check the keys of a table and convert each value to the type of its key.

    Args:
        table: a table as `tomllib` reads it; may lack keys.
        types: key -> type of its value.
        where: file and table, with which messages begin.
        error: class of the error to raise.
        what: word for a key in messages.
        dec_hook: converts values to types that msgspec does not know; see `msgspec.convert`.

    Returns:
        Key -> converted value, for the keys that the table has.

    Raises:
        error: ``table`` is not a table, a key is unknown, or a value does not fit its type.
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
            wanted = _describe_wanted(types[key])
            raise error(f"{where}: {key} = {value!r}: {wanted or problem}.") from None
    return values


def _describe_wanted(kind: Any) -> str:
    """What a value has to be, in the words of the type's `msgspec.Meta`; empty if it has none."""
    descriptions = (getattr(meta, "description", None) for meta in getattr(kind, "__metadata__", ()))
    return next((f"expected {description}" for description in descriptions if description), "")


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
    """Make a record from a table: each key of the table is a field of the record.

    Args:
        table: a table as `tomllib` reads it.
        kind: class of the record: a dataclass or a msgspec.Struct.
        where: file and table, with which messages begin.
        error: class of the error to raise.
        what: word for a key in messages.
        given: values of fields with values from elsewhere; the table must not have them as keys.
        dec_hook: converts values to types that msgspec does not know; see `msgspec.convert`.

    Raises:
        error: ``table`` is not a table, a key is unknown or missing, a value does not fit its field, or the record
            itself refuses the values by a ValueError.
    """
    given = given or {}
    required = _find_required(kind)
    hints = get_type_hints(kind, include_extras=True)
    types = {key: hints[key] for key in required if key not in given}
    values = check_values(table, types, where, error, what=what, dec_hook=dec_hook)
    if missing := [key for key in types if required[key] and key not in values]:
        raise error(f"{where}: no {what} {', '.join(missing)}; the {what}s are {', '.join(types)}.")
    try:
        return kind(**given, **values)
    except ValueError as problem:
        raise error(f"{where}: {problem}.") from None


def _find_required(kind: type) -> dict[str, bool]:
    """Fields of a record by name; True for a field without a default."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: field.required for field in msgspec.structs.fields(kind)}
    nothing = dataclasses.MISSING
    return {
        field.name: field.default is nothing and field.default_factory is nothing
        for field in dataclasses.fields(kind)  # type: ignore[arg-type] # a dataclass
    }
