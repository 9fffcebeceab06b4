"""How good a built corpus is: what its negatives give away, whether they are false, what repeats itself.

`audit` reads a SCaR folder, ours or the published one, and returns every figure; `findings` names those beyond a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.audit.blind import BASELINES, ask, encoded, rates, telltales
from scar.audit.consensus import consensus
from scar.audit.encoder import Encoder
from scar.audit.overlap import Overlap
from scar.audit.position import Position
from scar.audit.questions import Draw, Question, Sheet, balanced
from scar.audit.review import Decision, agreement, read_decisions, refuse_strangers
from scar.audit.rows import AT_ONCE, rows_of
from scar.audit.swaps import REASONS
from scar.audit.truth import Truth
from scar.audit.words import Words
from scar.common.progress import Track, silent
from scar.formats.parquet import RowFile, find

TRAINED_ON = 50_000
"""Most samples that a blind baseline learns of, and is asked."""

MARGIN = 0.05
"""How far above chance a blind baseline may come."""

ASKED = 10_000
"""Where a baseline learns of other images of the same file, so many questions are enough: each fifth of a file takes
one more that learns of the other four."""


@dataclass
class _Seen:
    """What one file of the corpus holds.

    Attributes:
        images: the source that each comes under, by path.
        sheet: the samples that were drawn.
    """

    file: RowFile
    images: dict[str, str] = field(default_factory=dict)
    sheet: Sheet = field(default_factory=lambda: Sheet(()))
    words: Words = field(default_factory=Words)
    truth: Truth = field(default_factory=Truth)
    position: Position = field(init=False)

    def __post_init__(self) -> None:
        self.position = Position(self.file.split)


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
        seed: draws the samples of files that have more than ``trained_on``; all else is counted over all samples.
        trained_on: most samples that a baseline learns of, and is asked.
        encoder: makes one more baseline.
        track: shows progress.

    Returns:
        ``sources`` by ``<source>/<split>``: ``samples``, ``images``, ``blind`` (by baseline, see `blind.rates`),
        ``learned_of``, ``drawn`` (how many samples, of how many, there are to learn of and are asked), ``telltales``,
        ``elements``, ``vocabulary``, ``repetition``, ``lengths`` (see `words.Words`), ``truth`` (see `truth.Truth`),
        ``position`` (see `position.Position`), ``consensus`` (see `consensus.consensus`) and ``review`` (see
        `review.agreement`; None without one); and ``overlap``: how many images of an eval file a train file has, by
        pair of files that share some; and ``unlinked``: how many images of a file are known by their names alone, so
        that the same one under another name is not seen.

    Raises:
        InputError: the folder holds no SCaR file, or a file or the review cannot be read.
    """
    files = find(folder)
    overlap = Overlap(folder)
    decisions = read_decisions(folder)
    refuse_strangers(decisions, files, folder)
    sources: dict[str, Any] = {}
    for source in sorted({file.source for file in files}):
        seen: dict[str, _Seen] = {}
        for file in files:
            if file.source == source:
                key = f"{file.source}/{file.split}"
                seen[key] = _look(file, trained_on, f"{seed}/{key}", track)
                overlap.add(key, file, seen[key].images)
        sources |= {key: _figures(key, seen, decisions, encoder, track) for key in seen}
    return {
        "sources": {key: sources[key] for key in sorted(sources)},
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


def _look(file: RowFile, most: int, seed: str, track: Track) -> _Seen:
    """Count all rows of a file, and draw the samples that are asked about."""
    draw: Draw[int] = Draw(most, seed)
    for number in range(file.rows):
        draw.add(number)
    places = {number: place for place, number in enumerate(draw.kept)}
    drawn: dict[int, Question] = {}
    seen = _Seen(file)
    for rows in track(rows_of(file), file.path.name, -(-file.rows // AT_ONCE)):
        for row, image in enumerate(rows.images):
            seen.images.setdefault(image, rows.sources[row])
            if rows.start + row in places:
                drawn[places[rows.start + row]] = rows.question(row)
        seen.words.add(rows)
        seen.truth.add(rows)
        seen.position.add(rows)
    seen.sheet = Sheet([drawn[place] for place in range(len(drawn))])
    return seen


def _figures(
    key: str, seen: dict[str, _Seen], decisions: Sequence[Decision], encoder: Encoder | None, track: Track
) -> dict[str, Any]:
    each = seen[key]
    other = seen.get(f"{each.file.source}/train") if each.file.split == "eval" else None
    sheet, train = each.sheet, other.sheet if other else None
    known = dict(BASELINES) | ({"encoder": encoded(encoder)} if encoder else {})
    figures: dict[str, Any] = {}
    folds, asked = sheet.first_folds(ASKED) if train is None else (0, sheet)
    if train is not None or balanced(sheet.questions):
        for name, baseline in track(known.items(), f"blind on {key}", len(known)):
            figures[name] = rates(ask(baseline, train, sheet, folds), asked)
    return {
        "samples": each.file.rows,
        "images": len(each.images),
        "learned_of": f"{each.file.source}/train" if train is not None else "other images of the same file",
        "drawn": {
            "learned": {"samples": len((train or sheet).questions), "of": (other or each).file.rows},
            "asked": {"samples": len(asked.questions) if figures else 0, "of": each.file.rows},
        },
        "blind": figures,
        "consensus": rates(consensus(sheet), sheet)["hit"] if sheet.questions else None,
        "telltales": telltales(train or sheet) if sheet.questions else {},
        "elements": each.words.elements(),
        "vocabulary": each.words.vocabulary(),
        "repetition": each.words.repetition(),
        "lengths": each.words.lengths(),
        "truth": each.truth.figures(),
        "position": each.position.figures(),
        "review": agreement(decisions, key),
    }
