"""Digests of Python objects by content: code by its bytecode, arrays and models by all their numbers.

Two embedders with equal digests give equal vectors, as far as this process can see. What the digest leaves out can
change without effect on vectors, such as caches and counts of libraries; what it cannot read, it names.
"""

from __future__ import annotations

import argparse
import array
import decimal
import dis
import enum
import functools
import hashlib
import re
import sys
import tempfile
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmeb_eval.load_record import CONFIG_NAMES, WEIGHT_SUFFIXES, list_weight_files
from mmeb_eval.run.array_digest import UnreadableArray, digest_array, digest_tensor
from mmeb_eval.run.digest_notes import OWN_PACKAGES, DigestNotes, is_own_code, list_attributes
from scar.common.files import format_bytes

DEVICE = re.compile(r"cpu|(cuda|xpu|npu|hpu|mps|tpu|xla|gpu)(:\d+)?")
"""A text that names a device: equal models lie on other devices in other processes."""

CONTENT_SUFFIXES = WEIGHT_SUFFIXES | {".json", ".yaml", ".yml", ".toml", ".pkl", ".joblib", ".model", ".py"}
"""A text that names an existing file with one of these counts by the file's content."""

FILE_ENDINGS = tuple(CONTENT_SUFFIXES)

MANY_ENTRIES = 64
"""In a container with more entries, a text counts as a file's name only if it ends like one: looking up takes long."""

MAX_ENTRIES = 1_000_000
"""A container with more entries counts by their number."""

MAX_OBJECTS, MAX_DEPTH = 1_000_000, 60
"""Limits of what one digest looks at; beyond them an object counts by its type."""

MAX_COPIED_BYTES = 8 << 30
"""A library's array of more bytes is not read: numpy would copy it into memory, perhaps from a file or a server."""

NAMESPACES = (types.SimpleNamespace, argparse.Namespace)
"""Types of Python whose objects hold values of the user, such as options."""

_PLAIN = frozenset({str, int, float, complex, bool, type(None)})
_BY_REPR = (range, slice, decimal.Decimal)
_WRAPPERS = (staticmethod, classmethod, property, functools.partial, functools.partialmethod, functools.cached_property)


