"""A corpus -> the files that are pushed of it: rows, provenance, card, Croissant, figures, plots, image checksums."""

from __future__ import annotations

from pathlib import Path

from scar.audit.report import REPORT as AUDIT
from scar.card import CARD, CROISSANT, write_card, write_text
from scar.corpus import REPORT
from scar.facts import PLOT_FOLDERS, Facts
from scar.hub.checksums import Checksums
from scar.hub.push import Upload, upload_of
from scar.needed import CHECKSUMS
from scar.parquet import find
from scar.progress import Track, silent
from scar.stats import STATS

MEMORY = ".push/checksums.json"
OWNED = ("SCaR-eval", "SCaR-train", "provenance", *PLOT_FOLDERS)
"""Folders of a repository in which files that a new push does not have are removed."""


def corpus_files(
    folder: Path,
    repo: str,
    *,
    name: str | None = None,
    template: Path | None = None,
    track: Track = silent,
) -> tuple[list[Upload], Facts]:
    """What is pushed of a corpus, after its card was rendered; images are not, their checksums are.

    Raises:
        InputError: the corpus cannot be read, a file lies beyond the folder, or the card is somebody's own.
    """
    checksums = Checksums(folder / MEMORY)
    facts = write_card(folder, name=name, repo=repo, template=template, digest=checksums, track=track)
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
    files = [upload_of(folder, path, checksums) for path in dict.fromkeys(paths)]
    checksums.save()
    return files, facts


def _write_image_checksums(folder: Path, checksums: Checksums, track: Track) -> None:
    names = sorted({sample.image for file in find(folder) for sample in file.samples()})
    there = [name for name in names if (folder / name).is_file() and ".." not in Path(name).parts]
    lines = [f"{checksums(folder / name)}  {name}\n" for name in track(there, "checksums of images", len(there))]
    write_text("".join(lines), folder / CHECKSUMS)
