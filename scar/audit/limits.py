"""The limits of an audit: what judges without the image may find, and how hard negatives must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scar.sample import NEGATIVES_PER_PART, PARTS

ENOUGH_SAMPLES = 300
"""Fewer samples say too little: their figures are told and not limited."""

_CHANCE = 1 / (1 + len(PARTS) * NEGATIVES_PER_PART)


@dataclass(frozen=True)
class Limit:
    """A limit of a figure.

    Attributes:
        name: what is limited.
        human: the limit for a corpus some of whose gold captions are people's words.
        other: the limit for any other corpus.
        is_least: whether the figure must reach the limit; else it must not exceed it.
    """

    name: str
    human: float
    other: float
    is_least: bool = False


OVER_TEN = Limit("best judge over ten", 0.20, 0.20)
IN_PART = Limit("best judge in a part", 0.40, 0.50)
HARD_OBJECTS = Limit("object swaps of the same kind or elsewhere", 0.60, 0.60, is_least=True)
PLAUSIBLE_SCENES = Limit("scenes plausible for the object", 0.60, 0.50, is_least=True)
"""The limits. A corpus with people's words is held to stricter ones."""


@dataclass(frozen=True)
class LimitCheck:
    """A figure of a file beside its limit.

    Attributes:
        key: ``<source>/<split>`` of the file.
        limit: the limit.
        value: the figure, 0 to 1.
        interval: its 95 % interval, resampled by image.
        bound: the limit's value for this file.
        about: which judge and part the figure is of; empty for a share.
        unlimited: why the figure is not limited; empty if it is.
    """

    key: str
    limit: Limit
    value: float
    interval: tuple[float, float]
    bound: float
    about: str = ""
    unlimited: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether the whole interval is beyond the limit."""
        beyond = self.interval[1] < self.bound if self.limit.is_least else self.interval[0] > self.bound
        return beyond and not self.unlimited

    @property
    def verdict(self) -> str:
        """``broken``, ``kept``, or why the figure is not limited."""
        return self.unlimited or ("broken" if self.is_broken else "kept")

    def describe(self) -> str:
        """The file, the limit, the value and its interval in one line."""
        about = f" ({self.about})" if self.about else ""
        low, high = self.interval
        side = "at least" if self.limit.is_least else "at most"
        value = f"{self.value:.3f} (95 % interval {low:.3f} to {high:.3f})"
        return f"{self.key}: {self.limit.name}{about} {value}, the limit is {side} {self.bound:.2f}"


def check_limits(report: dict[str, Any]) -> list[LimitCheck]:
    """Compare the figures of an audit with the limits; figures that an earlier audit lacks are left out.

    Of several judges, the best counts, and one that breaks the limit before one that does not.

    Args:
        report: what `scar.audit.audit` returns.
    """
    return [check for key, figures in report["sources"].items() for check in _check_file(key, figures)]


def _check_file(key: str, figures: dict[str, Any]) -> Iterator[LimitCheck]:
    has_human = bool(figures.get("reasons", {}).get("counts", {}).get("human"))

    def check(limit: Limit, value: float, interval: list[float], about: str, unlimited: str) -> LimitCheck:
        bound = limit.human if has_human else limit.other
        return LimitCheck(key, limit, value, (interval[0], interval[1]), bound, about, unlimited)

    asked = _explain_few(figures["drawn"]["asked"]["samples"])
    judges = figures["blind"]
    tens = [(rate, name) for name, rate in judges.items() if abs(rate["chance"] - _CHANCE) < 1e-3]
    parts = [(rate["kinds"][part], f"{name}, {part}") for rate, name in tens for part in PARTS if part in rate["kinds"]]
    for limit, rates in ((OVER_TEN, tens), (IN_PART, parts)):
        if rates:
            bound = limit.human if has_human else limit.other
            rate, about = max(rates, key=lambda entry: (entry[0]["interval"][0] > bound, entry[0]["hit"], entry[1]))
            yield check(limit, rate["hit"], rate["interval"], about, asked)
    hardness = figures.get("hardness") or {}
    few = _explain_few(figures["samples"])
    if objects := hardness.get("objects"):
        yield check(HARD_OBJECTS, objects["share"], objects["interval"], "", few)
    if scenes := hardness.get("scenes"):
        yield check(PLAUSIBLE_SCENES, scenes["share"], scenes["interval"], "", few)


def _explain_few(samples: int) -> str:
    """Why a figure of so few samples is not limited; empty for enough."""
    return "" if samples >= ENOUGH_SAMPLES else f"{samples:,} samples, fewer than {ENOUGH_SAMPLES}"
