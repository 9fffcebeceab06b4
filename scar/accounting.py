"""Counts of the records of one source, and the accounting identity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scar.errors import AccountingError, BadRecord


@dataclass
class Tally:
    """Counts of the records of one source: each annotated region becomes a sample or is rejected for one reason.

    Attributes:
        skip_bad: whether records that cannot be used are counted; otherwise they raise `BadRecord`.
        records: number of annotated regions that may become samples.
        samples: number of samples that were written.
        rejected: number of these regions that give no sample, by reason.
        ignored: number of all other records that are not used (images, captions, relations, categories, and regions
            that may not become samples), by reason.
        repaired: number of records that are used after a repair, such as a clipped box, by the name of the repair.
        doubts: number of records that are used though something suggests that they mean something else, by its name.
        vetoes: number of candidate negatives that a veto refused, by the reason of the veto.
        golds: number of chosen regions that have a true caption, by the evidence for it.
        reasons: number of samples, by the same evidence.
        usage: what the captions took of a generator that is not free, such as tokens, by name.
        reviewed: number of samples on which people decided, by what became of them.
        true_parts, false_parts: number of true and of false objects and scenes by part and text, such as "object a
            cup", and of samples by the things of their picture ("thing cup"); see `scar.build.part_origins`.
    """

    skip_bad: bool = False
    records: int = 0
    samples: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    vetoes: Counter[str] = field(default_factory=Counter)
    golds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    true_parts: Counter[str] = field(default_factory=Counter)
    false_parts: Counter[str] = field(default_factory=Counter)
    reviewed: Counter[str] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)

    def reject_regions(self, bad: BadRecord, regions: int = 1) -> None:
        """If `skip_bad` is set, add to `rejected` under the reason of ``bad``; else raise ``bad``, and count nothing.

        `records` stays: the caller counts the regions there.
        """
        self._count_records(self.rejected, bad, regions)

    def ignore_records(self, bad: BadRecord, records: int = 1) -> None:
        """If `skip_bad` is set, add to `ignored` under the reason of ``bad``; else raise ``bad``, and count nothing."""
        self._count_records(self.ignored, bad, records)

    def _count_records(self, counter: Counter[str], bad: BadRecord, times: int) -> None:
        if not self.skip_bad:
            raise bad
        counter[bad.reason] += times

    def add_tally(self, other: Tally) -> None:
        """Add the counts of another tally to this one, which keeps its own `skip_bad`."""
        self.records += other.records
        self.samples += other.samples
        self.rejected.update(other.rejected)
        self.ignored.update(other.ignored)
        self.repaired.update(other.repaired)
        self.doubts.update(other.doubts)
        self.vetoes.update(other.vetoes)
        self.golds.update(other.golds)
        self.reasons.update(other.reasons)
        self.true_parts.update(other.true_parts)
        self.false_parts.update(other.false_parts)
        self.reviewed.update(other.reviewed)
        self.usage.update(other.usage)

    def describe_balance(self) -> str:
        """The equation of `check_balance` with its numbers, such as ``5 records = 3 samples + 2 rejected``."""
        return f"{self.records} records = {self.samples} samples + {self.rejected.total()} rejected"

    def check_balance(self, source: str) -> None:
        """Check that records = samples + rejected; ``source`` is the key of the source for the message.

        Raises:
            AccountingError: a record is counted twice or not at all.
        """
        if self.records != self.samples + self.rejected.total():
            raise AccountingError(
                f"{source}: {self.describe_balance()} does not hold; nothing is written. Please report this bug."
            )
