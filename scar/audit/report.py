"""Write the files of an audit: figures as JSON, charts as PNG, and an HTML page of tables and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scar.audit.charts import make_charts
from scar.audit.findings import list_findings
from scar.audit.limits import check_limits
from scar.audit.tables import make_tables
from scar.common.files import write_json
from scar.common.html.figures import save_figures

AUDIT_FILE = "audit.json"

_INTRODUCTION = (
    "What captions reveal without the image, how hard negatives are, which may be true, and what repeats. Chance is "
    "0.100 among ten captions, and 0.250 among the gold caption and the swaps of one part. A limit is broken if the "
    "whole 95 % interval, resampled by image, is beyond it. A scene is plausible if captions of photographs, or "
    "the gold caption of another image, name it with the object."
)


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write ``audit.json``, the charts as ``audit/*.png`` and the page ``audit.html`` into a folder.

    Args:
        report: what `scar.audit.audit` returns.
        folder: the folder to write into.
    """
    write_json(report, folder / AUDIT_FILE)
    save_figures(
        folder,
        "audit",
        title=f"Audit of {folder.resolve().name}",
        about=_INTRODUCTION,
        tables=make_tables(report),
        charts=make_charts(report),
        beyond=list_findings(report),
    )


def describe_few_samples(report: dict[str, Any]) -> list[str]:
    """Say in one line for each file why its figures are held to no limits, or why there are no judges."""
    lines = [
        f"{key}: no judge is trained, because the images are too few; a train file of the source would teach them."
        for key, figures in report["sources"].items()
        if not figures["blind"]
    ]
    reasons: dict[str, list[str]] = {}
    for check in check_limits(report):
        if check.unlimited:
            reasons.setdefault(check.key, []).append(f"{check.limit.name} ({check.unlimited})")
    return lines + [f"{key}: told and not limited: {'; '.join(names)}." for key, names in reasons.items()]


def describe_unlinked_images(report: dict[str, Any]) -> list[str]:
    """Say in one line for each file how many images the audit cannot recognise under another name."""
    return [
        f"{key}: {count:,} images are known by their names alone, because the files are missing and the build recorded "
        "no identities; a copy under another name stays unseen."
        for key, count in report["unlinked"].items()
    ]
