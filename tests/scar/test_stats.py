"""Counts equal what one gets by counting the samples, and say the same in the same bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from scar import read
from scar.stats import stats, tables


def test_counts_are_those_of_the_samples(built: Path) -> None:
    counts = stats(built)
    assert list(counts) == ["Toy/eval", "Toy/train"]
    for key, count in counts.items():
        samples = [sample for sample in read(built) if f"{sample.source}/{sample.split}" == key]
        words = [len(sample.gold.text.split()) for sample in samples]
        assert count == {
            "images": 3,
            "samples": 9,
            "categories": 3,
            "kinds": {"object": 27, "relation": 27, "scene": 27},
            "gold": {"words": round(sum(words) / 9, 3), "distinct": round(len({s.gold.text for s in samples}) / 9, 3)},
            "negatives": count["negatives"],
            "rejected": {},
        }
    assert json.loads((built / "stats.json").read_text()) == counts


def test_the_file_is_stable(built: Path) -> None:
    stats(built)
    before = (built / "stats.json").read_bytes()
    stats(built)
    assert (built / "stats.json").read_bytes() == before


def test_reasons_come_from_the_report_and_are_not_needed(built: Path) -> None:
    report = json.loads((built / "build_report.json").read_text())
    report["sources"]["Toy/eval"]["rejected"] = {"crowd": 1200}
    (built / "build_report.json").write_text(json.dumps(report))
    console = Console(width=80, file=io.StringIO(), record=True)
    for table in tables(stats(built)):
        console.print(table)
    text = console.export_text()
    assert "1,200" in text
    assert "crowd" in text
    assert "…" not in text
    (built / "build_report.json").unlink()
    assert stats(built)["Toy/eval"]["rejected"] == {}