class ObjectDigest:
    """A digest that objects are added to.

    Args:
        notes: gets the modules, files and globals that are met; says which names do not count.
        where: name of what is digested, such as "Model.weights", for what cannot be read.
    """

    def __init__(self, notes: DigestNotes, where: str = "") -> None:
        self._notes = notes
        self._where = where
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._kept_alive: list[object] = []
        self._depth = 0

    def hexdigest(self) -> str:
        """16 hexadecimal digits for all that was added."""
        return self._hash.hexdigest()[:16]

    def add(self, value: object, *, of_library: bool = False) -> None:
        """Add an object, with all that it holds.

        Args:
            value: the object.
            of_library: whether the object is an attribute of a library's object: then texts, numbers, and lists,
                tuples, dictionaries and sets with all that they hold are left out.
        """
        if value is None or isinstance(value, bool | int | float | complex | types.EllipsisType):
            if not of_library:
                self._write(type(value).__name__, repr(value))
            return
        if isinstance(value, bytes | bytearray | memoryview | array.array):
            self._write("bytes", digest_array(np.frombuffer(value, np.uint8)) if len(value) else "")
            return
        if isinstance(value, str | Path):
            if not of_library:
                self._add_text(value)
            return
        if id(value) in self._seen:
            self._write("again", str(self._seen[id(value)]))
            return
        if len(self._seen) >= MAX_OBJECTS or self._depth >= MAX_DEPTH:
            self._note_unread(f"what lies behind a {type(value).__qualname__}, beyond the limits of a digest")
            return
        self._seen[id(value)] = len(self._seen)
        self._kept_alive.append(value)  # so that no other object gets its id
        self._depth += 1
        try:
            self._add_object(value, of_library)
        finally:
            self._depth -= 1

    def add_attributes(self, value: object, *, of_library: bool = False) -> None:
        """Add the attributes of an object in the order of their names, except those that do not count by the notes.

        ``of_library`` is as in `add`; the names of a library's attributes are left out.
        """
        for name, attribute in sorted(list_attributes(value).items()):
            if not self._notes.is_left_out(name):
                self._write("attribute", "" if of_library else name)
                self.add(attribute, of_library=of_library)

    def _add_object(self, value: object, of_library: bool) -> None:
        torch: Any = sys.modules.get("torch")
        if isinstance(value, np.ndarray | np.generic):
            self._add_numbers(value, np.asarray(value), digest_array)
        elif torch is not None and isinstance(value, torch.nn.Module):
            self._add_torch_module(value)
        elif torch is not None and isinstance(value, torch.Tensor):
            self._add_numbers(value, value, digest_tensor)
        elif isinstance(value, types.ModuleType):
            self._note_module(value.__name__)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, types.MethodType):
            self.add(value.__func__)
            self.add(value.__self__)
        elif isinstance(value, types.BuiltinFunctionType):
            self._write("builtin", value.__qualname__)
        elif isinstance(value, _WRAPPERS):
            self._add_wrapper(value)
        elif isinstance(value, enum.Enum):
            self._write("enum", f"{type(value).__qualname__}.{value.name}")
        elif isinstance(value, re.Pattern):
            self._write("pattern", f"{value.pattern!r} {value.flags}")
        elif isinstance(value, _BY_REPR):
            self._write("value", "" if of_library else repr(value))
        elif isinstance(value, list | tuple | dict | set | frozenset | deque | types.MappingProxyType):
            self._add_container(value, of_library)
        elif not is_own_code(type(value).__module__) and hasattr(value, "__array__"):
            self._add_array_like(value)
        else:
            self._add_instance(value)

    def _add_text(self, value: str | Path) -> None:
        """Add a text; one that names a model's file or folder counts by its name and the content that is there."""
        text = str(value)
        if DEVICE.fullmatch(text):
            text = "device"
        elif 0 < len(text) <= 1024 and "\n" not in text and "\0" not in text:
            try:
                path = Path(text)
                if path.is_file() and (path.suffix in CONTENT_SUFFIXES or path.name in CONFIG_NAMES):
                    self._notes.files.add(path)
                    text = path.name
                elif path.is_dir() and (weights := list_weight_files(path)):
                    self._notes.files.update(weights)
                    text = path.name
                elif path.is_absolute() and path.is_relative_to(tempfile.gettempdir()):
                    text = ""  # made for one run, or gone after it
            except OSError:
                pass  # too long for a path, or in a folder that cannot be read
        self._write("text", text)

    def _add_numbers(self, value: object, numbers: Any, digest: Callable[[Any], str]) -> None:
        """Add all numbers of an array or tensor; those of one object are read once."""
        if isinstance(numbers, np.ndarray) and numbers.dtype == object:
            self._write("array of objects", str(numbers.shape))
            self._add_container(numbers.reshape(-1).tolist(), False)
            return
        if id(value) not in self._notes.arrays:
            try:
                self._notes.arrays[id(value)] = value, digest(numbers)
            except UnreadableArray as error:
                self._note_unread(str(error))
                return
        self._write("numbers", self._notes.arrays[id(value)][1])

    def _add_array_like(self, value: Any) -> None:
        """Add an object of a library that numpy can read, such as an array of JAX or a data frame."""
        size = getattr(value, "nbytes", 0)
        if isinstance(size, int) and size > MAX_COPIED_BYTES:
            self._note_unread(f"a {type(value).__name__} of {format_bytes(size)}")
            return
        try:
            numbers = np.asarray(value)
        except Exception:  # noqa: BLE001 - it is code of a library that we do not know
            self._add_instance(value)
            return
        self._write("object", type(value).__qualname__)
        self._add_numbers(value, numbers, digest_array)

    def _add_torch_module(self, module: Any) -> None:
        of_torch = vars(sys.modules["torch"].nn.Module()).keys()
        for part in module.modules():
            self._write("module", f"{type(part).__qualname__} {part.training}")
            self._add_class(type(part))
            if is_own_code(type(part).__module__):
                for name, value in sorted(vars(part).items()):
                    if not (name in of_torch or self._notes.is_left_out(name)):
                        self._write("attribute", name)
                        self.add(value)
            for hook in (*part._forward_pre_hooks.values(), *part._forward_hooks.values()):
                self.add(hook)
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            self._write("weights", name)
            self._add_numbers(tensor, tensor, digest_tensor)

    def _add_class(self, value: type) -> None:
        """Add the code of a class and of its bases; a library's class counts by its name."""
        for base in value.__mro__:
            self._write("class", base.__qualname__)
            if not self._note_module(base.__module__):
                continue
            for name, member in sorted(vars(base).items()):
                is_code = isinstance(member, (types.FunctionType, *_WRAPPERS))
                if is_code or not (name.startswith("__") or name == "_abc_impl"):
                    self._write("member", name)
                    self.add(member)

    def _add_function(self, function: types.FunctionType) -> None:
        """Add the code of a function, the values that it holds, and the globals that it names."""
        self._write("function", function.__name__)
        if not self._note_module(function.__module__):
            self.add(function.__dict__.get("__wrapped__"))  # a decorator of a library around a function of the user
            return
        global_names, names = self._add_code(function.__code__)
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:
                continue  # not filled yet
        for name in sorted(global_names & function.__globals__.keys()):
            value = function.__globals__[name]
            if self._notes.is_left_out(name):
                continue
            self._write("global", name)
            if isinstance(value, (type, types.FunctionType, types.ModuleType, types.BuiltinFunctionType, *_WRAPPERS)):
                self.add(value)
            else:
                self._note_global(f"{function.__module__}.{name}", value)
            if isinstance(value, types.ModuleType) and is_own_code(value.__name__):
                for attribute in sorted(names & vars(value).keys()):  # helper.f
                    self._write("of module", attribute)
                    self.add(vars(value)[attribute])

    def _add_code(self, code: types.CodeType) -> tuple[set[str], set[str]]:
        """Add bytecode and constants, without files and lines; return the globals, and all names, that it uses."""
        names = set(code.co_names)
        global_names = {
            str(step.argval)
            for step in dis.get_instructions(code)
            if "GLOBAL" in step.opname or step.opname == "LOAD_NAME"
        }
        self._hash.update(code.co_code)
        self._write("names", repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount)))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                inner = self._add_code(constant)
                global_names |= inner[0]
                names |= inner[1]
            elif isinstance(constant, str):
                self._add_text(constant)  # np.load("last.npy") when it is first needed
            else:
                self._write("constant", _describe_constant(constant))
        return global_names, names

    def _add_wrapper(self, value: Any) -> None:
        self._write("wrapper", type(value).__name__)
        for name in ("fget", "fset", "func", "__func__"):
            self.add(getattr(value, name, None))
        if isinstance(value, functools.partial | functools.partialmethod):
            self.add(value.args)
            self.add(dict(value.keywords))

    def _add_container(self, value: Any, of_library: bool) -> None:
        """Add the entries of a list, dictionary or set; of a library's, arrays and models alone."""
        is_set = isinstance(value, set | frozenset)
        if isinstance(value, dict | types.MappingProxyType):
            pairs = [pair for pair in value.items() if not self._notes.is_left_out(pair[0])]
            entries: list[object] = [part for pair in pairs for part in pair]
            count = len(pairs)
        else:
            entries, count = list(value), len(value)
        is_plain = _PLAIN.issuperset(map(type, entries))
        if of_library and (is_plain or is_set):
            return
        self._write("container" if of_library else type(value).__name__, "" if of_library else str(count))
        if count > MAX_ENTRIES:
            self._note_unread(f"a {type(value).__name__} of {count:,} entries")
        elif is_set:
            self._write("set", repr(sorted(map(repr if is_plain else self._digest_alone, entries))))
        elif count > MANY_ENTRIES and is_plain and not any(map(_ends_like_a_file, entries)):
            self._write("entries", repr(entries))
        else:
            for entry in entries:
                self.add(entry, of_library=of_library)

    def _add_instance(self, value: object) -> None:
        """Add an object of any other type: its class and attributes, or for a library's, arrays and models in it."""
        of_library = not self._note_module(type(value).__module__) and not isinstance(value, NAMESPACES)
        self._write("object", type(value).__qualname__)
        if not of_library:
            self._add_class(type(value))
        self.add_attributes(value, of_library=of_library)

    def _digest_alone(self, value: object) -> str:
        other = ObjectDigest(self._notes, self._where)
        other.add(value)
        return other.hexdigest()

    def _note_global(self, name: str, value: object) -> None:
        """Note the value of a global by its name, so that a change of it is told from a change of the code."""
        values = self._notes.global_values
        if name not in values:
            values[name] = ""  # a value may hold the function that names it
            digest = ObjectDigest(self._notes, name)
            digest.add(value)
            values[name] = digest.hexdigest()

    def _note_unread(self, what: str) -> None:
        """Note what cannot be read; it counts by its description."""
        self._notes.unread.add(f"{self._where}: {what}")
        self._write("unread", what)

    def _note_module(self, name: str | None) -> bool:
        """Note where code comes from; return whether it is the user's own."""
        own = is_own_code(name)
        if name and own:
            self._notes.modules.add(name)
        elif name and name.partition(".")[0] in OWN_PACKAGES:
            self._notes.package_modules.add(name)
        elif name:
            self._notes.libraries.add(name.partition(".")[0])
        return own

    def _write(self, kind: str, text: str) -> None:
        self._hash.update(f"{kind}\0{text}\0".encode("utf-8", "surrogatepass"))


def _ends_like_a_file(value: object) -> bool:
    return isinstance(value, str) and value.endswith(FILE_ENDINGS)


def _describe_constant(value: object) -> str:
    """A constant of code as text; sets are sorted, as their order changes from process to process."""
    if isinstance(value, frozenset):
        return f"set {sorted(map(_describe_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_describe_constant(each) for each in value]}"
    return repr(value)
