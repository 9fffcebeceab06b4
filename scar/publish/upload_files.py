"""Collect the files of a corpus to push: rows, provenance, card, Croissant, statistics, plots, checksums of images."""

from __future__ import annotations

from pathlib import Path

from scar.audit.report import AUDIT_FILE as AUDIT
from scar.common.files import write_text
from scar.common.progress import Track, track_silently
from scar.formats.build_report import REPORT_NAME
from scar.formats.corpus_files import open_corpus
from scar.formats.embedded_images import write_image_shards
from scar.inspect.statistics import STATISTICS_FILE
from scar.publish.card import CARD, CROISSANT, write_card
from scar.publish.checksums import StoredHashes
from scar.publish.corpus_summary import CorpusSummary
from scar.publish.missing_images import IMAGE_CHECKSUMS
from scar.publish.upload import Upload, make_upload

WORK_FOLDER = ".push"
"""Folder below the corpus's folder in which a push keeps the hashes of files and the rows with embedded images."""

CARD_KEYS = ("configs", "dataset_info")
"""Keys of the card's header that `datasets.load_dataset` finds the files by."""


def collect_files(
    folder: Path,
    repo: str,
    *,
    name: str | None = None,
    template: Path | None = None,
    embed_images: bool = False,
    track: Track = track_silently,
) -> tuple[list[Upload], CorpusSummary]:
    """Render the card of a corpus and list the files to push. Image files are not among them; rows may embed images.

    The card, the Croissant file, ``stats.json`` and ``images.sha256`` are written into the folder; hashes and rows with
    embedded images into its folder `WORK_FOLDER`.

    Args:
        folder: a SCaR folder.
        repo: ``organisation/name`` of the repository on the Hub.
        name: title of the card; None takes the repository's name.
        template: template of the card; None takes the default one.
        embed_images: whether to push also rows that contain their images.
        track: shows progress.

    Returns:
        The files to push, and the summary from which the card was rendered.

    Raises:
        InputError: the corpus cannot be read, a link leaves the folder, the card was written by hand, or an image to
            embed is missing.
        WriteError: a file cannot be written.
    """
    hashes = StoredHashes(folder / WORK_FOLDER / "checksums.json")
    shards = write_image_shards(folder, folder / WORK_FOLDER, hashes, track) if embed_images else []
    summary = write_card(folder, name=name, repo=repo, template=template, hasher=hashes, embedded=shards, track=track)
    _write_image_checksums(folder, hashes, track)
    paths = [file.path for config in summary.configs for file in config.files]
    paths += [
        CARD,
        CROISSANT,
        IMAGE_CHECKSUMS,
        STATISTICS_FILE,
        *(name for name in (REPORT_NAME, AUDIT) if (folder / name).is_file()),
        *summary.plots,
    ]
    made = {shard.path for shard in shards}
    files = [
        make_upload(folder / WORK_FOLDER if path in made else folder, path, hashes) for path in dict.fromkeys(paths)
    ]
    hashes.save()
    return files, summary


def _write_image_checksums(folder: Path, hashes: StoredHashes, track: Track) -> None:
    names = sorted({sample.image for file in open_corpus(folder) for sample in file.iter_samples()})
    present = [name for name in names if (folder / name).is_file() and ".." not in Path(name).parts]
    lines = [f"{hashes(folder / name)}  {name}\n" for name in track(present, "checksums of images", len(present))]
    write_text("".join(lines), folder / IMAGE_CHECKSUMS)
