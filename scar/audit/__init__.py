"""How good a built corpus is: what its negatives give away, whether they are false, what repeats itself.

`audit` reads a SCaR folder, ours or the published one, and returns every figure; `findings` names those beyond a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from scar.audit.blind import BASELINES, ask, consensus, encoded, rates, telltales
from scar.audit.encoder import Encoder
from scar.audit.overlap import Overlap
from scar.audit.position import position
from scar.audit.questions import Draw, Question, Sheet, balanced
from scar.audit.review import REVIEW, Decision, agreement, read_decisions
from scar.audit.truth import REASONS, Truth
from scar.audit.words import Words
from scar.errors import InputError
from scar.parquet import RowFile, find
from scar.progress import Track, silent
from scar.sample import Sample

TRAINED_ON = 50_000
"""Most samples that a blind baseline learns of, and is asked."""

MARGIN = 0.05
"""How far above chance a blind baseline may come."""


@dataclass
class _Seen:
    """What one file of the corpus holds."""

    file: RowFile
    images: set[str]
    questions: Draw
    words: Words
    truth: Truth


def audit(
    folder: Path,
    *,
    seed: int = 0,
    trained_on: int = TRAINED_ON,
    encoder: Encoder | None = None,
    track: Track = silent,
) -> dict[str, Any]:
    """Every figure of a folder.

    The baselines learn of the train split of a source and are asked its eval split; where there is no such other
    split, each sample is asked of those that learned of other images of its own file.

    Args:
        folder: a SCaR folder, ours or the published one.
        seed: draws the samples of files that have more than ``trained_on``.
        trained_on: most samples that a baseline learns of, and is asked.
        encoder: makes one more baseline.
        track: shows progress.

    Returns:
        ``sources`` by ``<source>/<split>``: ``samples``, ``images``, ``blind`` (by baseline, see `blind.rates`),
        ``learned_of``, ``telltales``, ``elements``, ``vocabulary``, ``repetition``, ``lengths`` (see `words.Words`),
        ``truth`` (see `truth.Truth`), ``position`` (see `position.position`), ``consensus`` (see `blind.consensus`)
        and ``review`` (see `review.agreement`; None without one); and ``overlap``: how many images of an eval file a
        train file has, by pair of files that share some; and ``unlinked``: how many images of a file are known by
        their names alone, so that the same one under another name is not seen.

    Raises:
        InputError: the folder holds no SCaR file, or a file or the review cannot be read.
    """
    seen: dict[str, _Seen] = {}
    overlap = Overlap(folder)
    decisions = read_decisions(folder)
    unknown = {decision.id for decision in decisions}
    for file in find(folder):
        key = f"{file.source}/{file.split}"
        each = seen[key] = _Seen(file, set(), Draw(trained_on, f"{seed}/{key}"), Words(), Truth())
        overlap.open(key, file)
        for group in _by_image(file, track):
            each.images.add(group[0].image)
            overlap.add(key, file.split, group[0])
            each.truth.add(group)
            for sample in group:
                each.words.add(sample)
                each.questions.add(Question.of(sample))
                unknown.discard(sample.id)
    if unknown:
        raise InputError(f"{folder / REVIEW}: no sample has the id {min(unknown)!r}; it is a review of another corpus.")
    return {
        "sources": {key: _figures(key, seen, decisions, encoder, track) for key in sorted(seen)},
        "overlap": overlap.figures(),
        "unlinked": overlap.unknown(),
    }


def findings(report: dict[str, Any], margin: float = MARGIN) -> list[str]:
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
        for reason in REASONS:
            if figures["truth"][reason]:
                example = figures["truth"]["examples"][reason][0]
                lines.append(f"{key}: {figures['truth'][reason]} negatives {reason}, as {example}")
    lines += [f"{count} images of {pair}" for pair, count in report["overlap"].items()]
    return lines


def _by_image(file: RowFile, track: Track) -> Iterator[list[Sample]]:
    """The samples of a file, those of one image that stand together at once."""
    samples = track(file.samples(), file.path.name, file.rows)
    for _, group in groupby(samples, key=lambda sample: sample.image):
        yield list(group)


def _figures(
    key: str, seen: dict[str, _Seen], decisions: Sequence[Decision], encoder: Encoder | None, track: Track
) -> dict[str, Any]:
    each = seen[key]
    other = seen.get(f"{each.file.source}/train") if each.file.split == "eval" else None
    sheet = Sheet(each.questions.kept)
    train = Sheet(other.questions.kept) if other else None
    known = dict(BASELINES) | ({"encoder": encoded(encoder)} if encoder else {})
    figures: dict[str, Any] = {}
    if train is not None or balanced(sheet.questions):
        for name, baseline in track(known.items(), f"blind on {key}", len(known)):
            figures[name] = rates(ask(baseline, train, sheet), sheet)
    return {
        "samples": each.file.rows,
        "images": len(each.images),
        "learned_of": f"{each.file.source}/train" if train is not None else "other images of the same file",
        "blind": figures,
        "consensus": rates(consensus(sheet), sheet)["hit"] if sheet.questions else None,
        "telltales": telltales(train or sheet) if sheet.questions else {},
        "elements": each.words.elements(),
        "vocabulary": each.words.vocabulary(),
        "repetition": each.words.repetition(),
        "lengths": each.words.lengths(),
        "truth": each.truth.figures(),
        "position": position(each.file),
        "review": agreement(decisions, key),
    }
