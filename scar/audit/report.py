"""An audit for people: tables and charts of its figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.audit.truth import REASONS
from scar.charts import Bars, save_charts
from scar.corpus import write_json
from scar.sample import PARTS
from scar.stats import lengths_chart

if TYPE_CHECKING:
    from rich.table import Table

REPORT = "audit.json"

_TOLD = 6


def tables(report: dict[str, Any]) -> list[Table]:
    """What blind baselines find, what they find it by, how words differ, and what may be true."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def table(title: str, *left: str, right: Iterable[str] = ()) -> Table:
        made = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
        for name in left:
            made.add_column(name, overflow="fold")
        for name in right:
            made.add_column(name, justify="right", no_wrap=True)
        return made

    blind = table("What is found without an image", "source", "by", right=("of all", "95 %", *PARTS))
    words = table(
        "Elements of gold captions and swaps", "source", "part", right=("gold", "swaps", "never gold", "bits")
    )
    tell = table("What tells gold captions from others", "source", "gold", "negative")
    truth = table("Negatives that may be true", "source", right=("negatives", *REASONS, "elsewhere"))
    text = table("Text", "source", right=("words of gold", "of negatives", "distinct", "near-duplicates"))
    for key, figures in report["sources"].items():
        for name, rate in figures["blind"].items():
            kinds = [_rate(rate["kinds"].get(part, {}).get("hit")) for part in PARTS]
            blind.add_row(key, name, _rate(rate["hit"]), " to ".join(map(_rate, rate["interval"])), *kinds)
        for part, element in figures["elements"].items():
            never, apart = f"{element['never_gold']:.1%}", f"{element['divergence']:.3f}"
            words.add_row(key, part, f"{element['gold']:,}", f"{element['swapped']:,}", never, apart)
        said = figures["telltales"]
        if said:
            tell.add_row(key, *(_listed(said[side]) for side in ("gold", "negative")))
        found = figures["truth"]
        counts = [f"{found[reason]:,}" for reason in REASONS]
        truth.add_row(key, f"{found['negatives']:,}", *counts, f"{found['elsewhere']:.1%}")
        lengths = figures["lengths"]
        negatives = [lengths[part]["mean"] for part in PARTS if part in lengths]
        text.add_row(
            key,
            f"{lengths['gold']['mean']:.1f}" if "gold" in lengths else "",
            f"{sum(negatives) / len(negatives):.1f}" if negatives else "",
            f"{figures['repetition']['distinct_negatives']:.3f}",
            f"{figures['repetition']['near_duplicates']:.2%}",
        )
    return [made for made in (blind, words, tell, truth, text) if made.row_count]


def save(report: dict[str, Any], folder: Path, margin: float) -> None:
    """Write ``audit.json`` into a folder, and the charts as PNG into its ``audit``."""
    write_json(report, folder / REPORT)
    save_charts(charts(report, margin), folder / "audit")


def charts(report: dict[str, Any], margin: float) -> dict[str, Bars]:
    """By file name: what baselines find, of all and by kind; words and lengths of gold captions against negatives."""
    made: dict[str, Bars] = {}
    for key, figures in report["sources"].items():
        name = key.replace("/", "_")
        if figures["blind"]:
            first = next(iter(figures["blind"].values()))
            made[f"{name}_blind"] = Bars(
                f"Found without an image: {key}",
                {"share of samples whose gold caption comes first": {n: r["hit"] for n, r in figures["blind"].items()}},
                unit="share",
                marks={"chance": first["chance"], "limit": round(first["chance"] + margin, 4)},
            )
        beside: dict[str, dict[str, float]] = {
            part: {n: r["kinds"][part]["hit"] for n, r in figures["blind"].items() if part in r["kinds"]}
            for part in PARTS
        }
        if all(beside.values()):
            made[f"{name}_kinds"] = Bars(
                f"Found beside the swaps of one part: {key}", beside, unit="share", marks={"chance": 0.25}
            )
        for part, element in figures["elements"].items():
            made[f"{name}_{part}"] = Bars(
                f"{part.capitalize()}s that differ most: {key}",
                {
                    "gold": {word: gold for word, gold, _ in element["most_apart"]},
                    "negatives": {word: swapped for word, _, swapped in element["most_apart"]},
                },
                unit="share",
            )
        made[f"{name}_words"] = lengths_chart(
            f"Words in a caption: {key}", {kind: each["captions"] for kind, each in figures["lengths"].items()}
        )
    return made


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _listed(entries: list[list[Any]]) -> str:
    return ", ".join(f"{words} {odds:+.1f}" for words, odds in entries[:_TOLD])
