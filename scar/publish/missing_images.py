"""The images that rows name: which are there, which are missing or other ones, and where to get them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scar.common.files import hash_file, write_text
from scar.common.images import locate
from scar.common.progress import Track, silent
from scar.errors import BadRecord
from scar.formats.parquet import RowFile, candidates, row_file, schema_problems
from scar.publish.card import CARD
from scar.sample import Split

CHECKSUMS = "images.sha256"
"""Checksums of images, as ``sha256sum --check`` reads them; a push writes it."""

LIST = "images_missing.txt"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True, slots=True)
class Needed:
    """The images of one source in one split.

    Attributes:
        source: its name.
        split: whose rows name them.
        images: their paths, as rows have them.
        missing: those that are not there.
        others: those whose checksum is not the one that ``images.sha256`` has.
    """

    source: str
    split: Split
    images: tuple[str, ...]
    missing: tuple[str, ...]
    others: tuple[str, ...]


def needed(
    folder: Path,
    images: Path | None = None,
    *,
    sha256: Callable[[Path], str] = hash_file,
    track: Track = silent,
) -> list[Needed]:
    """See which images of a SCaR folder are there.

    Args:
        folder: ours or the published one.
        images: what paths are relative to, if it is not the folder itself.
        sha256: checksum of a file.
        track: shows progress.

    Raises:
        InputError: the folder holds no parquet file, or one is damaged; those of other columns are left to the check.
    """
    root, known = images or folder, read_checksums(folder)
    files = [row_file(path, folder) for path in candidates(folder) if not schema_problems(path)]
    return [_needed(file, root, known, sha256, track) for file in files]


def instructions(found: Sequence[Needed], folder: Path, images: Path | None = None) -> Iterator[str]:
    """What to do about images that are missing or other ones, line by line."""
    root = images or folder
    for each in found:
        key, total = f"{each.source}/{each.split}", len(each.images)
        if each.others:
            yield f"{key}: {len(each.others):,} of {total:,} images are not the ones of {CHECKSUMS}: {each.others[0]}"
        if not each.missing:
            yield f"{key}: all {total:,} images are there"
            continue
        yield f"{key}: {len(each.missing):,} of {total:,} images are missing; put them where rows name them:"
        yield f"  {root / each.missing[0]}" + (" and so on" if len(each.missing) > 1 else "")
        yield from (f"  {line}" for line in _where(each, folder))


def write_list(found: Sequence[Needed], folder: Path) -> Path | None:
    """Write the paths of all missing images into ``images_missing.txt``; where none is missing, it goes."""
    place = folder / LIST
    missing = dict.fromkeys(name for each in found for name in each.missing)
    if not missing:
        place.unlink(missing_ok=True)
        return None
    write_text("".join(f"{name}\n" for name in missing), place)
    return place


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by path of the images of a build that was pushed; empty where nothing says it."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {match[2]: match[1] for line in lines if (match := _LINE.fullmatch(line))}


def _needed(file: RowFile, root: Path, known: Mapping[str, str], sha256: Callable[[Path], str], track: Track) -> Needed:
    column = pq.read_table(file.path, columns=["qry_image_path"])["qry_image_path"]
    names = tuple(sorted(str(name) for name in column.unique().to_pylist() if name))
    missing, others = [], []
    for name in track(names, f"images of {file.source}", len(names)):
        try:
            path = locate(root, name, file.path.name)
        except BadRecord as bad:
            if bad.reason == "image_missing":
                missing.append(name)
            continue  # one that leaves the folder is told by the check
        if name in known and sha256(path) != known[name]:
            others.append(name)
    return Needed(file.source, file.split, names, tuple(missing), tuple(others))


def _where(each: Needed, folder: Path) -> Iterator[str]:
    """Where the images of a source are to be had, and under which licence."""
    entry = _known().get(each.source)
    if entry is None:
        told = f"{folder / CARD} may say where" if (folder / CARD).is_file() else "ask who made these rows"
        yield f"{each.source} is none of the sources known here; {told}"
        return
    entry = entry | entry.get(each.split, {})
    for archive in entry["archives"]:
        yield f"from {archive} ({entry['inside']})"
    yield f"licence of the images: {entry['licence']}"


@cache
def _known() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parents[1] / "annotations" / "images.toml").read_text(encoding="utf-8"))
