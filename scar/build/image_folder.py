"""Files take their final places one by one, each whole or not at all."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from scar.common.files import replace_file
from scar.common.progress import Track
from scar.errors import InputError

ImagesMode: TypeAlias = Literal["link", "copy"]


def refuse_to_replace(files: Mapping[Path, Path]) -> None:
    """See that no file would take the place of a different one.

    Args:
        files: places by the files that are to go there.

    Raises:
        InputError: another file is in the way.
    """
    for new, place in files.items():
        if place.exists() and not (place.samefile(new) or filecmp.cmp(new, place, shallow=False)):
            raise InputError(f"{place}: holds something else; --force replaces it, another --out keeps it.")


def refuse_to_replace_images(names: Sequence[str], root: Path, folder: Path) -> None:
    """`refuse_to_replace` for images of ``root`` that are to go to ``folder``, both by the same names."""
    there = _find_files(folder)
    refuse_to_replace({root / name: folder / name for name in names if name in there})


def put_images(names: Sequence[str], root: Path, folder: Path, mode: ImagesMode, track: Track) -> None:
    """Put images into a folder, in the place of what has their names.

    Args:
        names: of the images, relative to both folders, with forward slashes.
        root: where they are.
        folder: where they are to be.
        mode: ``link`` makes hard links, and copies where that is not possible.
        track: shows progress.
    """
    there = _find_files(folder)
    for parent in {name.rpartition("/")[0] for name in names}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name in track(names, f"images of {folder.name}", len(names)):
        image, place = f"{root}/{name}", f"{folder}/{name}"
        if name not in there and mode == "link" and _link_image(image, place):
            continue
        if not (name in there and Path(place).samefile(image)):
            _put_image(Path(image), Path(place), mode)


def remove_others(names: Sequence[str], folder: Path) -> None:
    """Remove the images that an earlier build of a source used and this one does not."""
    for name in _find_files(folder).difference(names):
        (folder / name).unlink()


def _find_files(folder: Path) -> set[str]:
    """The files in a folder and those below it, relative to it, with forward slashes."""
    found: set[str] = set()
    for parent, _, names in os.walk(folder):
        inside = Path(parent).relative_to(folder).as_posix()
        found.update(names if inside == "." else (f"{inside}/{name}" for name in names))
    return found


def _link_image(image: str, target: str) -> bool:
    """Whether the file system made a hard link: not across disks, and not on all of them."""
    try:
        os.link(os.path.realpath(image) if os.path.islink(image) else image, target)  # noqa: PTH114 - Path takes longer
    except OSError:
        return False
    return True


def _put_image(image: Path, target: Path, mode: ImagesMode) -> None:
    """Put an image into the place of what may be there, under a temporary name first."""
    with replace_file(target) as partial:
        if mode == "copy" or not _link_image(str(image), str(partial)):
            shutil.copyfile(image, partial)
