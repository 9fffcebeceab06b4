"""What people who looked at samples say of them: how far they agree, and how much they accept.

Their decisions stand in ``review.jsonl`` of the corpus, one line for each look at a sample::

    {"id": "Mine/eval/42", "reviewer": "ada", "accept": true}

To accept a sample is to say that its gold caption is true of the thing in the box and none of the others is.
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
    """One look at a sample.

    Attributes:
        id: the sample's.
        reviewer: who looked.
        accept: what they said.
    """

    id: str
    reviewer: str
    accept: bool


def read_decisions(folder: Path) -> list[Decision]:
    """The decisions about a corpus; none if nobody has looked.

    Raises:
        InputError: a line is none, or somebody decides on a sample twice; names the line.
    """
    path = folder / REVIEW_FILE
    if not path.exists():
        return []
    decisions: dict[tuple[str, str], Decision] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
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
    """See that each decision is about a sample of a corpus.

    Raises:
        InputError: one is not; names it.
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
    """Figures of one file of the corpus.

    Args:
        decisions: about any samples.
        key: ``<source>/<split>`` of those that count.

    Returns:
        None without decisions; else ``samples`` and ``reviewers``, how many; ``accepted``: share of the samples that
        more than half of those who looked accept, with its 95 % ``interval``; and Krippendorff's ``alpha``, None where
        no sample was seen by two or nobody ever disagrees with anybody because all say the same of everything.
    """
    units: dict[str, list[bool]] = {}
    reviewers = set()
    for decision in decisions:
        if decision.id.startswith(f"{key}/"):
            units.setdefault(decision.id, []).append(decision.accept)
            reviewers.add(decision.reviewer)
    if not units:
        return None
    rate = sum(2 * sum(said) > len(said) for said in units.values()) / len(units)
    value = krippendorff_alpha(list(units.values()))
    return {
        "samples": len(units),
        "reviewers": len(reviewers),
        "accepted": round(rate, 4),
        "interval": [round(end, 4) for end in wilson_interval(rate, len(units))],
        "alpha": None if value is None else round(value, 4),
    }


def krippendorff_alpha(units: Sequence[Sequence[object]]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 where all agree, 0 where they do as chance would have it.

    Args:
        units: what was said of each, by any number of people; those of whom fewer than two spoke do not count.

    Returns:
        None where it is not defined: no unit counts, or only one value was ever given.

    >>> alpha([[1, 1], [1, 1], [0, 0], [0, 1]])
    0.5333333333333333
    """
    pairable = [unit for unit in units if len(unit) > 1]
    given = Counter(value for unit in pairable for value in unit)
    total = given.total()
    expected = total * total - sum(count * count for count in given.values())
    if not expected:
        return None
    observed = 0.0
    for unit in pairable:
        counts = Counter(unit)
        observed += (len(unit) ** 2 - sum(count * count for count in counts.values())) / (len(unit) - 1)
    return 1 - (total - 1) * observed / expected
