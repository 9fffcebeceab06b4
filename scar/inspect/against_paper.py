"""A corpus beside the numbers that the paper prints, with the reasons for each difference."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scar.annotations.pictures import HELD_OUT
from scar.errors import InputError
from scar.formats.build_report import read_report
from scar.sample import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Comparison:
    """One split of one source.

    Attributes:
        source: name and split.
        images: ours, None if it was not built.
        paper_images: the paper's.
        samples: ours, None if it was not built.
        paper_samples: the paper's.
        reasons: for the difference.
    """

    source: str
    images: int | None
    paper_images: int
    samples: int | None
    paper_samples: int
    reasons: tuple[str, ...]


def compare_with_paper(folder: Path) -> list[Comparison]:
    """Compare a built corpus with the published table, source by source, and the printed totals.

    Raises:
        InputError: there is no build report, or none of its sources is one of the paper's.
    """
    facts = _read_paper_table()
    built = read_report(folder)
    rows = [_compare_split(name, split, row, built) for name, row in facts["sources"].items() for split in SPLITS]
    if all(row.images is None for row in rows):
        raise InputError(f"{folder}: holds none of {', '.join(facts['sources'])}; `scar build scar-1m` makes them.")
    return rows + [
        _compare_total(split, facts, [row for row in rows if row.source.endswith(split)]) for split in SPLITS
    ]


def _compare_split(name: str, split: Split, row: Mapping[str, Any], built: Mapping[str, Any]) -> Comparison:
    entry = built.get(f"{name}/{split}")
    paper = row[split]
    if entry is None:
        return Comparison(f"{name}/{split}", None, paper["images"], None, paper["samples"], ("not built",))
    same = (entry["images"], entry["samples"]) == (paper["images"], paper["samples"])
    reasons = () if same else (paper["why"], *_explain_own_records(entry, paper.get("records")))
    return Comparison(f"{name}/{split}", entry["images"], paper["images"], entry["samples"], paper["samples"], reasons)


def _explain_own_records(entry: Mapping[str, Any], official: int | None) -> tuple[str, ...]:
    """Whether it was built from the whole, and where its own records went, the most frequent first."""
    rejected = dict(entry["rejected"])
    held = rejected.pop(HELD_OUT, 0)
    shared = ", ".join(f"{name} {count}" for name, count in entry.get("overlap", {}).items())
    most = sorted(rejected.items(), key=lambda pair: (-pair[1], pair[0]))
    counts = ", ".join(f"{reason} {count:,}" for reason, count in most)
    return tuple(
        reason
        for reason in (
            f"its files have {entry['records']:,} records, the official ones {official:,}"
            if official not in (None, entry["records"])
            else "",
            f"{held:,} records of images that eval splits have ({shared})" if held else "",
            f"of {entry['records']:,} records: {counts}" if counts else "",
        )
        if reason
    )


def _compare_total(split: Split, facts: Mapping[str, Any], rows: list[Comparison]) -> Comparison:
    """The sum of ours beside the total as printed."""
    ours = sum(row.images or 0 for row in rows), sum(row.samples or 0 for row in rows)
    printed = facts["printed"][split]
    summed = {kind: sum(row[split][kind] for row in facts["sources"].values()) for kind in printed}
    reasons = [f"the paper's {kind} sum up to {summed[kind]:,}" for kind in printed if summed[kind] != printed[kind]]
    if ours != (summed["images"], summed["samples"]):
        reasons.append("ours is the sum of the sources above")
    return Comparison(f"total/{split}", ours[0], printed["images"], ours[1], printed["samples"], tuple(reasons))


def _read_paper_table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("paper.toml").read_text(encoding="utf-8"))
