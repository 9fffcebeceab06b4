"""Load pickles of plain values: a pickle can run any code, so this unpickler makes containers, texts and numbers only.

It also reads what people's own scripts leave in such pickles: numpy's numbers, which become Python's, and
``OrderedDict`` and ``defaultdict``, which become dictionaries. numpy's functions are not called: stand-ins read the
bytes of a number. A pickle that asks for anything else is refused; the message says for what.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from scar.errors import InputError

_SAFE_CLASSES: dict[str, Any] = {
    kind.__name__: kind for kind in (set, frozenset, list, dict, tuple, int, float, bool, str)
}
_SAFE_CLASSES |= {"long": int, "unicode": str}  # Python 2's

_NUMBER_TYPE = re.compile(r"[iufbSU]\d{1,4}")
"""Names of numpy's types of numbers and texts; `O`, any object, is none of them."""


def load_plain_pickle(path: Path) -> Any:
    """Load a pickle of plain values; Python 2's byte strings become text.

    Raises:
        InputError: the file cannot be read, is damaged, or asks for anything but plain values.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a refs(...).p.") from None
    try:
        return _Unpickler(content, path).load()
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises whatever it likes
        raise InputError(
            f"{path}: no pickle, or damaged ({error or type(error).__name__}); get a fresh copy."
        ) from None


class _NumberType:
    """Stands for numpy's ``dtype`` of a number."""

    def __init__(self, name: Any, *_: Any) -> None:
        if not isinstance(name, str) or not _NUMBER_TYPE.fullmatch(name):
            raise ValueError(f"numpy's type {name!r} is none of a number")
        self.name = name
        self.order: Literal["<", ">", "="] = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="


def _read_number(kind: Any, content: Any) -> Any:
    """The number in the bytes of one of numpy's, as a plain value."""
    import numpy as np

    if not isinstance(kind, _NumberType) or not isinstance(content, bytes | str):
        raise ValueError("numpy's scalar without type or bytes")
    data = content.encode("latin-1") if isinstance(content, str) else content
    (value,) = np.frombuffer(data, np.dtype(kind.name).newbyteorder(kind.order))
    plain = value.item()
    return plain.decode("latin-1") if isinstance(plain, bytes) else plain


def _make_dictionary(*arguments: Any) -> dict[Any, Any]:
    """A dictionary in place of an ``OrderedDict`` of pairs, or of a ``defaultdict``, whose factory is left out."""
    return dict(arguments[0]) if arguments and not callable(arguments[0]) else {}


def _encode_text(text: str, encoding: str = "latin1") -> bytes:
    """The bytes that a pickle of an early protocol has as text."""
    if encoding not in ("latin1", "latin-1", "ascii"):
        raise ValueError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin-1")


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _make_dictionary,
    ("collections", "defaultdict"): _make_dictionary,
    ("_codecs", "encode"): _encode_text,
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _read_number,
    ("numpy._core.multiarray", "scalar"): _read_number,
}
"""What the pickle gets instead of what it asks for, by module and name."""


class _Unpickler(pickle.Unpickler):
    """Unpickler that makes containers, texts and numbers, and nothing else."""

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__(io.BytesIO(content), encoding="latin-1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Find the class of a plain value.

        Raises:
            InputError: the pickle asks for anything else.
        """
        if module in ("builtins", "__builtin__") and name in _SAFE_CLASSES:
            return _SAFE_CLASSES[name]
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]
        raise InputError(
            f"{self._path}: refused, for it asks for {module}.{name}: a pickle of expressions has lists, dictionaries, "
            "texts and numbers only; save it with plain values, or get a fresh copy."
        )

    def persistent_load(self, pid: Any) -> Any:
        """Refuse a reference to an object outside of the pickle.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self._path}: refused, for it asks for an object outside of it ({pid!r:.40}).")
