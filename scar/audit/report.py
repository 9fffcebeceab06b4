"""An audit for people: tables and charts of its figures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.audit.charts import make_charts
from scar.audit.findings import list_findings
from scar.common.files import write_json
from scar.common.html.figures import save_figures
from scar.sample import PARTS

if TYPE_CHECKING:
    from rich.table import Table

AUDIT_FILE = "audit.json"

_MAX_TELLTALES = 6

_INTRODUCTION = (
    "What captions give away to who sees no image, which negatives may be true, what repeats itself. Chance is 0.100 "
    "among ten captions, 0.250 among the gold one and the swaps of one part."
)

_REASON_LABELS = {
    "wordnet": "lineage",
    "in_box": "in box",
    "scene_of_image": "image's scene",
    "gold_of_region": "other's gold",
}
"""Short names of `swaps.SUSPECT_REASONS`."""


def make_tables(report: dict[str, Any]) -> list[Table]:
    """What blind baselines find, what they find it by, how words differ, and what may be true."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def make_table(title: str, *text_columns: str, number_columns: Iterable[str] = ()) -> Table:
        made = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
        for name in text_columns:
            made.add_column(name, overflow="fold")
        for name in number_columns:
            made.add_column(name, justify="right", no_wrap=True)
        return made

    blind = make_table("What is found without an image", "source", "by", number_columns=("of all", "95 %", *PARTS))
    lessons = make_table(
        "What baselines learned of", "source", "taught by", number_columns=("learned of", "asked about")
    )
    elements = make_table(
        "Elements of gold captions and swaps", "source", "part", number_columns=("gold", "swaps", "never gold", "bits")
    )
    text = make_table(
        "Words of captions",
        *("source", "kind"),
        number_columns=("words", "never gold", "bits", "length", "distinct", "near"),
    )
    tell = make_table("What tells gold captions from others", "source", "gold", "negative")
    truth = make_table(
        "Negatives that may be true", "source", "part", number_columns=(*_REASON_LABELS.values(), "elsewhere")
    )
    shared = make_table("Images of eval files in train files", "eval", "train", number_columns=("images", "in both"))
    review = make_table("Reviewed", "source", number_columns=("samples", "reviewers", "accepted", "95 %", "alpha"))
    for key, figures in report["sources"].items():
        for name, rate in figures["blind"].items():
            kinds = [_format_rate(rate["kinds"].get(part, {}).get("hit")) for part in PARTS]
            blind.add_row(
                key, name, _format_rate(rate["hit"]), " to ".join(map(_format_rate, rate["interval"])), *kinds
            )
        if figures["blind"]:
            parts = (
                f"{part['samples']:,} of {part['of']:,}" for part in map(figures["drawn"].get, ("learned", "asked"))
            )
            lessons.add_row(key, figures["learned_of"], *parts)
        for part, element in figures["elements"].items():
            never, apart = f"{element['never_gold']:.1%}", f"{element['divergence']:.3f}"
            elements.add_row(key, part, f"{element['gold']:,}", f"{element['swapped']:,}", never, apart)
        _add_word_rows(text, key, figures)
        said = figures["telltales"]
        if said:
            tell.add_row(key, *(_format_telltales(said[side]) for side in ("gold", "negative")))
        for part in PARTS:
            counts = [f"{figures['truth']['kinds'][part][reason]:,}" for reason in _REASON_LABELS]
            truth.add_row(key, part, *counts, f"{figures['truth']['elsewhere']:.1%}" if part == "object" else "")
        if found := figures["review"]:
            reach = " to ".join(map(_format_rate, found["interval"]))
            numbers = f"{found['samples']:,}", f"{found['reviewers']:,}", _format_rate(found["accepted"]), reach
            review.add_row(key, *numbers, _format_rate(found["alpha"]))
    keys = list(report["sources"])
    for held, learned in product(keys, keys):
        if held.endswith("/eval") and learned.endswith("/train"):
            count = report["overlap"].get(f"{held} in {learned}", 0)
            shared.add_row(held, learned, f"{report['sources'][held]['images']:,}", f"{count:,}")
    return [made for made in (blind, lessons, elements, text, tell, truth, shared, review) if made.row_count]


def describe_unlinked_images(report: dict[str, Any]) -> list[str]:
    """What the audit cannot see of images that stand in two files, one line a file."""
    return [
        f"{key}: {count:,} images are known by their names alone, as they are not there and their build noted no "
        "number: the same image under another name is not seen."
        for key, count in report["unlinked"].items()
    ]


def _add_word_rows(table: Table, key: str, figures: dict[str, Any]) -> None:
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


def write_report(report: dict[str, Any], folder: Path, margin: float) -> None:
    """Write ``audit.json`` into a folder, the charts as PNG into its ``audit``, and both as ``audit.html``."""
    write_json(report, folder / AUDIT_FILE)
    save_figures(
        folder,
        "audit",
        title=f"Audit of {folder.resolve().name}",
        about=_INTRODUCTION,
        tables=make_tables(report),
        charts=make_charts(report, margin),
        beyond=list_findings(report, margin),
    )


def _format_rate(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _format_telltales(entries: list[list[Any]]) -> str:
    return ", ".join(f"{words} {odds:+.1f}" for words, odds in entries[:_MAX_TELLTALES])
