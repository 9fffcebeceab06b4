"""Make tables of the figures of an audit, for the terminal and for the HTML page."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from scar.audit.judges import PART_JUDGE
from scar.audit.limits import check_limits
from scar.sample import PARTS, REASONS

if TYPE_CHECKING:
    from rich.table import Table

_MAX_TELLTALES = 6
"""Most words that the table lists for gold captions, and for negatives."""

_REASON_LABELS = {
    "wordnet": "lineage",
    "in_box": "in box",
    "scene_of_image": "image's scene",
    "gold_of_region": "other's gold",
}
"""Column titles of `scar.audit.findings.SUSPECT_REASONS`."""


def make_tables(report: dict[str, Any]) -> list[Table]:
    """Make the tables of an audit, without those that would be empty.

    Args:
        report: what `scar.audit.audit` returns.
    """
    sources = report["sources"]
    tables = [
        _make_limit_table(report),
        _make_judge_table(sources),
        _make_one_part_table(sources),
        _make_training_table(sources),
        _make_hardness_table(sources),
        _make_element_table(sources),
        _make_word_table(sources),
        _make_telltale_table(sources),
        _make_reason_table(sources),
        _make_yield_table(sources),
        _make_false_negative_table(sources),
        _make_overlap_table(report),
        _make_review_table(sources),
        _make_rejection_table(sources),
    ]
    return [table for table in tables if table.row_count]


def _make_limit_table(report: dict[str, Any]) -> Table:
    """Make the table of the limits: each figure beside its limit."""
    table = make_table("Limits", ["source", "what", "of"], ["value", "95 %", "limit", "verdict"])
    for check in check_limits(report):
        bound = f"{'≥' if check.limit.is_least else '≤'} {check.bound:.2f}"
        value = _format_rate(check.value), _format_interval(check.interval)
        table.add_row(check.key, check.limit.name, check.about, *value, bound, check.verdict)
    return table


def _make_judge_table(sources: dict[str, Any]) -> Table:
    """Make the table of hit rates of the judges."""
    table = make_table("Hit rates without the image", ["source", "judge"], ["all", "95 %", *PARTS])
    for key, figures in sources.items():
        for name, rates in figures["blind"].items():
            by_part = [_format_rate(rates["kinds"].get(part, {}).get("hit")) for part in PARTS]
            table.add_row(key, name, _format_rate(rates["hit"]), _format_interval(rates["interval"]), *by_part)
    return table


def _make_one_part_table(sources: dict[str, Any]) -> Table:
    """Make the table of hit rates of the judge that learned from the swaps of one part alone; they have no limit."""
    table = make_table("Hit rates beside one part, learned from this part", ["source", "judge"], PARTS)
    for key, figures in sources.items():
        if rates := figures["one_part"]:
            table.add_row(key, PART_JUDGE, *(_format_rate(rates.get(part, {}).get("hit")) for part in PARTS))
    return table


def _make_hardness_table(sources: dict[str, Any]) -> Table:
    """Make the table of shares of hard negatives."""
    number_columns = ["same kind", "elsewhere", "either", "plausible scenes"]
    table = make_table("Hard negatives", ["source"], number_columns)
    for key, figures in sources.items():
        objects, scenes = figures["hardness"]["objects"], figures["hardness"]["scenes"]
        if objects or scenes:
            names = ("same_kind", "elsewhere", "share")
            shares = [f"{objects[name]:.1%}" if objects else "" for name in names]
            table.add_row(key, *shares, f"{scenes['share']:.1%}" if scenes else "")
    return table


def _make_training_table(sources: dict[str, Any]) -> Table:
    """Make the table of the samples that the judges learned from and were tested on."""
    table = make_table("Samples of the judges", ["source", "trained on"], ["training", "test"])
    for key, figures in sources.items():
        if figures["blind"]:
            drawn = [figures["drawn"][role] for role in ("learned", "asked")]
            table.add_row(key, figures["learned_of"], *(f"{each['samples']:,} of {each['of']:,}" for each in drawn))
    return table


def _make_element_table(sources: dict[str, Any]) -> Table:
    """Make the table of differences between the elements of gold captions and of swaps."""
    number_columns = ["gold", "swaps", "never gold", "bits"]
    table = make_table("Elements of gold captions and swaps", ["source", "part"], number_columns)
    for key, figures in sources.items():
        for part, element in figures["elements"].items():
            differences = f"{element['never_gold']:.1%}", f"{element['divergence']:.3f}"
            table.add_row(key, part, f"{element['gold']:,}", f"{element['swapped']:,}", *differences)
    return table


def _make_word_table(sources: dict[str, Any]) -> Table:
    """Make the table of words, lengths and repetitions of each kind of caption."""
    number_columns = ["words", "never gold", "bits", "length", "distinct", "near"]
    table = make_table("Words of captions", ["source", "kind"], number_columns)
    for key, figures in sources.items():
        repetition = figures["repetition"]
        for kind, words in figures["vocabulary"].items():
            own = repetition["kinds"].get(kind, {"distinct": repetition["distinct_golds"], "near_duplicates": None})
            table.add_row(
                *(key, kind, f"{words['words']:,}"),
                "" if kind == "gold" else f"{words['never_gold']:.1%}",
                "" if kind == "gold" else f"{words['divergence']:.3f}",
                f"{figures['lengths'][kind]['mean']:.1f}",
                f"{own['distinct']:.3f}",
                "" if own["near_duplicates"] is None else f"{own['near_duplicates']:.2%}",
            )
    return table


def _make_telltale_table(sources: dict[str, Any]) -> Table:
    """Make the table of words that speak for and against a gold caption."""
    table = make_table("Words that tell gold captions from negatives", ["source", "gold", "negative"], [])
    for key, figures in sources.items():
        if telltales := figures["telltales"]:
            table.add_row(key, *(_format_telltales(telltales[side]) for side in ("gold", "negative")))
    return table


def _make_reason_table(sources: dict[str, Any]) -> Table:
    """Make the table of shares of the reasons of gold captions; ``shared`` ones are of two samples of an image."""
    shown = _list_shown_reasons(figures["reasons"]["counts"] for figures in sources.values())
    table = make_table("Gold captions by reason", ["source"], [*shown, "shared"])
    for key, figures in sources.items():
        reasons = figures["reasons"]
        total = sum(reasons["counts"].values())
        if total:
            shares = [f"{reasons['counts'].get(reason, 0) / total:.1%}" for reason in shown]
            table.add_row(key, *shares, f"{reasons['shared']:.1%}")
    return table


def _make_yield_table(sources: dict[str, Any]) -> Table:
    """Make the table of the share of chosen regions that became samples, by the reason of their gold captions."""
    shown = _list_shown_reasons(figures["yield"] for figures in sources.values())
    table = make_table("Chosen regions that became samples, by reason", ["source"], shown)
    for key, figures in sources.items():
        if counts := figures["yield"]:
            shares = {reason: count["samples"] / count["chosen"] for reason, count in counts.items() if count["chosen"]}
            table.add_row(key, *(f"{shares[reason]:.1%}" if reason in shares else "" for reason in shown))
    return table


def _list_shown_reasons(several: Iterable[Collection[str]]) -> list[str]:
    """The reasons in their order; that of models only where a caption has it."""
    found = {reason for counts in several for reason in counts or ()}
    return [reason for reason in REASONS if reason in found or reason != "model"]


def _make_false_negative_table(sources: dict[str, Any]) -> Table:
    """Make the table of negatives that may be true, by reason."""
    number_columns = [*_REASON_LABELS.values(), "elsewhere"]
    table = make_table("Negatives that may be true", ["source", "part"], number_columns)
    for key, figures in sources.items():
        for part in PARTS:
            counts = [f"{figures['truth']['kinds'][part][reason]:,}" for reason in _REASON_LABELS]
            table.add_row(key, part, *counts, f"{figures['truth']['elsewhere']:.1%}" if part == "object" else "")
    return table


def _make_overlap_table(report: dict[str, Any]) -> Table:
    """Make the table of images that are both in an eval file and in a train file."""
    table = make_table("Images of eval files in train files", ["eval", "train"], ["images", "in both"])
    for held in (key for key in report["sources"] if key.endswith("/eval")):
        for learned in (key for key in report["sources"] if key.endswith("/train")):
            count = report["overlap"].get(f"{held} in {learned}", 0)
            table.add_row(held, learned, f"{report['sources'][held]['images']:,}", f"{count:,}")
    return table


def _make_review_table(sources: dict[str, Any]) -> Table:
    """Make the table of the reviews: accepted samples, agreement of the reviewers, and the hit@1 of people."""
    numbers = ["samples", "reviewers", "accepted", "95 %", "alpha", "choices", "human hit@1", "95 %"]
    table = make_table("Review", ["source"], numbers)
    for key, figures in sources.items():
        if review := figures["review"]:
            counts = f"{review['samples']:,}", f"{review['reviewers']:,}"
            accepted = _format_rate(review["accepted"]), _format_interval(review["interval"])
            asked = review["choices"] or {"answers": 0, "hit": None, "interval": None}
            chosen = f"{asked['answers']:,}", _format_rate(asked["hit"]), _format_interval(asked["interval"])
            table.add_row(key, *counts, *accepted, _format_rate(review["alpha"]), *chosen)
    return table


def _make_rejection_table(sources: dict[str, Any]) -> Table:
    """Make the table of what the samples have in common that people reject."""
    table = make_table("Rejected by people", ["source", "by", "what"], ["rejected", "of"])
    for key, figures in sources.items():
        if not (review := figures["review"]):
            continue
        for by, lost in (("reason of the gold", review["reasons"]), ("generator", review["generators"])):
            for what, (rejected, count) in lost.items():
                table.add_row(key, by, what, f"{rejected:,}", f"{count:,}")
        for by, counts in (("fault", review["faults"]), ("caption", review["captions"])):
            for what, count in counts.items():
                table.add_row(key, by, what, f"{count:,}", "")
    return table


def make_table(title: str, text_columns: Iterable[str], number_columns: Iterable[str]) -> Table:
    """Make an empty table.

    Args:
        title: title of the table.
        text_columns: names of the first columns; they fold long texts.
        number_columns: names of the columns after them; they align to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
    for name in text_columns:
        table.add_column(name, overflow="fold")
    for name in number_columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _format_rate(rate: float | None) -> str:
    """A rate with three decimals; empty for None."""
    return "" if rate is None else f"{rate:.3f}"


def _format_interval(interval: Iterable[float] | None) -> str:
    """Both ends of an interval, such as "0.100 to 0.200"; empty for None."""
    return " to ".join(map(_format_rate, interval or ()))


def _format_telltales(telltales: list[list[Any]]) -> str:
    """The strongest words, each with its log-odds."""
    return ", ".join(f"{words} {odds:+.1f}" for words, odds in telltales[:_MAX_TELLTALES])
