"""Digests of Python objects by content: code by its bytecode, arrays by their numbers, models by samples of weights.

Two embedders with equal digests give equal vectors, as far as this process can see. What the digest leaves out can
change without effect on vectors, or is too large to read: caches, counts of libraries, and most weights of a tensor.
"""

from __future__ import annotations

import argparse
import dis
import enum
import functools
import hashlib
import re
import sys
import tempfile
import types
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mmeb_eval.load_record import CONFIG_NAMES, WEIGHT_SUFFIXES, is_library_file, list_weight_files

OWN_PACKAGES = frozenset({"scar", "mmeb_eval", "virtue_ref"})
"""Packages whose objects say what they are by their settings."""

WORKER_NAMES = frozenset(
    {"device", "devices", "device_id", "device_ids", "device_map", "gpu", "gpu_id", "rank", "local_rank", "world_size"}
    | {"pid", "hostname", "port", "start", "started", "start_time", "timestamp", "uuid", "run_id", "logger"}
    | {"t0", "t_start", "started_at", "created_at", "loaded_at", "session", "session_id"}
    | {"tmp", "tmp_dir", "tmpdir", "temp_dir", "cache_dir", "log_dir"}
)
"""Names, without underscores before them, of attributes by which processes differ that give equal vectors."""

DEVICE = re.compile(r"cpu|(cuda|xpu|npu|hpu|mps|tpu|xla|gpu)(:\d+)?")
"""A text that names a device: equal models lie on other devices in other processes."""

CONTENT_SUFFIXES = WEIGHT_SUFFIXES | {".json", ".yaml", ".yml", ".toml", ".pkl", ".joblib", ".model", ".py"}
"""A text that names an existing file with one of these counts by the file's content."""

MAX_ENTRIES = 64
"""A container with more entries is taken for a cache, as is an empty one: neither counts."""

MAX_OBJECTS, MAX_DEPTH = 20_000, 24
"""Limits of what one digest looks at; beyond them an object counts by its type."""

MAX_ARRAY_BYTES, MAX_SAMPLES = 256 << 20, 4096
"""Arrays up to this size are read whole; of larger ones, and of tensors, evenly spaced numbers are read."""

NAMESPACES = (types.SimpleNamespace, argparse.Namespace)
"""Types of Python whose objects hold values of the user, such as options."""

_WRAPPERS = (staticmethod, classmethod, property, functools.partial, functools.partialmethod, functools.cached_property)


