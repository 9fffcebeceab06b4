"""Limits for the figures of an audit, and the list of figures that exceed them."""

from __future__ import annotations

from typing import Any

from scar.audit.limits import check_limits

RANKING_LIMIT = 0.2
"""Share of positions and ordinals among gold captions: they say where a thing is, and little about it."""

SUSPECT_REASONS = ("wordnet", "in_box", "scene_of_image", "gold_of_region")
"""Why a negative may be true.

- ``wordnet``: the new element and the replaced one are synonyms, or one is a kind of the other.
- ``in_box``: the swapped-in object may name the thing of another sample of the image, whose box overlaps this one.
- ``scene_of_image``: another gold caption of the image names the swapped-in place.
- ``gold_of_region``: the negative is the gold caption of another box that may show the same thing.
"""


def list_findings(report: dict[str, Any]) -> list[str]:
    """List the figures that exceed their limits, one line each; empty if none does.

    The limits: those of `scar.audit.limits`; no negative is suspect by any of `SUSPECT_REASONS`; positions and ordinals
    are at most `RANKING_LIMIT` of the gold captions; no image is in both splits.

    Args:
        report: what `scar.audit.audit` returns.
    """
    lines = [check.describe() for check in check_limits(report) if check.is_broken]
    for key, figures in report["sources"].items():
        for reason in SUSPECT_REASONS:
            if figures["truth"][reason]:
                example = figures["truth"]["examples"][reason][0]
                count = figures["truth"][reason]
                lines.append(f"{key}: {count} negatives may be true by {reason}, for example {example}")
        ranking = figures.get("reasons", {}).get("ranking")  # earlier audits and older corpora do not say it
        if ranking is not None and ranking > RANKING_LIMIT:
            lines.append(f"{key}: {ranking:.1%} of the gold captions are positions or ordinals, more than a fifth")
    lines += [f"{count} images of {pair}" for pair, count in report["overlap"].items()]
    return lines
