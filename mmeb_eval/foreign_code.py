"""Code that is not ours, such as a user's embedder: its exceptions become one line, and ours keep a traceback."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scar.errors import EvalError, ScarError

OUR_PACKAGES = ("scar", "mmeb_eval", "virtue_ref")


def is_ours(module: str) -> bool:
    """Whether a module, given by its dotted name, belongs to this distribution.

    >>> is_ours("mmeb_eval.adapters.http"), is_ours("my_module")
    (True, False)
    """
    return module.partition(".")[0] in OUR_PACKAGES


@contextmanager
def name_foreign_error(about: str, module: str) -> Iterator[None]:
    """Run a block that calls a module; an exception of a module that is not ours becomes an `EvalError` of one line.

    A `ScarError` passes unchanged. So does every exception if the module is ours: it is a bug and keeps its traceback.

    Args:
        about: what was called; the message begins with it.
        module: dotted name of the module.

    Raises:
        EvalError: the block raised an exception, and the module is not ours; the message says which and where.
        ModuleNotFoundError: the block imports the module, and it or a package above it does not exist.
    """
    try:
        yield
    except ScarError:
        raise
    except (Exception, SystemExit) as error:  # such as argparse in a module that is also a script
        is_absent = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        if is_ours(module) or is_absent:
            raise
        raise EvalError(f"{about} raised {describe_exception(error)}.") from error


def describe_exception(error: BaseException) -> str:
    """An exception as one line: its type, its message, file and line that raised it, and how to see the traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {message}' if message else ''}{where}; --debug shows the traceback"


def list_parameters(function: Callable[..., object]) -> list[str] | None:
    """Names of the parameters that a function takes by keyword; None if it takes any keyword, or has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]
