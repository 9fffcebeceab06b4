"""What an index is made of: images, the regions of annotation files, or the samples of a SCaR corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scar.accounting import Tally
from scar.common.files import describe_missing, iter_paths, make_path
from scar.errors import InputError, VirtueError
from scar.sample import Box


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found.

    Attributes:
        id: unique in its index.
        image: path of the image below `Entries.root`, with forward slashes.
        text: what is known of it, such as its category. Hits show it; it is not embedded.
        box: the region in pixels of the displayed image; None for the whole image.
    """

    id: str
    image: str
    text: str = ""
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries with the folder of their images.

    Attributes:
        root: folder that the entries' images are relative to.
        read: function that yields the entries, the same ones at each call.
        tally: counts of what the last complete `read` passed over, by reason.
    """

    root: Path
    read: Callable[[], Iterator[Entry]]
    tally: Tally


def read_entries(
    source: str | Path, images: str | Path | None = None, *, reader: str | None = None, skip_bad: bool = False
) -> Entries:
    """Find out what a path holds, and make the entries of it.

    Args:
        source: an image; a folder of images, at any depth; the folder of a SCaR corpus; or, with `images`, annotations
            that `scar build` reads, such as COCO's JSON.
        images: folder of the annotations' images. None: `source` holds no annotations.
        reader: the format of the annotations, one of `scar.recipe.READERS`. None finds it out.
        skip_bad: whether to pass over annotations that cannot be used, and count them; else the first one stops.

    Raises:
        InputError: a path is missing, or holds nothing that can be indexed.
    """
    path = make_path(source, "source")
    if not path.exists():
        raise InputError(f"{path}: {describe_missing(path)}; give images, a SCaR corpus or annotations.")
    if images is not None:
        return _make_regions(path, make_path(images, "images"), reader, skip_bad)
    if path.suffix.lower() in (".json", ".xml", ".csv", ".txt"):
        raise InputError(f"{path}: annotations need the folder of their images; name it with --images.")
    if path.is_dir() and _is_corpus(path):
        return _make_samples(path)
    return _make_images(path)


def _is_corpus(folder: Path) -> bool:
    from scar.formats.reader import is_row_path

    return any(is_row_path(path.relative_to(folder)) for path in iter_paths(folder))


def _make_images(path: Path) -> Entries:
    """Entries of an image file, or of the files with an image's ending below a folder; other files are counted."""
    from PIL import Image

    Image.init()
    endings, tally = frozenset(Image.EXTENSION), Tally()
    files = iter_paths(path) if path.is_dir() else iter([path])
    root = path if path.is_dir() else path.parent
    names = []
    for file in files:
        if path.is_dir() and file.suffix.lower() not in endings:
            tally.ignored["no_image_ending"] += 1
            continue
        names.append(file.relative_to(root).as_posix())
    if not names:
        raise InputError(f"{path}: no image in it ({tally.ignored.total()} other files).")
    return Entries(root, lambda: (Entry(name, name) for name in names), tally)


def _make_samples(folder: Path) -> Entries:
    """Entries of a corpus: the region of each sample, with its true caption as text."""
    from scar.formats.corpus_files import read

    def iter_entries() -> Iterator[Entry]:
        for sample in read(folder):
            yield Entry(sample.id, sample.image, sample.gold.text, sample.region.box)

    return Entries(folder, iter_entries, Tally())


def _make_regions(annotations: Path, images: Path, reader: str | None, skip_bad: bool) -> Entries:
    """Entries of annotated things, with their categories as texts; boxes are in the displayed frame."""
    from scar.annotations import open_index
    from scar.annotations.file_kind import find_reader
    from scar.annotations.upright import read_upright
    from scar.recipe import Source

    if not images.is_dir():
        raise InputError(f"{images}: {describe_missing(images)}; --images is the folder of the images.")
    chosen = reader or find_reader(annotations) or "coco"
    source = Source(name="index", split="eval", images=images, reader=chosen, instances=annotations)
    tally = Tally(skip_bad=skip_bad)
    pictures = open_index(source, tally)

    def iter_entries() -> Iterator[Entry]:
        counts = Tally(skip_bad=skip_bad)
        for ref in pictures:
            picture = read_upright(ref, source, counts)
            for region in picture.regions:
                if region.target:
                    yield Entry(str(region.id), picture.file, region.category, region.box)
        for name in ("rejected", "ignored", "repaired"):
            getattr(tally, name).update(getattr(counts, name))

    return Entries(images, iter_entries, tally)


def list_passed_over(tally: Tally) -> list[str]:
    """Lines that say how many records were passed over or repaired, by reason."""
    kinds: dict[str, Any] = {"left out": tally.rejected, "not used": tally.ignored, "repaired": tally.repaired}
    return [f"{count} {kind}: {reason}" for kind, counts in kinds.items() for reason, count in sorted(counts.items())]


def check_ids(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Yield the entries.

    Raises:
        VirtueError: an id occurs twice.
    """
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise VirtueError(f"id {entry.id!r} stands twice; an index needs one id an entry.")
        seen.add(entry.id)
        yield entry
