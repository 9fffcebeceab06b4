"""A corpus -> the files that are pushed of it: rows, provenance, card, Croissant, figures, plots, image checksums."""

from __future__ import annotations

from pathlib import Path

from scar.audit.report import AUDIT_FILE as AUDIT
from scar.common.files import write_text
from scar.common.progress import Track, track_silently
from scar.formats.build_report import REPORT_NAME
from scar.formats.embedded_images import write_image_shards
from scar.formats.reader import find_row_files
from scar.formats.schema import WITH_IMAGES_FOLDER
from scar.inspect.statistics import STATISTICS_FILE
from scar.publish.card import CARD, CROISSANT, write_card
from scar.publish.checksums import StoredHashes
from scar.publish.corpus_summary import PLOT_FOLDERS, CorpusSummary
from scar.publish.missing_images import IMAGE_CHECKSUMS
from scar.publish.push import Upload, make_upload

WORK_FOLDER = ".push"
"""What a push keeps below the folder: checksums, and rows with images."""

OWNED_FOLDERS = ("SCaR-eval", "SCaR-train", "provenance", WITH_IMAGES_FOLDER, *PLOT_FOLDERS)
"""Folders of a repository in which files that a new push does not have are removed."""


def collect_files(
    folder: Path,
    repo: str,
    *,
    name: str | None = None,
    template: Path | None = None,
    embed_images: bool = False,
    track: Track = track_silently,
) -> tuple[list[Upload], CorpusSummary]:
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
    checksums = StoredHashes(folder / WORK_FOLDER / "checksums.json")
    shards = write_image_shards(folder, folder / WORK_FOLDER, checksums, track) if embed_images else []
    facts = write_card(folder, name=name, repo=repo, template=template, hasher=checksums, embedded=shards, track=track)
    _write_image_checksums(folder, checksums, track)
    paths = [file.path for config in facts.configs for file in config.files]
    paths += [
        CARD,
        CROISSANT,
        IMAGE_CHECKSUMS,
        STATISTICS_FILE,
        *(name for name in (REPORT_NAME, AUDIT) if (folder / name).is_file()),
        *facts.plots,
    ]
    made = {shard.path for shard in shards}
    files = [
        make_upload(folder / WORK_FOLDER if path in made else folder, path, checksums) for path in dict.fromkeys(paths)
    ]
    checksums.save()
    return files, facts


def _write_image_checksums(folder: Path, checksums: StoredHashes, track: Track) -> None:
    names = sorted({sample.image for file in find_row_files(folder) for sample in file.iter_samples()})
    there = [name for name in names if (folder / name).is_file() and ".." not in Path(name).parts]
    lines = [f"{checksums(folder / name)}  {name}\n" for name in track(there, "checksums of images", len(there))]
    write_text("".join(lines), folder / IMAGE_CHECKSUMS)
