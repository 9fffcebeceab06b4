"""Draw the samples that people inspect: evenly over files and reasons, seeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from scar.errors import InputError
from scar.formats.corpus_files import open_corpus
from scar.formats.decisions import CAPTIONS
from scar.formats.reader import RowFile
from scar.sample import Sample


@dataclass(frozen=True, slots=True)
class Question:
    """A sample that people are asked about.

    Attributes:
        sample: the sample, with its region in the displayed frame.
        shared: whether every reviewer is asked; otherwise one of them is.
    """

    sample: Sample
    shared: bool


def draw_questions(
    folder: Path, count: int, shared_share: float, seed: int, images: Path | None = None
) -> list[Question]:
    """Draw samples of a corpus, in proportion to their numbers by file and reason of the gold caption.

    Args:
        folder: folder of the corpus.
        count: number of samples; all are drawn if the corpus has fewer.
        shared_share: share of the drawn samples that every reviewer is asked about, 0 to 1; at least one if it is
            above 0.
        seed: seed of the draw and of the order.
        images: folder that image paths are relative to; None means ``folder``.

    Returns:
        The questions in the order in which they are asked; the shared ones are spread evenly.

    Raises:
        InputError: the folder is no corpus, or no sample in it has all captions; a train file without provenance has
            one negative only.
    """
    strata: dict[tuple[int, str], list[int]] = {}
    files = [file for file in open_corpus(folder) if file.sidecar is not None or file.split == "eval"]
    if not files:
        raise InputError(f"{folder}: its rows lack negatives, as provenance/ is missing; build the corpus again.")
    for number, file in enumerate(files):
        for row, reason in enumerate(_read_reasons(file)):
            strata.setdefault((number, reason), []).append(row)
    shares = share_out({key: len(rows) for key, rows in strata.items()}, count)
    chosen: dict[int, list[int]] = {}
    for (number, reason), rows in strata.items():
        draw = Random(f"{seed}/{files[number].source}/{files[number].split}/{reason}")  # noqa: S311 - a draw, not a secret
        chosen.setdefault(number, []).extend(draw.sample(rows, shares[number, reason]))
    samples = [
        sample
        for number, rows in chosen.items()
        for sample, _ in files[number].iter_samples_at(sorted(rows), files[number].open_frame(images or folder))
    ]
    samples = [sample for sample in samples if len(sample.captions) == CAPTIONS]
    Random(f"{seed}/order").shuffle(samples)  # noqa: S311 - a draw, not a secret
    shared = max(round(shared_share * len(samples)), 1) if shared_share else 0
    marked = {index * len(samples) // shared for index in range(shared)}
    return [Question(sample, index in marked) for index, sample in enumerate(samples)]


def share_out(sizes: Mapping[tuple[int, str], int], count: int) -> dict[tuple[int, str], int]:
    """Share a number of draws among strata in proportion to their sizes, by largest remainders.

    Args:
        sizes: size of each stratum.
        count: number of draws; the sum of all sizes if it is less.

    Returns:
        Number of draws of each stratum, at most its size.

    >>> share_out({(0, "human"): 70, (0, "mask"): 25, (1, "mask"): 5}, 10)
    {(0, 'human'): 7, (0, 'mask'): 2, (1, 'mask'): 1}
    """
    total = sum(sizes.values())
    count = min(count, total)
    exact = {key: count * size / total for key, size in sizes.items()}
    shares = {key: int(share) for key, share in exact.items()}
    by_remainder = sorted(exact, key=lambda key: (shares[key] - exact[key], sizes[key], key))
    for key in by_remainder[: count - sum(shares.values())]:
        shares[key] += 1
    return shares


def _read_reasons(file: RowFile) -> Sequence[str]:
    """The reason of each row's gold caption; empty texts where it is not known."""
    if file.sidecar is None:
        return [""] * file.rows
    parquet = pq.ParquetFile(file.sidecar)
    if "reason" not in parquet.schema_arrow.names:
        return [""] * file.rows
    return [reason or "" for reason in parquet.read(columns=["reason"])["reason"].to_pylist()]
