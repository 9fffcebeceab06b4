"""Summary of a corpus, read from its files: the card and the Croissant file are rendered from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow.parquet as pq

from scar.audit.report import AUDIT_FILE as AUDIT
from scar.common.progress import Track, track_silently
from scar.errors import InputError
from scar.formats.build_report import read_report
from scar.formats.corpus_files import open_corpus
from scar.formats.embedded_images import ImageShard
from scar.formats.reader import RowFile, find_provenance_schema
from scar.inspect.statistics import STATISTICS_FILE, count_corpus, write_charts
from scar.publish.licences import CombinedLicence, combine_licences
from scar.recipe import read_datasets
from scar.sample import SPLITS, Split

if TYPE_CHECKING:
    import pyarrow as pa

HashFile: TypeAlias = Callable[[Path], str]
"""A function that returns the SHA-256 of a file in hexadecimal digits."""

ROW_DESCRIPTIONS: Mapping[Split, str] = {
    "eval": "an image, a box in it, and ten captions to rank, the true one first",
    "train": "an image, a box in it, the caption that is true, and one that is not",
}
"""Split -> what a row of it holds, in words."""

PLOT_FOLDERS = ("stats", "audit")
"""Folders in which `scar stats` and `scar audit` put their plots."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A parquet file of the corpus.

    Attributes:
        path: path below the corpus's folder, with forward slashes.
        rows: number of rows.
        bytes: size of the file in bytes.
        memory: size of its uncompressed columns in bytes.
        sha256: SHA-256 of the file in hexadecimal digits.
    """

    path: str
    rows: int
    bytes: int
    memory: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Config:
    """A config of `datasets.load_dataset`: files with the same columns.

    Attributes:
        name: name of the config, such as ``eval`` or ``eval_provenance``.
        about: what a row holds, in words.
        schema: columns of the files.
        splits: files by name of the split; on the Hub, each source is a split, see `make_split_name`.
    """

    name: str
    about: str
    schema: pa.Schema
    splits: Mapping[str, tuple[DataFile, ...]]

    @property
    def rows(self) -> int:
        """Number of rows of all files."""
        return sum(file.rows for files in self.splits.values() for file in files)

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files of all splits."""
        return tuple(file for files in self.splits.values() for file in files)


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One source in one split.

    Attributes:
        name: name of the source.
        split: train or eval.
        images: number of distinct images in its samples.
        samples: number of samples.
        licence: the licence in the source's own words; None if it states none.
        get: where to get its images and annotations; None for a source that is not one of the paper's.
        folder: folder of its images, such as ``images/coco_val``; empty if the file has no rows.
        report: its entry in the build report; None if there is none.
    """

    name: str
    split: Split
    images: int
    samples: int
    licence: str | None
    get: str | None
    folder: str
    report: Mapping[str, Any] | None

    @property
    def key(self) -> str:
        """``<name>/<split>``, as in the build report."""
        return f"{self.name}/{self.split}"

    @property
    def turned_images(self) -> int:
        """Number of images that the build turned upright."""
        return sum((self.report or {}).get("turned_images", {}).values())


@dataclass(frozen=True, slots=True)
class CorpusSummary:
    """Everything that a card states about a corpus.

    Attributes:
        name: name of the corpus.
        repo: ``organisation/name`` of the corpus on the Hub; None if it is not known.
        configs: configs in the order of the card; the first is the default.
        sources: sources, sorted by split and name.
        images: number of distinct images; sources may share some.
        licence: licence of the corpus.
        stats: figures that `scar.inspect.statistics.count_corpus` returns.
        audit: content of ``audit.json``; None if the corpus was not audited.
        plots: plots of the statistics and the audit, as paths below the folder.
    """

    name: str
    repo: str | None
    configs: tuple[Config, ...]
    sources: tuple[SourceSummary, ...]
    images: int
    licence: CombinedLicence
    stats: Mapping[str, Any]
    audit: Mapping[str, Any] | None
    plots: tuple[str, ...]

    @property
    def samples(self) -> int:
        """Number of samples of all sources."""
        return sum(source.samples for source in self.sources)

    @property
    def splits(self) -> tuple[Split, ...]:
        """Splits for which the corpus has samples."""
        return tuple(split for split in SPLITS if any(source.split == split for source in self.sources))

    @property
    def reviews(self) -> dict[str, Any]:
        """Figures of the review by people, by ``<source>/<split>``, from the audit; empty without a review."""
        sources = self.audit["sources"] if self.audit else {}
        return {key: figures["review"] for key, figures in sources.items() if figures.get("review")}

    @property
    def of_the_paper(self) -> bool:
        """Whether every source is one that the paper uses."""
        return all(source.name in read_known_sources() for source in self.sources)


def summarise_corpus(
    folder: Path,
    name: str | None = None,
    repo: str | None = None,
    *,
    hasher: HashFile,
    embedded: Sequence[ImageShard] = (),
    track: Track = track_silently,
) -> CorpusSummary:
    """Summarise the corpus in a folder; counts its samples and writes its ``stats.json``.

    Args:
        folder: a SCaR folder, built or published.
        name: name of the corpus; None takes the name in ``repo``, or that of the folder if ``repo`` is None too.
        repo: ``organisation/name`` of the corpus on the Hub; None if it is not known.
        hasher: computes the SHA-256 of a file, in hexadecimal digits.
        embedded: shards of rows with embedded images, if the repository gets some.
        track: shows progress.

    Raises:
        InputError: a file cannot be read, two sources have the same split name, or the audit is of another build.
        WriteError: ``stats.json`` cannot be written.
    """
    files = open_corpus(folder)
    counts = _count_again(folder, track)
    report = read_report(folder)
    sources = tuple(
        _summarise_source(file, counts, report) for file in sorted(files, key=lambda file: (file.split, file.source))
    )
    return CorpusSummary(
        name=name or (repo or str(folder.resolve())).rpartition("/")[2],
        repo=repo,
        configs=(*_make_configs(files, folder, hasher), *_make_image_configs(embedded, hasher)),
        sources=sources,
        images=len({image for file in files for image in file.read_image_ids()}),
        licence=combine_licences(_collect_licences(sources)),
        stats=counts,
        audit=_read_audit(folder, counts),
        plots=tuple(_list_plots(folder, counts)),
    )


def _count_again(folder: Path, track: Track) -> dict[str, Any]:
    """Count a corpus; if its plots are of other counts, draw them again."""
    try:
        before = json.loads((folder / STATISTICS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = None
    counts = count_corpus(folder, track)
    if before != counts and any((folder / "stats").glob("*.png")):
        write_charts(counts, folder)
    return counts


def _list_plots(folder: Path, counts: Mapping[str, Any]) -> Iterator[str]:
    """Plots of the sources that the corpus has, as paths below the folder."""
    stems = tuple(f"{key.replace('/', '_')}_" for key in counts)
    for each in PLOT_FOLDERS:
        for path in sorted((folder / each).glob("*.png")):
            if path.name.startswith(stems):
                yield path.relative_to(folder).as_posix()


def read_versions() -> dict[str, str]:
    """Versions of scar and pyarrow, which write the files; ``unknown`` for a package that is not installed."""
    versions = {}
    for label, package in (("scar", "scar-virtue"), ("pyarrow", "pyarrow")):
        try:
            versions[label] = version(package)
        except PackageNotFoundError:
            versions[label] = "unknown"
    return versions


def describe_file(path: Path, name: str, hasher: HashFile) -> DataFile:
    """Read what a card states about a parquet file.

    Args:
        path: the parquet file.
        name: its path below the corpus's folder, with forward slashes.
        hasher: computes the SHA-256 of a file.
    """
    meta = pq.read_metadata(path)
    memory = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
    return DataFile(name, meta.num_rows, path.stat().st_size, memory, hasher(path))


def make_split_name(source: str) -> str:
    """Name of a source's split on the Hub: "_" replaces each character that is no letter of A to Z, digit or "_".

    >>> make_split_name("RefCOCO+")
    'RefCOCO_'
    """
    return re.sub(r"\W", "_", source, flags=re.ASCII)


def group_by_split(files: Sequence[tuple[str, DataFile]], config: str) -> dict[str, tuple[DataFile, ...]]:
    """Group files by the split that their source has on the Hub, in the order given.

    Args:
        files: pairs of a source's name and a file.
        config: name of the config, for the error message.

    Returns:
        The files by name of the split; see `make_split_name`.

    Raises:
        InputError: two sources have the same split name.
    """
    splits: dict[str, tuple[DataFile, ...]] = {}
    owner: dict[str, str] = {}
    for source, file in files:
        split = make_split_name(source)
        if owner.setdefault(split, source) != source:
            raise InputError(
                f"{config}: the sources {owner[split]} and {source} would both be the split {split!r}; rename one."
            )
        splits[split] = (*splits.get(split, ()), file)
    return splits


@cache
def read_known_sources() -> dict[str, dict[str, Any]]:
    """Sources of the paper, by name: the rows of ``sources.toml``."""
    return {row["name"]: row for row in read_datasets().values()}


def _summarise_source(file: RowFile, counts: Mapping[str, Any], report: Mapping[str, Any]) -> SourceSummary:
    first = next(iter(file.iter_samples()), None)
    name = first.source if first else file.source
    key = f"{name}/{file.split}"
    known = read_known_sources().get(name, {})
    entry = report.get(key)
    _, note = next(file.iter_rows(), ({}, None))
    stated = entry["settings"]["licence"] if entry else known.get("licence")
    if note is not None and "licence" in note:
        stated = note["licence"]  # the provenance belongs to the rows; a report may be lost or of another build
    return SourceSummary(
        name=name,
        split=file.split,
        images=counts[key]["images"],
        samples=counts[key]["samples"],
        licence=stated,
        get=known.get("get"),
        folder="/".join(first.image.split("/")[:2]) if first else "",
        report=entry,
    )


def _collect_licences(sources: Sequence[SourceSummary]) -> dict[str, str | None]:
    """The licences that sources state, by source, or by ``<source>/<split>`` where the splits differ."""
    words: dict[str, set[str | None]] = {}
    for source in sources:
        words.setdefault(source.name, set()).add(source.licence)
    return {source.name if len(words[source.name]) == 1 else source.key: source.licence for source in sources}


def _make_configs(files: Sequence[RowFile], folder: Path, hasher: HashFile) -> list[Config]:
    configs = []
    for split, about in ROW_DESCRIPTIONS.items():
        mine = [file for file in files if file.split == split]
        rows = [(file.source, _describe_inside(file.path, folder, hasher)) for file in mine]
        notes = [(file.source, _describe_inside(file.sidecar, folder, hasher)) for file in mine if file.sidecar]
        if rows:
            schema = pq.read_schema(mine[0].path).remove_metadata()
            configs.append(Config(split, about, schema, group_by_split(rows, split)))
        if notes:
            beside = f"what the rows of `{split}` have no column for, in the same order"
            schema = find_provenance_schema([file.sidecar for file in mine if file.sidecar])
            configs.append(Config(f"{split}_provenance", beside, schema, group_by_split(notes, split)))
    return sorted(configs, key=lambda config: config.name.endswith("_provenance"))


def _make_image_configs(shards: Sequence[ImageShard], hasher: HashFile) -> list[Config]:
    """A config for each split that has rows with embedded images."""
    configs = []
    for split in ROW_DESCRIPTIONS:
        mine = [shard for shard in shards if shard.split == split]
        if mine:
            name = f"{split}_images"
            files = [(shard.source, describe_file(shard.file, shard.path, hasher)) for shard in mine]
            schema = pq.read_schema(mine[0].file)
            configs.append(Config(name, f"a row of `{split}` with its image", schema, group_by_split(files, name)))
    return configs


def _describe_inside(path: Path, folder: Path, hasher: HashFile) -> DataFile:
    return describe_file(path, path.relative_to(folder).as_posix(), hasher)


def _read_audit(folder: Path, counts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    path = folder / AUDIT
    try:
        audit = json.loads(path.read_text(encoding="utf-8"))
        audited = {key: figures["samples"] for key, figures in audit["sources"].items()}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no audit ({error}); run `scar audit {folder}` again.") from None
    if audited != {key: count["samples"] for key, count in counts.items()}:
        raise InputError(f"{path}: has another number of samples than the corpus; run `scar audit {folder}` again.")
    return dict(audit)
