"""Figures of reviews by people: what they accept, how far they agree, and how well they find the gold caption."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from scar.common.statistics import wilson_interval
from scar.errors import InputError
from scar.formats.decisions import REVIEW_FILE, Decision, list_current, read_decisions
from scar.formats.reader import RowFile
from scar.sample import NEGATIVES_PER_PART, PARTS

_RESAMPLES = 1_000
"""Times that the images are drawn again for the interval of alpha."""


def read_review(folder: Path) -> list[Decision]:
    """Read the decisions on the samples of a corpus; an empty list if there is no ``review.jsonl``.

    Raises:
        InputError: see `scar.formats.decisions.read_decisions`.
    """
    path = folder / REVIEW_FILE
    return list_current(read_decisions(path)) if path.exists() else []


class Origin(NamedTuple):
    """Where a sample comes from: its image, the reason of its gold caption and its generator, "" if not known."""

    image: str
    reason: str
    generator: str


def find_origins(decisions: Sequence[Decision], files: Sequence[RowFile], where: Path) -> dict[str, Origin]:
    """Find where each sample that was decided on comes from.

    Args:
        decisions: the decisions.
        files: all files of rows of the corpus.
        where: the file of decisions, for the message.

    Returns:
        Origins by id of the sample.

    Raises:
        InputError: a decision is on a sample that the corpus lacks; the message names it.
    """
    wanted = {decision.id for decision in decisions}
    origins: dict[str, Origin] = {}
    for file in files if wanted else ():
        ids = file.read_sample_ids()
        if wanted.isdisjoint(ids):
            continue
        paths = pq.read_table(file.path, columns=["qry_image_path"])["qry_image_path"].to_pylist()
        told = [_read_texts(file.sidecar, name, file.rows) for name in ("reason", "generator")]
        rows = zip(ids, paths, *told, strict=True)
        origins |= {id_: Origin(path, reason, generator) for id_, path, reason, generator in rows if id_ in wanted}
    if unknown := wanted - origins.keys():
        raise InputError(f"{where}: no sample has the id {min(unknown)!r}; it is a review of another corpus.")
    return origins


def measure_agreement(decisions: Sequence[Decision], origins: Mapping[str, Origin], key: str) -> dict[str, Any] | None:
    """Figures of the reviews of one file.

    Args:
        decisions: decisions that count, on samples of any file.
        origins: where each sample comes from, by id; see `find_origins`.
        key: ``<source>/<split>`` of the file.

    Returns:
        None without decisions on the file. Else ``samples`` and ``reviewers``: numbers of inspected samples and of all
        who took part; ``accepted``: share of samples that more than half of their reviewers accept, or edit;
        ``interval``: its 95 % confidence interval, by image; ``alpha`` and ``alpha_interval``: see
        `krippendorff_alpha`, the interval from drawing images again; ``faults``: number of rejections by fault;
        ``captions``: number of those that name a caption by its part, ``gold`` for the gold one; ``reasons`` and
        ``generators``: by reason of the gold and by generator, the numbers of samples that are not accepted and of all;
        ``choices``: see `measure_choices`. What nobody did is None.
    """
    own = [decision for decision in decisions if decision.id.startswith(f"{key}/")]
    if not own:
        return None
    units: dict[str, list[bool]] = {}
    for decision in own:
        if decision.mode == "inspect":
            units.setdefault(decision.id, []).append(decision.verdict != "reject")
    accepted = {id_: 2 * sum(unit) > len(unit) for id_, unit in units.items()}
    share = sum(accepted.values()) / len(accepted) if accepted else None
    images = {id_: origins[id_].image for id_ in {decision.id for decision in own}}
    hits = [(images[id_], float(is_accepted)) for id_, is_accepted in accepted.items()]
    groups: dict[str, list[list[bool]]] = {}
    for id_, unit in units.items():
        groups.setdefault(images[id_], []).append(unit)
    alpha = krippendorff_alpha(list(units.values()))
    return {
        "samples": len(units),
        "reviewers": len({decision.reviewer for decision in own}),
        "accepted": None if share is None else round(share, 4),
        "interval": None if share is None else _round_ends(clustered_interval(hits)),
        "alpha": None if alpha is None else round(alpha, 4),
        "alpha_interval": _resample_alpha(list(groups.values())) if alpha is not None else None,
        "faults": _count(each.fault for each in own if each.fault is not None),
        "captions": _count(_name_caption(each.caption) for each in own if each.fault and each.caption is not None),
        "reasons": _count_lost(accepted, {id_: origins[id_].reason for id_ in accepted}),
        "generators": _count_lost(accepted, {id_: origins[id_].generator for id_ in accepted}),
        "choices": measure_choices(own, images),
    }


def measure_choices(decisions: Sequence[Decision], images: Mapping[str, str]) -> dict[str, Any] | None:
    """How often people choose the gold caption among the ten: human hit@1.

    Args:
        decisions: decisions; those of mode choose count.
        images: image of each sample by id.

    Returns:
        None without choices. Else ``answers``: their number; ``hit``: share of gold captions; ``interval``: its 95 %
        confidence interval, by image; ``cannot_tell``: share of answers without a choice, which are no hits; ``parts``:
        by part, share of gold captions among the choices of the gold or of a caption with this part replaced.
    """
    choices = [(images[each.id], each.choice) for each in decisions if each.choice is not None]
    if not choices:
        return None
    hits = [(image, float(choice == 0)) for image, choice in choices]
    parts = {}
    for number, part in enumerate(PARTS):
        swaps = range(1 + number * NEGATIVES_PER_PART, 1 + (number + 1) * NEGATIVES_PER_PART)
        asked = [choice == 0 for _, choice in choices if choice == 0 or choice in swaps]
        parts[part] = round(sum(asked) / len(asked), 4) if asked else None
    return {
        "answers": len(choices),
        "hit": round(sum(hit for _, hit in hits) / len(hits), 4),
        "interval": _round_ends(clustered_interval(hits)),
        "cannot_tell": round(sum(choice < 0 for _, choice in choices) / len(choices), 4),
        "parts": parts,
    }


def clustered_interval(hits: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """The 95 % confidence interval, (low, high), of a share of hits that come in clusters.

    Wilson's interval for the number of independent trials that would have the same variance (Kish's design effect); it
    is Wilson's own if each hit has a cluster of its own, or if all are hits or none.

    Args:
        hits: cluster, and 1.0 for a hit or 0.0, of each trial; at least one.
    """
    count = len(hits)
    share = sum(hit for _, hit in hits) / count
    sums: dict[str, float] = {}
    for cluster, hit in hits:
        sums[cluster] = sums.get(cluster, 0.0) + hit - share
    spread, plain = sum(each * each for each in sums.values()), count * share * (1 - share)
    effect = max(spread / plain, 1.0) if plain else count / len(sums)
    return wilson_interval(share, max(round(count / effect), 1))


def krippendorff_alpha(units: Sequence[Sequence[object]]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 for full agreement, 0 for agreement by chance.

    Args:
        units: the values that the raters of each unit gave; units with fewer than two values do not count.

    Returns:
        None where alpha is undefined: no unit counts, or all values are equal.

    >>> krippendorff_alpha([[1, 1], [1, 1], [0, 0], [0, 1]])
    0.5333333333333333
    """
    pairable = [unit for unit in units if len(unit) > 1]
    value_counts = Counter(value for unit in pairable for value in unit)
    total = value_counts.total()
    expected = total * total - sum(count * count for count in value_counts.values())
    if not expected:
        return None
    observed = 0.0
    for unit in pairable:
        counts = Counter(unit)
        observed += (len(unit) ** 2 - sum(count * count for count in counts.values())) / (len(unit) - 1)
    return 1 - (total - 1) * observed / expected