class ObjectDigest:
    """A digest that objects are added to.

    Attributes:
        modules: names of modules of the user's own code that were met.
        package_modules: names of modules of `OWN_PACKAGES` that were met.
        libraries: names of top-level modules of other packages that were met.
        files: files that attributes name.
    """

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.package_modules: set[str] = set()
        self.libraries: set[str] = set()
        self.files: set[Path] = set()
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
        if value is None or isinstance(value, bool | int | float | complex | bytes | types.EllipsisType):
            if not of_library:
                self._write(type(value).__name__, repr(value))
            return
        if isinstance(value, str | Path):
            if not of_library:
                self._add_text(value)
            return
        if id(value) in self._seen:
            self._write("again", str(self._seen[id(value)]))
            return
        if len(self._seen) >= MAX_OBJECTS or self._depth >= MAX_DEPTH:
            self._write("beyond", type(value).__qualname__)
            return
        self._seen[id(value)] = len(self._seen)
        self._kept_alive.append(value)  # so that no other object gets its id
        self._depth += 1
        try:
            self._add_object(value, of_library)
        finally:
            self._depth -= 1

    def add_attributes(self, value: object, *, of_library: bool = False) -> None:
        """Add the attributes of an object by name, except those by which workers differ."""
        for name, attribute in sorted(list_attributes(value).items()):
            if not is_of_a_process(name):
                self._write("attribute", "" if of_library else name)
                self.add(attribute, of_library=of_library)

    def _add_object(self, value: object, of_library: bool) -> None:
        torch: Any = sys.modules.get("torch")
        if isinstance(value, np.ndarray | np.generic):
            self._add_array(np.asarray(value))
        elif torch is not None and isinstance(value, torch.nn.Module):
            self._add_torch_module(value)
        elif torch is not None and isinstance(value, torch.Tensor):
            self._add_tensor(value)
        elif type(value).__module__.startswith("jax") and hasattr(value, "__array__"):
            self._add_array(np.asarray(value))
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
        elif isinstance(value, list | tuple | dict | set | frozenset | deque):
            if not of_library:
                self._add_container(value)
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
                    self.files.add(path)
                    text = path.name
                elif path.is_dir() and (weights := list_weight_files(path)):
                    self.files.update(weights)
                    text = path.name
                elif path.is_absolute() and path.is_relative_to(tempfile.gettempdir()):
                    text = ""  # made for one run, or gone after it
            except OSError:
                pass  # too long for a path, or in a folder that cannot be read
        self._write("text", text)

    def _add_array(self, array: np.ndarray[Any, Any]) -> None:
        self._write("array", f"{array.dtype} {array.shape}")
        if array.dtype.hasobject:
            return
        flat = array.reshape(-1)
        if array.nbytes > MAX_ARRAY_BYTES:
            flat = flat[:: max(1, flat.size // MAX_SAMPLES)]
        self._hash.update(np.ascontiguousarray(flat).tobytes())

    def _add_tensor(self, tensor: Any) -> None:
        """Add a tensor by its type, its shape and evenly spaced numbers."""
        torch: Any = sys.modules["torch"]
        self._write("tensor", f"{tensor.dtype} {tuple(tensor.shape)}")
        try:
            flat = tensor.detach().reshape(-1)
            sample = flat[:: max(1, flat.numel() // MAX_SAMPLES)].cpu().contiguous()
            self._hash.update(sample.view(torch.uint8).numpy().tobytes())
        except (RuntimeError, NotImplementedError, TypeError, AttributeError):
            self._write("tensor", "without numbers")  # on the device meta, sparse, or of a type with no bytes

    def _add_torch_module(self, module: Any) -> None:
        for part in module.modules():
            self._write("module", f"{type(part).__qualname__} {part.training}")
            self._add_class(type(part))
            if is_own_code(type(part).__module__):
                plain = {name: value for name, value in vars(part).items() if not name.startswith("_")}
                for name, value in sorted(plain.items()):
                    self._write("attribute", name)
                    self.add(value)
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            self._write("weights", name)
            self._add_tensor(tensor)

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
        for name in sorted(filter(lambda name: not is_of_a_process(name), global_names & function.__globals__.keys())):
            value = function.__globals__[name]
            self._write("global", name)
            self.add(value)
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

    def _add_container(self, value: Any) -> None:
        if not 0 < len(value) <= MAX_ENTRIES:
            return
        self._write(type(value).__name__, str(len(value)))
        if isinstance(value, set | frozenset):
            self._write("set", repr(sorted(map(self._digest_alone, value))))
            return
        entries: Iterable[object] = value
        if isinstance(value, dict):
            entries = [part for pair in value.items() if not is_of_a_process(pair[0]) for part in pair]
        for entry in entries:
            self.add(entry)

    def _add_instance(self, value: object) -> None:
        """Add an object of any other type: its class and attributes, or for a library's, arrays and models in it."""
        of_library = not self._note_module(type(value).__module__) and not isinstance(value, NAMESPACES)
        self._write("object", type(value).__qualname__)
        if not of_library:
            self._add_class(type(value))
        self.add_attributes(value, of_library=of_library)

    def _digest_alone(self, value: object) -> str:
        other = ObjectDigest()
        other.add(value)
        return other.hexdigest()

    def _note_module(self, name: str | None) -> bool:
        """Note where code comes from; return whether it is the user's own."""
        own = is_own_code(name)
        if name and own:
            self.modules.add(name)
        elif name and name.partition(".")[0] in OWN_PACKAGES:
            self.package_modules.add(name)
        elif name:
            self.libraries.add(name.partition(".")[0])
        return own

    def _write(self, kind: str, text: str) -> None:
        self._hash.update(f"{kind}\0{text}\0".encode("utf-8", "surrogatepass"))


def is_of_a_process(name: object) -> bool:
    """Whether a name is one of `WORKER_NAMES`."""
    return isinstance(name, str) and name.lstrip("_") in WORKER_NAMES


def is_own_code(module: str | None) -> bool:
    """Whether a module is the user's: a script, a notebook, or a file outside of Python and installed packages."""
    if module is None or module == "__main__":
        return True
    if module.partition(".")[0] in OWN_PACKAGES:
        return False
    found = sys.modules.get(module)
    if found is None:
        return module.partition(".")[0] not in sys.stdlib_module_names
    file = getattr(found, "__file__", None)
    return file is not None and not is_library_file(Path(file))


def list_attributes(value: object) -> dict[str, object]:
    """The attributes of an object itself: those of its ``__dict__`` and of the slots of its classes."""
    attributes: dict[str, object] = {}
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = vars(base).get(name)
            if isinstance(member, types.MemberDescriptorType):
                try:
                    attributes[name] = member.__get__(value)
                except AttributeError:
                    continue  # not set
    own = getattr(value, "__dict__", None)
    return attributes | own if isinstance(own, dict) else attributes


def _describe_constant(value: object) -> str:
    """A constant of code as text; sets are sorted, as their order changes from process to process."""
    if isinstance(value, frozenset):
        return f"set {sorted(map(_describe_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_describe_constant(each) for each in value]}"
    return repr(value)
