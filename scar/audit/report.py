"""An audit for people: tables and charts of its figures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.audit import findings
from scar.common.charts import Bars
from scar.common.files import write_json
from scar.common.html.figures import save_figures
from scar.inspect.statistics import lengths_chart
from scar.sample import PARTS

if TYPE_CHECKING:
    from rich.table import Table

REPORT = "audit.json"

_TOLD = 6

_ABOUT = (
    "What captions give away to who sees no image, which negatives may be true, what repeats itself. Chance is 0.100 "
    "among ten captions, 0.250 among the gold one and the swaps of one part."
)

_TRUTH = {"wordnet": "lineage", "in_box": "in box", "scene_of_image": "image's scene", "gold_of_region": "other's gold"}
"""Short names of `swaps.REASONS`."""


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
    lessons = table("What baselines learned of", "source", "taught by", right=("learned of", "asked about"))
    elements = table(
        "Elements of gold captions and swaps", "source", "part", right=("gold", "swaps", "never gold", "bits")
    )
    text = table(
        "Words of captions",
        *("source", "kind"),
        right=("words", "never gold", "bits", "length", "distinct", "near"),
    )
    tell = table("What tells gold captions from others", "source", "gold", "negative")
    truth = table("Negatives that may be true", "source", "part", right=(*_TRUTH.values(), "elsewhere"))
    shared = table("Images of eval files in train files", "eval", "train", right=("images", "in both"))
    review = table("Reviewed", "source", right=("samples", "reviewers", "accepted", "95 %", "alpha"))
    for key, figures in report["sources"].items():
        for name, rate in figures["blind"].items():
            kinds = [_rate(rate["kinds"].get(part, {}).get("hit")) for part in PARTS]
            blind.add_row(key, name, _rate(rate["hit"]), " to ".join(map(_rate, rate["interval"])), *kinds)
        if figures["blind"]:
            parts = (
                f"{part['samples']:,} of {part['of']:,}" for part in map(figures["drawn"].get, ("learned", "asked"))
            )
            lessons.add_row(key, figures["learned_of"], *parts)
        for part, element in figures["elements"].items():
            never, apart = f"{element['never_gold']:.1%}", f"{element['divergence']:.3f}"
            elements.add_row(key, part, f"{element['gold']:,}", f"{element['swapped']:,}", never, apart)
        _add_text(text, key, figures)
        said = figures["telltales"]
        if said:
            tell.add_row(key, *(_listed(said[side]) for side in ("gold", "negative")))
        for part in PARTS:
            counts = [f"{figures['truth']['kinds'][part][reason]:,}" for reason in _TRUTH]
            truth.add_row(key, part, *counts, f"{figures['truth']['elsewhere']:.1%}" if part == "object" else "")
        if found := figures["review"]:
            reach = " to ".join(map(_rate, found["interval"]))
            numbers = f"{found['samples']:,}", f"{found['reviewers']:,}", _rate(found["accepted"]), reach
            review.add_row(key, *numbers, _rate(found["alpha"]))
    keys = list(report["sources"])
    for held, learned in product(keys, keys):
        if held.endswith("/eval") and learned.endswith("/train"):
            count = report["overlap"].get(f"{held} in {learned}", 0)
            shared.add_row(held, learned, f"{report['sources'][held]['images']:,}", f"{count:,}")
    return [made for made in (blind, lessons, elements, text, tell, truth, shared, review) if made.row_count]


def unlinked(report: dict[str, Any]) -> list[str]:
    """What the audit cannot see of images that stand in two files, one line a file."""
    return [
        f"{key}: {count:,} images are known by their names alone, as they are not there and their build noted no "
        "number: the same image under another name is not seen."
        for key, count in report["unlinked"].items()
    ]


def _add_text(table: Table, key: str, figures: dict[str, Any]) -> None:
    """Rows of a file's words, by kind of caption."""
    repeated = figures["repetition"]
    for kind, words in figures["vocabulary"].items():
        own = repeated["kinds"].get(kind, {"distinct": repeated["distinct_golds"], "near_duplicates": None})
        table.add_row(
            *(key, kind, f"{words['words']:,}"),
            "" if kind == "gold" else f"{words['never_gold']:.1%}",
            "" if kind == "gold" else f"{words['divergence']:.3f}",
            f"{figures['lengths'][kind]['mean']:.1f}",
            f"{own['distinct']:.3f}",
            "" if own["near_duplicates"] is None else f"{own['near_duplicates']:.2%}",
        )


def save(report: dict[str, Any], folder: Path, margin: float) -> None:
    """Write ``audit.json`` into a folder, the charts as PNG into its ``audit``, and both as ``audit.html``."""
    write_json(report, folder / REPORT)
    save_figures(
        folder,
        "audit",
        title=f"Audit of {folder.resolve().name}",
        about=_ABOUT,
        tables=tables(report),
        charts=charts(report, margin),
        beyond=findings(report, margin),
    )


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
