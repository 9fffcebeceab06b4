"""Counts equal what one gets by counting the samples, and say the same in the same bytes."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from scar import read
from scar.cli import app
from scar.inspect.statistics import count_corpus, make_charts, make_tables
from scar.sample import SPLITS

NAMES = ("objects", "boxes", "lengths", "relations")


def test_counts_are_those_of_the_samples(built: Path) -> None:
    counts = count_corpus(built)
    assert list(counts) == ["Toy/eval", "Toy/train"]
    for key, count in counts.items():
        samples = [sample for sample in read(built) if f"{sample.source}/{sample.split}" == key]
        relations = Counter(sample.gold.relation for sample in samples)
        swapped = Counter(n.caption.relation for sample in samples for n in sample.negatives if n.part == "relation")
        words = [len(sample.gold.text.split()) for sample in samples]
        assert count == {
            "images": 3,
            "samples": 9,
            "categories": 3,
            "kinds": {"object": 27, "relation": 27, "scene": 27},
            "gold": {"words": round(sum(words) / 9, 3), "distinct": round(len({s.gold.text for s in samples}) / 9, 3)},
            "negatives": count["negatives"],
            "reasons": dict.fromkeys(("human", "direction", "position"), 3),
            "rejected": {},
            "objects": dict(Counter(sample.region.category for sample in samples).most_common()),
            "relations": {
                relation: {"gold": golds, "swaps": swapped[relation]} for relation, golds in relations.most_common()
            },
            "boxes": count["boxes"],
            "lengths": count["lengths"],
        }
        assert sum(count["boxes"].values()) == 9
        for sample in samples:
            side = max(float(start) for start in count["boxes"] if float(start) <= sample.region.box.area**0.5 * 1.05)
            assert count["boxes"][f"{side:g}"]
        for kind, texts in (
            ("gold", [sample.gold.text for sample in samples]),
            ("negatives", [text for sample in samples for text in sample.captions[1:]]),
        ):
            many = Counter(len(text.split()) for text in texts)
            assert {int(length): number for length, number in count["lengths"][kind].items() if number} == many
    assert json.loads((built / "stats.json").read_text()) == counts


def test_the_file_is_stable(built: Path) -> None:
    count_corpus(built)
    before = (built / "stats.json").read_bytes()
    count_corpus(built)
    assert (built / "stats.json").read_bytes() == before


def test_reasons_come_from_the_report_and_are_not_needed(built: Path) -> None:
    report = json.loads((built / "build_report.json").read_text())
    report["sources"]["Toy/eval"]["rejected"] = {"crowd": 1200}
    (built / "build_report.json").write_text(json.dumps(report))
    console = Console(width=80, file=io.StringIO(), record=True)
    for table in make_tables(count_corpus(built)):
        console.print(table)
    text = console.export_text()
    assert "1,200" in text
    assert text.count("33.3%") == 6
    assert "crowd" in text
    assert "…" not in text
    (built / "build_report.json").unlink()
    assert count_corpus(built)["Toy/eval"]["rejected"] == {}


def test_charts_say_the_same_of_the_counts_and_of_their_file(built: Path) -> None:
    counts = count_corpus(built)
    made = make_charts(counts)
    assert made == make_charts(json.loads((built / "stats.json").read_text()))
    assert list(made) == [f"Toy_{split}_{name}" for split in SPLITS[::-1] for name in NAMES]
    for key, count in counts.items():
        own = {name: made[f"{key.replace('/', '_')}_{name}"] for name in NAMES}
        assert own["objects"].series == {"samples": count["objects"]}
        assert own["boxes"].series == {"samples": count["boxes"]}
        assert own["boxes"].rows == sorted(own["boxes"].rows, key=int)
        assert own["lengths"].rows == sorted(own["lengths"].rows, key=int)
        for chart in (own["lengths"], own["relations"]):
            assert all(sum(shares.values()) <= 1 + 1e-9 for shares in chart.series.values())
        assert sum(own["lengths"].series["gold"].values()) == pytest.approx(1)
        assert sum(own["relations"].series["gold"].values()) == pytest.approx(1)


def test_the_command_draws_the_charts(built: Path) -> None:
    assert CliRunner().invoke(app, ["stats", str(built)]).exit_code == 0
    drawn = sorted(path.stem for path in (built / "stats").iterdir())
    assert drawn == sorted(f"Toy_{split}_{name}" for split in SPLITS for name in NAMES)


def test_published_rows_have_no_relations(built: Path) -> None:
    shutil.rmtree(built / "provenance")
    counts = count_corpus(built)
    assert all(count["relations"] == {} for count in counts.values())
    assert not any("relations" in name for name in make_charts(counts))
