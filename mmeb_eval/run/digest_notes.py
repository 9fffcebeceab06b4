"""What digests of objects leave out by name, what is a user's own code, and what the digests of an embedder meet."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

from mmeb_eval.load_record import is_library_file

OWN_PACKAGES = frozenset({"scar", "mmeb_eval", "virtue_ref"})
"""Packages whose objects say what they are by their settings."""

WORKER_NAMES = frozenset(
    {"device", "devices", "device_id", "device_ids", "device_map", "gpu", "gpu_id", "rank", "local_rank", "world_size"}
    | {"pid", "hostname", "port", "start", "started", "start_time", "timestamp", "uuid", "run_id", "logger"}
    | {"t0", "t_start", "started_at", "created_at", "loaded_at", "session", "session_id"}
    | {"tmp", "tmp_dir", "tmpdir", "temp_dir", "cache_dir", "log_dir"}
    | {"cache", "caches", "cached", "memo"}
)
"""Names, without underscores before them, of attributes by which processes differ that give equal vectors."""


@dataclass(slots=True)
class DigestNotes:
    """What the digests of one embedder met; `ObjectDigest` fills it.

    Attributes:
        volatile: names, besides `WORKER_NAMES`, of attributes and globals that do not count.
        modules: dotted names of modules of the user's own code that were met.
        package_modules: dotted names of modules of `OWN_PACKAGES` that were met.
        libraries: names of top-level modules of other packages that were met.
        files: existing files that texts and paths name.
        global_values: ``module.name`` of each global that a function of the user's names -> digest of its value.
        unread: what could not be read, each as "<where>: <what>".
        arrays: id of each array or tensor -> (the object itself, so that its id stays in use; its digest).
    """

    volatile: frozenset[str] = frozenset()
    modules: set[str] = field(default_factory=set)
    package_modules: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    global_values: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    arrays: dict[int, tuple[object, str]] = field(default_factory=dict)

    def is_left_out(self, name: object) -> bool:
        """Whether an attribute, global or key of this name does not count: by `WORKER_NAMES` or ``volatile``."""
        return is_of_a_process(name) or name in self.volatile


def is_of_a_process(name: object) -> bool:
    """Whether a name, less its leading underscores, is one of `WORKER_NAMES`: its value tells processes apart only."""
    return isinstance(name, str) and name.lstrip("_") in WORKER_NAMES


def is_own_code(module: str | None) -> bool:
    """Whether a module, given by its dotted name, is the user's: a script, a notebook, or a file of the user's.

    That is a file outside of Python, the system and installed packages. None counts as the user's; modules of
    `OWN_PACKAGES` do not.
    """
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
    """Name -> value of an object's own attributes: those in its ``__dict__`` and in the slots of its classes."""
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


def is_own_object(value: object) -> bool:
    """Whether a value is a plain object of a class of the user's own.

    False for a class that inherits from one of torch, enum, numpy or Python's builtins, as a model or a list does.
    """
    kind = type(value)
    others = {base.__module__.partition(".")[0] for base in kind.__mro__ if base is not object}
    return is_own_code(kind.__module__) and kind is not type and not others & {"builtins", "torch", "enum", "numpy"}
