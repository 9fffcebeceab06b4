"""A corpus -> the files that are pushed of it: rows, provenance, card, Croissant, figures, plots, image checksums."""

from __future__ import annotations

from pathlib import Path

from scar.audit.report import REPORT as AUDIT
from scar.build.report import REPORT
from scar.common.files import write_text
from scar.common.progress import Track, silent
from scar.formats.embedded_images import embed
from scar.formats.parquet import WITH_IMAGES, find
from scar.inspect.statistics import STATS
from scar.publish.card import CARD, CROISSANT, write_card
from scar.publish.checksums import Checksums
from scar.publish.corpus_summary import PLOT_FOLDERS, Facts
from scar.publish.missing_images import CHECKSUMS
from scar.publish.push import Upload, upload_of

WORK = ".push"
"""What a push keeps below the folder: checksums, and rows with images."""

OWNED = ("SCaR-eval", "SCaR-train", "provenance", WITH_IMAGES, *PLOT_FOLDERS)
"""Folders of a repository in which files that a new push does not have are removed."""


def corpus_files(
    folder: Path,
    repo: str,
    *,
    name: str | None = None,
    template: Path | None = None,
    embed_images: bool = False,
    track: Track = silent,
) -> tuple[list[Upload], Facts]:
    """What is pushed of a corpus, after its card was rendered; of images the checksums, unless they are embedded.

    Args:
        folder: a SCaR folder.
        repo: where it goes.
        name: title of the card.
        template: of the card.
        embed_images: whether rows with images go along.
        track: shows progress.

    Raises:
        InputError: the corpus cannot be read, a file lies beyond the folder, the card is somebody's own, or an image
            that is to be embedded is missing.
    """
    checksums = Checksums(folder / WORK / "checksums.json")
    shards = embed(folder, folder / WORK, checksums, track) if embed_images else []
    facts = write_card(folder, name=name, repo=repo, template=template, digest=checksums, embedded=shards, track=track)
    _write_image_checksums(folder, checksums, track)
    paths = [file.path for config in facts.configs for file in config.files]
    paths += [
        CARD,
        CROISSANT,
        CHECKSUMS,
        STATS,
        *(name for name in (REPORT, AUDIT) if (folder / name).is_file()),
        *facts.plots,
    ]
    made = {shard.path for shard in shards}
    files = [upload_of(folder / WORK if path in made else folder, path, checksums) for path in dict.fromkeys(paths)]
    checksums.save()
    return files, facts


def _write_image_checksums(folder: Path, checksums: Checksums, track: Track) -> None:
    names = sorted({sample.image for file in find(folder) for sample in file.samples()})
    there = [name for name in names if (folder / name).is_file() and ".." not in Path(name).parts]
    lines = [f"{checksums(folder / name)}  {name}\n" for name in track(there, "checksums of images", len(there))]
    write_text("".join(lines), folder / CHECKSUMS)
