"""Figures of reviews by people: how many samples they accept, and how far they agree.

The file ``review.jsonl`` of a corpus holds one line for each decision::

    {"id": "Mine/eval/42", "reviewer": "ada", "accept": true}

A reviewer accepts a sample if the gold caption is true of the thing in the box and all other captions are false.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scar.audit.row_blocks import iter_row_blocks
from scar.common.statistics import wilson_interval
from scar.errors import InputError
from scar.formats.reader import RowFile

REVIEW_FILE = "review.jsonl"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one reviewer on one sample.

    Attributes:
        id: id of the sample, ``<source>/<split>/<region id>``.
        reviewer: name of the reviewer.
        accept: whether the reviewer accepts the sample.
    """

    id: str
    reviewer: str
    accept: bool


def read_decisions(folder: Path) -> list[Decision]:
    """Read the decisions on the samples of a corpus; an empty list if there is no ``review.jsonl``.

    Raises:
        InputError: a line is no decision, or a reviewer decides on a sample twice; the message names the line.
    """
    path = folder / REVIEW_FILE
    if not path.exists():
        return []
    decisions: dict[tuple[str, str], Decision] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            decision = Decision(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}, line {number}: no decision ({error}); it has id, reviewer and accept.") from None
        types = type(decision.id), type(decision.reviewer), type(decision.accept)
        if types != (str, str, bool):
            raise InputError(f"{path}, line {number}: id and reviewer are texts, accept is true or false.")
        if (decision.id, decision.reviewer) in decisions:
            raise InputError(f"{path}, line {number}: {decision.reviewer} decides on {decision.id} twice; keep one.")
        decisions[decision.id, decision.reviewer] = decision
    return list(decisions.values())


def check_decisions(decisions: Sequence[Decision], files: Sequence[RowFile], folder: Path) -> None:
    """Check that each decision is on a sample of the corpus.

    Args:
        decisions: the decisions.
        files: all files of rows of the corpus.
        folder: folder of the corpus, for the message.

    Raises:
        InputError: a decision is on a sample that the corpus lacks; the message names it.
    """
    unknown = {decision.id for decision in decisions}
    for file in files if unknown else ():
        for rows in iter_row_blocks(file):
            unknown.difference_update(map(rows.sample_id, range(rows.count)))
    if unknown:
        raise InputError(
            f"{folder / REVIEW_FILE}: no sample has the id {min(unknown)!r}; it is a review of another corpus."
        )


def measure_agreement(decisions: Sequence[Decision], key: str) -> dict[str, Any] | None:
    """Figures of the reviews of one file.

    Args:
        decisions: decisions on samples of any file.
        key: ``<source>/<split>`` of the file.

    Returns:
        None without decisions on the file. Else ``samples`` and ``reviewers``: their numbers; ``accepted``: share of
        samples that more than half of their reviewers accept; ``interval``: its 95 % confidence interval; ``alpha``:
        see `krippendorff_alpha`.
    """
    decisions_by_sample: dict[str, list[bool]] = {}
    reviewers = set()
    for decision in decisions:
        if decision.id.startswith(f"{key}/"):
            decisions_by_sample.setdefault(decision.id, []).append(decision.accept)
            reviewers.add(decision.reviewer)
    if not decisions_by_sample:
        return None
    units = list(decisions_by_sample.values())
    rate = sum(2 * sum(unit) > len(unit) for unit in units) / len(units)
    alpha = krippendorff_alpha(units)
    return {
        "samples": len(units),
        "reviewers": len(reviewers),
        "accepted": round(rate, 4),
        "interval": [round(end, 4) for end in wilson_interval(rate, len(units))],
        "alpha": None if alpha is None else round(alpha, 4),
    }


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
