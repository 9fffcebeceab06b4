"""Compare a corpus with the numbers that the paper prints, and give reasons for each difference."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scar.annotations.pictures import HELD_OUT
from scar.errors import InputError
from scar.formats.build_report import read_report
from scar.sample import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our numbers and the paper's, for one split of one source.

    Attributes:
        source: ``<name>/<split>``, or ``total/<split>`` for the sum of the sources that were built.
        images: number of images in our build; None if the source was not built.
        paper_images: number of images in the paper.
        samples: number of samples in our build; None if the source was not built.
        paper_samples: number of samples in the paper.
        reasons: why the numbers differ, or "not built"; empty if they are equal. Those of a total also say where the
            paper's own numbers do not sum up.
    """

    source: str
    images: int | None
    paper_images: int
    samples: int | None
    paper_samples: int
    reasons: tuple[str, ...]


def compare_with_paper(folder: Path) -> list[Comparison]:
    """Compare a built corpus with the paper's table: each source and split of the paper, then the total of each split.

    Raises:
        InputError: the folder has no build report, or its report has none of the paper's sources.
    """
    paper = read_paper_table()
    report = read_report(folder)
    rows = [
        _compare_split(name, split, row[split], report) for name, row in paper["sources"].items() for split in SPLITS
    ]
    if all(row.images is None for row in rows):
        raise InputError(f"{folder}: holds none of {', '.join(paper['sources'])}; `scar build scar-1m` makes them.")
    totals = [_compare_total(split, paper, [row for row in rows if row.source.endswith(split)]) for split in SPLITS]
    return rows + totals


def _compare_split(name: str, split: Split, paper: Mapping[str, Any], report: Mapping[str, Any]) -> Comparison:
    """Compare the build report's entry of one source and split with the paper's numbers."""
    key = f"{name}/{split}"
    entry = report.get(key)
    if entry is None:
        return Comparison(key, None, paper["images"], None, paper["samples"], ("not built",))
    is_equal = (entry["images"], entry["samples"]) == (paper["images"], paper["samples"])
    reasons = () if is_equal else (paper["why"], *_explain_own_records(entry, paper.get("records")))
    return Comparison(key, entry["images"], paper["images"], entry["samples"], paper["samples"], reasons)


def _explain_own_records(entry: Mapping[str, Any], official_records: int | None) -> tuple[str, ...]:
    """Say whether the input files had all records, and why records were rejected, the most frequent reason first."""
    rejected = dict(entry["rejected"])
    held_out = rejected.pop(HELD_OUT, 0)
    reasons = []
    if official_records not in (None, entry["records"]):
        reasons.append(f"its files have {entry['records']:,} records, the official ones {official_records:,}")
    if held_out:
        owners = ", ".join(f"{name} {count}" for name, count in entry.get("overlap", {}).items())
        reasons.append(f"{held_out:,} records of images that eval splits have ({owners})")
    if rejected:
        by_count = sorted(rejected.items(), key=lambda pair: (-pair[1], pair[0]))
        counts = ", ".join(f"{reason} {count:,}" for reason, count in by_count)
        reasons.append(f"of {entry['records']:,} records: {counts}")
    return tuple(reasons)


def _compare_total(split: Split, paper: Mapping[str, Any], rows: Sequence[Comparison]) -> Comparison:
    """Compare the sum of our sources with the total that the paper prints; its rows may sum up otherwise."""
    ours = sum(row.images or 0 for row in rows), sum(row.samples or 0 for row in rows)
    printed = paper["printed"][split]
    summed = {kind: sum(row[split][kind] for row in paper["sources"].values()) for kind in printed}
    reasons = [f"the paper's {kind} sum up to {summed[kind]:,}" for kind in printed if summed[kind] != printed[kind]]
    if ours != (summed["images"], summed["samples"]):
        reasons.append("ours is the sum of the sources above")
    return Comparison(f"total/{split}", ours[0], printed["images"], ours[1], printed["samples"], tuple(reasons))


def read_paper_table() -> dict[str, Any]:
    """Read the paper's numbers: ``sources`` by name, then by split; ``printed`` totals by split.

    Each has ``images`` and ``samples``. Those of a source also have ``why``, the reason why a build has other numbers,
    and may have ``records``, their number in the official files.
    """
    return tomllib.loads(Path(__file__).with_name("paper.toml").read_text(encoding="utf-8"))


def iter_comparison_lines(rows: Iterable[Comparison]) -> Iterator[str]:
    """Yield what `scar check --against-paper` prints of the rows of `compare_with_paper`."""
    for row in rows:
        ours = ("-", "-") if row.images is None or row.samples is None else (f"{row.images:,}", f"{row.samples:,}")
        images = f"{ours[0]} images (paper {row.paper_images:,})"
        yield f"{row.source}: {images}, {ours[1]} samples (paper {row.paper_samples:,})"
        yield from (f"  {reason}" for reason in row.reasons)
