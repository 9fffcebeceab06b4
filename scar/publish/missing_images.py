"""Find images that the rows of a corpus name but that are missing or changed; say where to get them."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scar.common.arrow import read_table
from scar.common.files import hash_file, write_text
from scar.common.image_header import read_header
from scar.common.images import BROKEN, locate_image
from scar.common.orientation import UPRIGHT
from scar.common.pixels import UnclearPixels
from scar.common.progress import Track, track_silently
from scar.errors import BadRecord
from scar.formats.reader import RowFile, find_parquet_files, find_schema_problems, make_row_file
from scar.publish.card import CARD
from scar.sample import Split

IMAGE_CHECKSUMS = "images.sha256"
"""File of a pushed build with the checksums of its images, as ``sha256sum --check`` reads them."""

MISSING_LIST = "images_missing.txt"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """The images of one source in one split.

    Attributes:
        source: name of the source.
        split: the split whose rows name the images.
        images: paths of the images, as rows name them, sorted and without repetition.
        missing: those of them without a file.
        changed: those of them whose checksum differs from the one in ``images.sha256``, without the ``originals``.
        originals: those of them that EXIF turns, and whose upright copies have the checksum: the build stored those.
        turned: those of the ``changed`` that EXIF turns. Their upright copies may be as good as those of the build,
            which other versions of libraries encode to other bytes.
    """

    source: str
    split: Split
    images: tuple[str, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    originals: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()


def find_missing_images(
    folder: Path,
    images: Path | None = None,
    *,
    sha256: Callable[[Path], str] = hash_file,
    track: Track = track_silently,
) -> list[ImageStatus]:
    """Check which images of a SCaR folder exist, and which differ from their checksums.

    An image whose path leaves the folder counts neither as missing nor as changed: `check_folder` reports it.

    Args:
        folder: a SCaR folder, built or published; parquet files with other columns are skipped.
        images: folder that image paths are relative to; None means ``folder``.
        sha256: computes the SHA-256 of a file, in hexadecimal digits.
        track: shows progress.

    Returns:
        The status of each file of rows, ordered by path.

    Raises:
        InputError: the folder holds no file of rows, or one is damaged.
    """
    root, known = images or folder, read_checksums(folder)
    files = [make_row_file(path, folder) for path in find_parquet_files(folder) if not find_schema_problems(path)]
    return [_check_images(file, root, known, sha256, track) for file in files]


def iter_instructions(statuses: Sequence[ImageStatus], folder: Path, images: Path | None = None) -> Iterator[str]:
    """Lines for the user: how many images of each source are missing or changed, and how to get the missing ones.

    The arguments are those of `find_missing_images` and what it returned.
    """
    root = images or folder
    for status in statuses:
        key, total = f"{status.source}/{status.split}", len(status.images)
        if status.changed:
            which = f"{IMAGE_CHECKSUMS}: {status.changed[0]}"
            yield f"{key}: {len(status.changed):,} of {total:,} images differ from their checksums in {which}"
        if status.turned:
            some = f"{len(status.turned):,} of them, such as {status.turned[0]}"
            yield f"  EXIF turns {some}, and a build stores images upright; if they are the originals, take the"
            yield "  images of the build in their place, or build again from the originals"
        if status.originals:
            yield f"{key}: {len(status.originals):,} of {total:,} images are originals that EXIF turns; the build"
            yield "  stored them upright: scar, mmeb-eval and virtue read both alike, programs that ignore EXIF do not"
        if not status.missing:
            yield f"{key}: all {total:,} images are there"
            continue
        yield f"{key}: {len(status.missing):,} of {total:,} images are missing; put them where rows name them:"
        yield f"  {root / status.missing[0]}" + (" and so on" if len(status.missing) > 1 else "")
        yield from (f"  {line}" for line in _iter_origins(status, folder))


def write_missing_list(statuses: Sequence[ImageStatus], folder: Path) -> Path | None:
    """Write the paths of missing images, as rows name them, to ``images_missing.txt`` in a folder; return its path.

    If no image is missing, that file is removed and None is returned.
    """
    path = folder / MISSING_LIST
    missing = dict.fromkeys(name for status in statuses for name in status.missing)
    if not missing:
        path.unlink(missing_ok=True)
        return None
    write_text("".join(f"{name}\n" for name in missing), path)
    return path


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each image of a pushed build, by path as in the rows; empty if the folder has no ``images.sha256``.

    Lines of another form are passed over.
    """
    try:
        lines = (folder / IMAGE_CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {match[2]: match[1] for line in lines if (match := _LINE.fullmatch(line))}


def _check_images(
    file: RowFile, root: Path, known: Mapping[str, str], sha256: Callable[[Path], str], track: Track
) -> ImageStatus:
    column = read_table(file.path, ["qry_image_path"])["qry_image_path"]
    names = tuple(sorted(str(name) for name in column.unique().to_pylist() if name))
    missing: list[str] = []
    others: dict[str, Path] = {}
    for name in track(names, f"images of {file.source}", len(names)):
        try:
            path = locate_image(root, name, file.path.name)
        except BadRecord as bad:
            if bad.reason == "image_missing":
                missing.append(name)
            continue  # the check reports paths that leave the folder
        if name in known and sha256(path) != known[name]:
            others[name] = path
    turned = {name: path for name, path in others.items() if _is_turned(path)}
    originals = {name: path for name, path in turned.items() if _hash_upright(path) == known[name]}
    return ImageStatus(
        source=file.source,
        split=file.split,
        images=names,
        missing=tuple(missing),
        changed=tuple(name for name in others if name not in originals),
        originals=tuple(originals),
        turned=tuple(name for name in turned if name not in originals),
    )


def _is_turned(path: Path) -> bool:
    """Whether a file is an image that EXIF turns."""
    from PIL.Image import DecompressionBombError

    try:
        return read_header(path).orientation != UPRIGHT
    except (DecompressionBombError, *BROKEN):
        return False


def _hash_upright(path: Path) -> str | None:
    """SHA-256 of the upright copy that a build stores of an image; None if the image cannot be decoded."""
    from PIL.Image import DecompressionBombError

    from scar.build.turned_images import encode_upright

    try:
        return hashlib.sha256(encode_upright(path)[0]).hexdigest()
    except (DecompressionBombError, UnclearPixels, *BROKEN):
        return None


def _iter_origins(status: ImageStatus, folder: Path) -> Iterator[str]:
    """Lines that name the archives and the licence of a source's images, or say that the source is not known."""
    entry = _read_known_images().get(status.source)
    if entry is None:
        hint = f"{folder / CARD} may say where" if (folder / CARD).is_file() else "ask who made these rows"
        yield f"{status.source} is none of the sources known here; {hint}"
        return
    entry = entry | entry.get(status.split, {})
    for archive in entry["archives"]:
        yield f"from {archive} ({entry['inside']})"
    yield f"licence of the images: {entry['licence']}"


@cache
def _read_known_images() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parents[1] / "annotations" / "images.toml").read_text(encoding="utf-8"))
