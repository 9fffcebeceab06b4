"""Counts of a SCaR folder by source and split, as a reviewed file and as a table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.corpus import read_report, write_json
from scar.parquet import find
from scar.progress import Track, silent
from scar.sample import PARTS

if TYPE_CHECKING:
    from rich.table import Table

STATS = "stats.json"


def stats(folder: Path, track: Track = silent) -> dict[str, Any]:
    """Count a folder and write the counts to its ``stats.json``.

    Args:
        folder: a SCaR folder, ours or the published one.
        track: shows progress.

    Returns:
        By ``<source>/<split>``: ``images``, ``samples``, ``categories``; ``words`` and ``distinct`` (mean number of
        words, share of different texts) of ``gold`` captions and ``negatives``; ``kinds`` of negatives; and
        ``rejected`` by reason, where the folder has a build report.

    Raises:
        InputError: the folder holds no SCaR file, or one cannot be read.
    """
    report = read_report(folder)
    counts: dict[str, Any] = {}
    for file in find(folder):
        images: set[str] = set()
        categories: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        gold: Counter[str] = Counter()
        negatives: Counter[str] = Counter()
        source = file.source
        for sample in track(file.samples(), file.path.name, file.rows):
            source = sample.source
            images.add(sample.image)
            categories[sample.region.category] += 1
            gold[sample.gold.text] += 1
            kinds.update(negative.part for negative in sample.negatives)
            negatives.update(negative.caption.text for negative in sample.negatives)
        key = f"{source}/{file.split}"
        counts[key] = {
            "images": len(images),
            "samples": file.rows,
            "categories": len(categories),
            "kinds": dict(sorted(kinds.items())),
            "gold": _texts(gold),
            "negatives": _texts(negatives),
            "rejected": report.get(key, {}).get("rejected", {}),
        }
    counts = dict(sorted(counts.items()))
    write_json(counts, folder / STATS)
    return counts


def tables(counts: dict[str, Any]) -> list[Table]:
    """The counts for people: one table of sources, one of rejected records."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    sources = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    sources.add_column("source", overflow="fold")
    for name in ("images", "samples", "categories", "words", "swaps", "rejected"):
        sources.add_column(name, justify="right", no_wrap=True)
    rejected = Table("source", "rejected by", box=SIMPLE_HEAD, pad_edge=False)
    rejected.add_column("records", justify="right")
    for key, count in counts.items():
        sources.add_row(
            key,
            *(f"{count[name]:,}" for name in ("images", "samples", "categories")),
            f"{count['gold']['words']:.1f}",
            "+".join(f"{count['kinds'].get(part, 0):,}" for part in PARTS),
            f"{sum(count['rejected'].values()):,}",
        )
        for reason, number in count["rejected"].items():
            rejected.add_row(key, reason, f"{number:,}")
    return [sources, rejected] if rejected.row_count else [sources]


def _texts(texts: Counter[str]) -> dict[str, float]:
    """Mean number of words and share of different ones."""
    total = texts.total()
    words = sum(len(text.split()) * count for text, count in texts.items())
    return {
        "words": round(words / total, 3) if total else 0.0,
        "distinct": round(len(texts) / total, 3) if total else 0.0,
    }
