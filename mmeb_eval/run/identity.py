"""What made stored vectors: all that is known of an embedder and can change its vectors, and what differs in two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmeb_eval.embedder import Embedder, get_layout_name, get_prompt_kinds, get_settings, get_volatile_names
from mmeb_eval.load_record import get_record, read_file_state
from mmeb_eval.run.digest_notes import OWN_PACKAGES, DigestNotes, is_own_code, is_own_object, list_attributes
from mmeb_eval.run.object_digest import ObjectDigest
from mmeb_eval.run.source_files import hash_sources
from mmeb_eval.run.versions import read_package_versions, read_versions
from scar.common.files import hash_file_once

PARTS = ("files", "code", "state", "settings", "versions")
"""Parts of an identity that hold one value for each name, in the order in which changes are told."""


def describe_identity(embedder: Embedder) -> dict[str, Any]:
    """All that is known of an embedder and can change its vectors, as JSON.

    Returns:
        ``embedder``, its name; ``layout``, ``prompts``, ``region`` (its strategy, or None) and ``settings``.

        ``files``: name of each file that it read while it was loaded, or that its attributes name -> SHA-256.
        ``code``: name of each module, its own and those that they import -> SHA-256 of the source file; and ``class``
        and the name of its class -> digest of the functions as they are in memory.
        ``state``: name of each attribute, and of each global that its code names -> digest of the value.
        ``unread``: what of these no digest can read. ``versions``: package -> version.
    """
    notes = DigestNotes(get_volatile_names(embedder))
    code: dict[str, str] = {}
    state: dict[str, str] = {}
    modules: set[str] = set()
    files: dict[Path, tuple[int, int, int] | None] = {}
    for each in list_wrapped(embedder):
        record = get_record(each)
        files |= record.files
        modules |= {type(each).__module__} | {name for name in record.modules if is_own_code(name)}
        class_name = type(each).__qualname__
        code[f"class {class_name}"] = _digest([type(each), record.loader], notes, f"class {class_name}")
        for where, value, of_library in _iter_state(each, class_name, notes):
            state[where] = _digest([value], notes, where, of_library)
    is_of_our_packages = any(name.partition(".")[0] in OWN_PACKAGES for name in modules)
    modules |= notes.modules | (notes.package_modules if is_of_our_packages else set())
    files = dict.fromkeys((path.absolute() for path in sorted(notes.files)), None) | files
    sources, libraries = hash_sources(modules, OWN_PACKAGES)
    return {
        "embedder": embedder.name,
        "layout": get_layout_name(embedder),
        "prompts": sorted(get_prompt_kinds(embedder)),
        "region": getattr(embedder, "region", None),
        "settings": get_settings(embedder),
        "files": dict(sorted(_hash_files(files).items())),
        "code": sources | code,
        "state": state | notes.global_values,
        "unread": sorted(notes.unread),
        "versions": read_versions() | read_package_versions(libraries | notes.libraries),
    }


def digest_identity(about: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that stand for an identity: for all that `describe_identity` returned."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def digest_model(about: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that stand for an identity without the versions of packages."""
    return digest_identity({name: value for name, value in about.items() if name != "versions"})


def list_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two identities of one embedder: names of files, modules, attributes, settings, packages.

    A name counts if its value differs, or if one identity lacks it. Empty if nothing differs.
    """
    changes = []
    for part in PARTS:
        old, new = before.get(part) or {}, now.get(part) or {}
        changes += [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    whole = ("layout", "prompts", "region")
    return list(dict.fromkeys([*changes, *(part for part in whole if before.get(part) != now.get(part))]))


def list_wrapped(embedder: object) -> list[object]:
    """An embedder, the embedder that it wraps (its attribute ``inner``), and so on."""
    found: list[object] = []
    while embedder is not None and all(embedder is not other for other in found):
        found.append(embedder)
        embedder = getattr(embedder, "inner", None)
    return found


def _iter_state(owner: object, where: str, notes: DigestNotes, depth: int = 3) -> Iterator[tuple[str, object, bool]]:
    """Each attribute that counts: its name, its value, and whether it is one of a library's object.

    The attributes of objects of the user's own classes follow one by one, so that a change can be named.
    """
    of_library = not is_own_code(type(owner).__module__)
    for name, value in sorted(list_attributes(owner).items()):
        if notes.is_left_out(name) or name == "inner":
            continue
        path = f"{where}.{name}"
        if depth and is_own_object(value):
            yield path, type(value), False
            yield from _iter_state(value, path, notes, depth - 1)
        else:
            yield path, value, of_library


def _digest(values: Sequence[object], notes: DigestNotes, where: str, of_library: bool = False) -> str:
    digest = ObjectDigest(notes, where)
    for value in values:
        digest.add(value, of_library=of_library)
    return digest.hexdigest()


def _hash_files(files: Mapping[Path, tuple[int, int, int] | None]) -> dict[str, str]:
    """Digests by file name, so that a model may move; files of one name share a digest.

    A file that has changed since it was loaded gets a digest of its own: what was loaded is no longer known.
    """
    by_name: dict[str, list[str]] = {}
    for path, state in sorted(files.items()):
        try:
            digest = hash_file_once(path)
            changed = state is not None and read_file_state(path) != state
        except OSError:
            digest, changed = "gone", True
        by_name.setdefault(path.name, []).append(f"{digest} loaded as {state}" if changed else digest)
    return {name: digests[0] if len(digests) == 1 else " ".join(sorted(digests)) for name, digests in by_name.items()}