def _resample_alpha(groups: Sequence[Sequence[Sequence[bool]]]) -> list[float] | None:
    """The 95 % interval of alpha when images are drawn with putting back; draws for which it is undefined are left out.

    Args:
        groups: the units of each image.

    Returns:
        Its two ends; None if alpha is defined for fewer than half of the draws.
    """
    draw = np.random.default_rng(0)
    found = []
    for _ in range(_RESAMPLES):
        chosen = draw.integers(len(groups), size=len(groups)).tolist()
        alpha = krippendorff_alpha([unit for index in chosen for unit in groups[index]])
        if alpha is not None and math.isfinite(alpha):
            found.append(alpha)
    return _round_ends(np.quantile(found, [0.025, 0.975]).tolist()) if 2 * len(found) >= _RESAMPLES else None


def _round_ends(ends: Sequence[float]) -> list[float]:
    return [round(end, 4) for end in ends]


def _read_texts(sidecar: Path | None, name: str, rows: int) -> list[str]:
    """A column of texts beside a file of rows; empty texts where it is not known."""
    if sidecar is None or name not in pq.read_schema(sidecar).names:
        return [""] * rows
    return [text or "" for text in pq.read_table(sidecar, columns=[name])[name].to_pylist()]


def _name_caption(index: int) -> str:
    """``gold``, or the part that a caption of `Sample.captions` has replaced."""
    return "gold" if index == 0 else PARTS[(index - 1) // NEGATIVES_PER_PART]


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _count_lost(accepted: Mapping[str, bool], groups: Mapping[str, str]) -> dict[str, list[int]]:
    """By group, the number of samples that are not accepted, and of all."""
    lost = Counter(groups[id_] for id_, is_accepted in accepted.items() if not is_accepted)
    return {group: [lost[group], size] for group, size in _count(groups.values()).items()}
