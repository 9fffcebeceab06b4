"""What in the figures of an audit is beyond its limit."""

from __future__ import annotations

from typing import Any

CHANCE_MARGIN = 0.05
"""How far above chance a text-only baseline may come."""

SUSPECT_REASONS = ("wordnet", "in_box", "scene_of_image", "gold_of_region")
"""A swap of the same lineage as what it replaces; an object that another sample's box shows in this one; a scene that
another gold caption of the image names; the gold caption of another box that may be of the same thing."""


def list_findings(report: dict[str, Any], margin: float = CHANCE_MARGIN) -> list[str]:
    """What is beyond its limit, one line each; empty for a corpus that gives nothing away.

    Limits: no blind baseline finds the gold caption more than ``margin`` above chance, neither among all captions nor,
    as far as chance alone cannot explain it, among the swaps of one part; no negative is of the lineage of what it
    replaces, nor true by what the corpus says of the same image; no image is in train and eval.
    """
    lines = []
    for key, figures in report["sources"].items():
        for baseline, rate in figures["blind"].items():
            if rate["hit"] > rate["chance"] + margin:
                lines.append(f"{key}: {baseline} alone find {rate['hit']:.3f}, chance is {rate['chance']:.3f}")
            for part, kind in rate["kinds"].items():
                if kind["interval"][0] > kind["chance"] + margin:
                    beside = f"{kind['hit']:.3f} beside {part} swaps, chance is {kind['chance']:.3f}"
                    lines.append(f"{key}: {baseline} alone find {beside}")
        for reason in SUSPECT_REASONS:
            if figures["truth"][reason]:
                example = figures["truth"]["examples"][reason][0]
                lines.append(f"{key}: {figures['truth'][reason]} negatives {reason}, as {example}")
    lines += [f"{count} images of {pair}" for pair, count in report["overlap"].items()]
    return lines
