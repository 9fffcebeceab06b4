"""Writes a file of samples, as tests need it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from scar.formats.row_codec import make_provenance_table, make_row_table
from scar.formats.writer import ROWS_PER_GROUP, SampleWriter
from scar.sample import Sample, Split


def write_samples(
    samples: Iterable[Sample],
    split: Split,
    rows: Path,
    sidecar: Path,
    *,
    generator: str,
    generator_version: str,
    licence: str | None = None,
    seed: int = 0,
) -> None:
    """Write samples and their provenance, in the order given; ``seed`` selects the negative of a train row."""
    remaining = iter(samples)
    with SampleWriter(rows, sidecar, split) as writer:
        while group := list(islice(remaining, ROWS_PER_GROUP)):
            notes = make_provenance_table(group, generator, generator_version, licence, seed)
            writer.add_tables(make_row_table(group, split, seed), notes)
