"""The image folder of a source: links or copies of its images; no image is ever visible half-written."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from scar.common.files import replace_file
from scar.common.progress import Track
from scar.errors import InputError
from scar.recipe import Source

ImagesMode: TypeAlias = Literal["link", "copy"]


def image_folder_name(source: Source) -> str:
    """Path of a source's image folder relative to the folder of the corpus, such as ``images/coco_val``.

    It says ``val`` for ``eval``, as the published corpus does.
    """
    return f"images/{source.name.lower()}_{'val' if source.split == 'eval' else 'train'}"


def refuse_to_replace(files: Mapping[Path, Path]) -> None:
    """Check that no new file would replace a file with other contents; a file with the same contents is no problem.

    Args:
        files: final path of each new file, by its current path.

    Raises:
        InputError: a file with other contents has the final path.
    """
    for new, path in files.items():
        if path.exists() and not (path.samefile(new) or filecmp.cmp(new, path, shallow=False)):
            raise InputError(f"{path}: holds something else; --force replaces it, another --out keeps it.")


def refuse_to_replace_images(images: Mapping[str, str], folder: Path) -> None:
    """Check that `put_images` with these arguments would replace no file with other contents.

    Args:
        images: path of the existing file of each image, by the path that it gets in ``folder``.
        folder: the folder that gets them.

    Raises:
        InputError: it would replace one; the message names the file.
    """
    existing = _find_files(folder)
    refuse_to_replace({Path(image): folder / name for name, image in images.items() if name in existing})


def put_images(images: Mapping[str, str], folder: Path, mode: ImagesMode, track: Track) -> None:
    """Link or copy images into a folder; files of the same names are replaced.

    Args:
        images: path of the existing file of each image, by the path that it gets, relative to ``folder`` and with
            forward slashes.
        folder: the folder that gets them; made if missing.
        mode: ``link`` makes hard links, or copies where links are not possible; ``copy`` always copies.
        track: shows progress.
    """
    existing = _find_files(folder)
    for parent in {name.rpartition("/")[0] for name in images}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name, image in track(images.items(), f"images of {folder.name}", len(images)):
        target = f"{folder}/{name}"
        if name not in existing and mode == "link" and _link_image(image, target):
            continue
        if not (name in existing and Path(target).samefile(image)):
            _put_image(Path(image), Path(target), mode)


def remove_others(names: Iterable[str], folder: Path) -> None:
    """Remove the files below an image folder that only an earlier build of the source used.

    Args:
        names: paths of the files to keep, relative to ``folder``, with forward slashes.
        folder: the image folder.
    """
    for name in _find_files(folder).difference(names):
        (folder / name).unlink()


def _find_files(folder: Path) -> set[str]:
    """Paths of all files below a folder, relative to it, with forward slashes; empty if there is no such folder."""
    found: set[str] = set()
    for parent, _, names in os.walk(folder):
        inside = Path(parent).relative_to(folder).as_posix()
        found.update(names if inside == "." else (f"{inside}/{name}" for name in names))
    return found


def _link_image(image: str, target: str) -> bool:
    """Make a hard link; returns whether it worked. It fails across disks, and on some file systems always."""
    try:
        os.link(os.path.realpath(image) if os.path.islink(image) else image, target)  # noqa: PTH114 - Path takes longer
    except OSError:
        return False
    return True


def _put_image(image: Path, target: Path, mode: ImagesMode) -> None:
    """Link or copy one image; a file of the same name is replaced."""
    with replace_file(target) as partial:
        if mode == "copy" or not _link_image(str(image), str(partial)):
            shutil.copyfile(image, partial)
