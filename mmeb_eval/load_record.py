"""What an embedder read while it was loaded, as far as this process can see: its files, and the modules imported."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

SYSTEM_FOLDERS = ("/proc", "/sys", "/dev", "/etc", "/run", "/lib", "/usr/lib")
"""Files below these belong to the system."""

PACKAGE_FOLDERS = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages, whose versions stand for their files."""

CACHE_FOLDERS = (".triton", ".nv", "matplotlib", "torchinductor", "fontconfig")
"""Beginnings of the names of folders in which libraries keep what they compiled."""

CONFIG_NAMES = frozenset({"config.json", "modules.json", "adapter_config.json", "preprocessor_config.json"})
"""A folder with one of these is a model; a library may read its weights unseen, by code in C or Rust."""

WEIGHT_SUFFIXES = frozenset(
    {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".npy", ".npz", ".h5", ".msgpack", ".tflite"}
)
"""Suffixes of files with weights."""

HUB_FILES = frozenset({"token", "stored_tokens", "version.txt", "CACHEDIR.TAG"})
"""Files of the Hub's cache that belong to no model; some hold keys."""

FileState = tuple[int, int, int]
"""Size, mtime in ns and inode of a file: by these a change is noticed."""


@dataclass(slots=True)
class LoadRecord:
    """What was read while an embedder was loaded.

    Attributes:
        files: absolute path of each file that was read (links are not resolved) -> its state at the end of the load.
            Files of the system, of installed packages and of caches, and the sources of modules, are left out.
        modules: dotted names of the modules that were imported for the first time.
        loader: the function that made the embedder; None if it is not known.
    """

    files: dict[Path, FileState] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    loader: object = None


_active: list[set[str]] = []
_lock = threading.Lock()
_records: dict[int, LoadRecord] = {}


@contextmanager
def record_load() -> Iterator[LoadRecord]:
    """Record what this process reads inside the ``with`` block; the record is empty until the block ends.

    It sees the files that Python and safetensors open, those that are still open or mapped at the end (on Linux), and
    the weights beside a model's config.
    """
    _install_hook()
    paths: set[str] = set()
    record = LoadRecord()
    held_before, modules_before = set(_iter_held_paths()), set(sys.modules)
    with _lock:
        _active.append(paths)
    stop_watching = _watch_safetensors()
    try:
        yield record
    finally:
        stop_watching()
        with _lock:
            _active[:] = [other for other in _active if other is not paths]
        paths.update(set(_iter_held_paths()) - held_before)
        record.modules += sorted(set(sys.modules) - modules_before)
        record.files.update(_select_files(paths))


def keep_record(embedder: object, record: LoadRecord) -> None:
    """Keep the record of an embedder while the embedder lives, for `get_record`.

    Nothing is kept for an object that takes no weak reference, as nothing tells when it ends.
    """
    key = id(embedder)
    try:
        weakref.finalize(embedder, _records.pop, key, None)
    except TypeError:
        return  # after its end, its id may be that of another object
    _records[key] = record


def get_record(embedder: object) -> LoadRecord:
    """What was read while an embedder was loaded; empty if nobody recorded it, as where the caller made it."""
    return _records.get(id(embedder), LoadRecord())


def read_file_state(path: Path) -> FileState:
    """Size, mtime in ns and inode of a file.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def is_library_file(path: Path) -> bool:
    """Whether a file belongs to Python, an installed package or the system, so that a version stands for it."""
    return not PACKAGE_FOLDERS.isdisjoint(path.parts) or any(map(path.is_relative_to, _list_library_folders()))


def list_weight_files(folder: Path) -> list[Path]:
    """Files directly in an existing folder whose suffix is one of `WEIGHT_SUFFIXES`, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_SUFFIXES and path.is_file())


@cache
def _list_library_folders() -> tuple[Path, ...]:
    """Folders of the system and of Python; a project may lie beside them, as in /usr/src."""
    python = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    parts = ("bin", "etc", "include", "lib", "lib64", "share", "pyvenv.cfg")
    prefixes = [Path(prefix, part) for prefix in (sys.prefix, sys.base_prefix) for part in parts]
    return (*map(Path, SYSTEM_FOLDERS), *map(Path, python), *prefixes)


@cache
def _install_hook() -> None:
    """Hear of every file that Python opens; an audit hook cannot be removed, so there is one in a process."""
    sys.addaudithook(_note_open)


def _note_open(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _active:
        path, _, flags = arguments
        if flags & (os.O_WRONLY | os.O_CREAT) == 0:  # neither a log nor a lock
            _note_path(path)


def _note_path(path: object) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        absolute = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - links stay
        for paths in _active:
            paths.add(absolute)


def _watch_safetensors() -> Callable[[], None]:
    """Hear of the files that safetensors opens in Rust; return a function that ends it."""
    import safetensors

    original = safetensors.safe_open

    def safe_open(filename: Any, *arguments: Any, **options: Any) -> Any:
        _note_path(filename)
        return original(filename, *arguments, **options)

    def replace_everywhere(old: object, new: object) -> None:
        for module in list(sys.modules.values()):
            names: Mapping[str, Any] = getattr(module, "__dict__", {})
            if names.get("safe_open") is old:
                module.__dict__["safe_open"] = new

    replace_everywhere(original, safe_open)
    return lambda: replace_everywhere(safe_open, original)


def _iter_held_paths() -> Iterator[str]:
    """Paths of files that are open or mapped into memory; none where there is no /proc."""
    process = Path("/proc/self")
    try:
        links = list((process / "fd").iterdir())
        maps = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for link in links:
        try:
            yield os.readlink(link)  # noqa: PTH115 - a pipe is no path
        except OSError:
            continue  # closed meanwhile
    for line in maps:
        _, slash, path = line.partition(" /")
        yield slash.strip() + path


def _select_files(paths: set[str]) -> dict[Path, FileState]:
    """Those paths that are files of the model, with the weights beside its config; in order of their paths."""
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    sources = {os.path.abspath(file) for file in modules if file}  # noqa: PTH100 - links stay
    found: dict[Path, FileState] = {}
    for text in paths:
        path = Path(text)
        if not path.is_absolute() or text in sources or not _may_be_of_the_model(path):
            continue
        try:
            beside = list_weight_files(path.parent) if path.name in CONFIG_NAMES else []
            found.update((each, read_file_state(each)) for each in (path, *beside) if each.is_file())
        except OSError:
            continue  # gone since, or not ours to read
    return dict(sorted(found.items()))


def _may_be_of_the_model(path: Path) -> bool:
    """Whether a file may be one of the model's own: neither code that was imported nor what a library keeps."""
    if is_library_file(path) or path.suffix == ".pyc" or ".so" in path.suffixes or path.name in HUB_FILES:
        return False
    if any(part.startswith(CACHE_FOLDERS) for part in path.parts):
        return False
    is_in_hub_cache = any(part.startswith("models--") for part in path.parts)
    return not is_in_hub_cache or not {"snapshots", "blobs"}.isdisjoint(path.parts)
