"""Count the samples of a SCaR folder by source and split; show the counts as JSON, tables and charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.audit.charts import make_lengths_chart
from scar.audit.tables import make_table
from scar.common.charts import BarChart
from scar.common.files import write_json
from scar.common.html.figures import save_figures
from scar.common.progress import Track, track_silently
from scar.formats.build_report import read_report
from scar.formats.corpus_files import open_corpus
from scar.formats.reader import RowFile
from scar.sample import PARTS, REASONS, Box

if TYPE_CHECKING:
    from rich.table import Table

STATISTICS_FILE = "stats.json"

MAX_LISTED = 15
"""Categories and relations that are listed: the most frequent ones."""


def count_corpus(folder: Path, track: Track = track_silently) -> dict[str, Any]:
    """Count the samples of a folder and write the counts to its ``stats.json``.

    Args:
        folder: a SCaR folder: a scar build or the published corpus.
        track: shows progress.

    Returns:
        By ``<source>/<split>``:

        - ``images``, ``samples``, ``categories``: their numbers.
        - ``gold`` and ``negatives``: mean number of ``words`` of these captions, and share of ``distinct`` texts.
        - ``kinds``: number of negatives by the part that they replace.
        - ``reasons``: number of samples by the reason of their gold caption; empty in a corpus that does not say it.
        - ``rejected``: number of rejected records by reason, from the build report; empty without one.
        - ``objects``: number of samples by category, for the most frequent categories.
        - ``relations``: for the most frequent relations of gold captions, how often each is in ``gold`` captions and
          how often it is swapped in (``swaps``); empty without provenance.
        - ``boxes``: number of boxes by size, the square root of the area in pixels; a key is the least size of its bin,
          the next key is the end.
        - ``lengths``: for ``gold`` and ``negatives``, number of captions by number of words.

    Raises:
        InputError: the folder holds no SCaR file, or a file cannot be read.
    """
    report = read_report(folder)
    counts: dict[str, Any] = {}
    for file in open_corpus(folder):
        key, figures = _count_file(file, track)
        counts[key] = figures | {"rejected": report.get(key, {}).get("rejected", {})}
    counts = dict(sorted(counts.items()))
    write_json(counts, folder / STATISTICS_FILE)
    return counts


def _count_file(file: RowFile, track: Track) -> tuple[str, dict[str, Any]]:
    """Count the samples of a file; returns ``<source>/<split>`` and the counts."""
    source = file.source
    images: set[str] = set()
    categories: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    negatives: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    swaps: Counter[str] = Counter()
    boxes: Counter[int] = Counter()
    for sample in track(file.iter_samples(), file.path.name, file.rows):
        source = sample.source
        images.add(sample.image)
        categories[sample.region.category] += 1
        gold[sample.gold.text] += 1
        if sample.reason is not None:
            reasons[sample.reason] += 1
        kinds.update(negative.part for negative in sample.negatives)
        negatives.update(negative.caption.text for negative in sample.negatives)
        if sample.gold.relation:
            relations[sample.gold.relation] += 1
            swaps.update(each.caption.relation for each in sample.negatives if each.part == "relation")
        boxes[_size_step(sample.region.box)] += 1
    return f"{source}/{file.split}", {
        "images": len(images),
        "samples": file.rows,
        "categories": len(categories),
        "kinds": dict(sorted(kinds.items())),
        "reasons": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
        "gold": _summarize_texts(gold),
        "negatives": _summarize_texts(negatives),
        "objects": _select_most_frequent(categories),
        "relations": {
            relation: {"gold": count, "swaps": swaps[relation]}
            for relation, count in _select_most_frequent(relations).items()
        },
        "boxes": {str(round(2 ** (step / 2))): boxes[step] for step in _range_of_keys(boxes)},
        "lengths": {"gold": _count_lengths(gold), "negatives": _count_lengths(negatives)},
    }


def make_tables(counts: Mapping[str, Any]) -> list[Table]:
    """Make a table of the counts of `count_corpus`, and of reasons and rejected records if there are any."""
    number_columns = ["images", "samples", "categories", "words", "swaps", "rejected"]
    sources = make_table("Counts", ["source"], number_columns)
    reasons = make_table("Gold captions by reason", ["source", "reason"], ["samples", "share"])
    rejected = make_table("Rejected", ["source", "rejected by"], ["records"])
    for key, count in counts.items():
        sources.add_row(
            key,
            *(f"{count[name]:,}" for name in ("images", "samples", "categories")),
            f"{count['gold']['words']:.1f}",
            "+".join(f"{count['kinds'].get(part, 0):,}" for part in PARTS),
            f"{sum(count['rejected'].values()):,}",
        )
        for reason, number in count["reasons"].items():
            reasons.add_row(key, reason, f"{number:,}", f"{number / count['samples']:.1%}")
        for reason, number in count["rejected"].items():
            rejected.add_row(key, reason, f"{number:,}")
    return [sources, *(table for table in (reasons, rejected) if table.row_count)]


def write_charts(counts: Mapping[str, Any], folder: Path) -> None:
    """Write charts of the counts as ``stats/*.png``, and a page with the charts as ``stats.html``, into a folder."""
    save_figures(
        folder,
        "stats",
        title=f"Counts of {folder.resolve().name}",
        about="Objects, boxes, captions and relations by source and split. In a corpus whose words give nothing away, "
        "gold captions and negatives have the same lengths and the same relations.",
        tables=make_tables(counts),
        charts=make_charts(counts),
    )


def make_charts(counts: Mapping[str, Any]) -> dict[str, BarChart]:
    """Make charts by the name of their file, without ending.

    The names are ``<source>_<split>_objects``, ``_boxes``, ``_lengths`` and ``_relations``. A file of rows whose
    relations are not known has no chart ``_relations``.

    Args:
        counts: what `count_corpus` returns, or some of its entries; the keys are ``<source>/<split>``.
    """
    charts: dict[str, BarChart] = {}
    for key, count in counts.items():
        file = key.replace("/", "_")
        objects = sorted(count["objects"].items(), key=lambda pair: (-pair[1], pair[0]))
        relations = sorted(count["relations"].items(), key=lambda pair: (-pair[1]["gold"], pair[0]))
        totals = {"gold": count["samples"], "swaps": max(count["kinds"].get("relation", 0), 1)}
        charts[f"{file}_objects"] = BarChart(f"Objects: {key}", {"samples": dict(objects)})
        charts[f"{file}_boxes"] = BarChart(
            f"Box sizes: {key}",
            {"samples": {str(side): count["boxes"][str(side)] for side in sorted(map(int, count["boxes"]))}},
            axis="square root of the area, from pixels",
            vertical=True,
        )
        charts[f"{file}_lengths"] = make_lengths_chart(f"Caption lengths: {key}", count["lengths"])
        if relations:
            charts[f"{file}_relations"] = BarChart(
                f"Relations: {key}",
                {
                    kind: {relation: by_kind[kind] / total for relation, by_kind in relations}
                    for kind, total in totals.items()
                },
                unit="share",
            )
    return charts


def _size_step(box: Box) -> int:
    """Size bin of a box: the largest n with 2 ** n <= area in pixels; boxes below 4 by 4 pixels count as 4 by 4."""
    return math.floor(math.log2(max(box.area, 16)))


def _select_most_frequent(counter: Counter[str]) -> dict[str, int]:
    """The `MAX_LISTED` most frequent names with their counts; equal counts are ordered by name."""
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_LISTED])


def _count_lengths(texts: Counter[str]) -> dict[str, int]:
    """Number of captions by number of words."""
    lengths: Counter[int] = Counter()
    for text, count in texts.items():
        lengths[len(text.split())] += count
    return {str(words): lengths[words] for words in _range_of_keys(lengths)}


def _range_of_keys(counter: Counter[int]) -> range:
    """All numbers from the smallest to the largest key; empty without keys."""
    return range(min(counter), max(counter) + 1) if counter else range(0)


def _summarize_texts(texts: Counter[str]) -> dict[str, float]:
    """Mean number of words of the texts, and share of distinct texts among all; 0 without texts."""
    total = texts.total()
    words = sum(len(text.split()) * count for text, count in texts.items())
    return {
        "words": round(words / total, 3) if total else 0.0,
        "distinct": round(len(texts) / total, 3) if total else 0.0,
    }
