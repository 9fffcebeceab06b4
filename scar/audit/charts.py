"""Draw the figures of an audit as charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scar.audit.limits import IN_PART, OVER_TEN
from scar.common.charts import BarChart
from scar.sample import PARTS


def make_charts(report: dict[str, Any]) -> dict[str, BarChart]:
    """Make charts: hit rates of the judges, elements that differ most, and lengths of captions.

    Args:
        report: what `scar.audit.audit` returns.

    Returns:
        The charts by the name of their file, without ending, such as ``Mine_eval_blind``.
    """
    charts: dict[str, BarChart] = {}
    for key, figures in report["sources"].items():
        name = key.replace("/", "_")
        if figures["blind"]:
            first = next(iter(figures["blind"].values()))
            charts[f"{name}_blind"] = BarChart(
                f"Hit rate without the image: {key}",
                {"share of samples whose gold caption scores best": {n: r["hit"] for n, r in figures["blind"].items()}},
                unit="share",
                marks={"chance": first["chance"], "limit": OVER_TEN.other},
            )
        part_rates: dict[str, dict[str, float]] = {
            part: {n: r["kinds"][part]["hit"] for n, r in figures["blind"].items() if part in r["kinds"]}
            for part in PARTS
        }
        if all(part_rates.values()):
            has_human = figures["reasons"]["counts"].get("human")
            bound = IN_PART.human if has_human else IN_PART.other
            charts[f"{name}_kinds"] = BarChart(
                f"Hit rate beside the swaps of one part: {key}",
                part_rates,
                unit="share",
                marks={"chance": 0.25, "limit": bound},
            )
        for part, element in figures["elements"].items():
            charts[f"{name}_{part}"] = BarChart(
                f"{part.capitalize()}s that differ most: {key}",
                {
                    "gold": {word: gold for word, gold, _ in element["most_apart"]},
                    "negatives": {word: swapped for word, _, swapped in element["most_apart"]},
                },
                unit="share",
            )
        charts[f"{name}_words"] = make_lengths_chart(
            f"Words in a caption: {key}", {kind: each["captions"] for kind, each in figures["lengths"].items()}
        )
    return charts


def make_lengths_chart(title: str, lengths: Mapping[str, Mapping[str, int]]) -> BarChart:
    """Make a chart of caption lengths, as shares of the captions of each kind.

    Args:
        title: title of the chart.
        lengths: by kind of caption, number of captions by number of words.
    """
    word_counts = sorted({int(words) for counts in lengths.values() for words in counts})
    return BarChart(
        title,
        {
            kind: {str(words): counts.get(str(words), 0) / sum(counts.values()) for words in word_counts}
            for kind, counts in lengths.items()
        },
        unit="share",
        axis="words",
        vertical=True,
    )
