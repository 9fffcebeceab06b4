"""How good a built corpus is: what its negatives give away, whether they are false, what repeats itself.

`audit` reads a SCaR folder, ours or the published one, and returns every figure; `findings` names those beyond a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.audit.blind import BASELINES, compute_hit_rates, find_telltales, make_encoder_baseline, score_questions
from scar.audit.consensus import score_consensus
from scar.audit.encoder import Encoder
from scar.audit.overlap import ImageOverlap
from scar.audit.position import PositionCounts
from scar.audit.questions import Question, QuestionSet, ReservoirSample, fills_every_fold
from scar.audit.review import Decision, check_decisions, measure_agreement, read_decisions
from scar.audit.rows import AT_ONCE, iter_row_blocks
from scar.audit.swaps import SUSPECT_REASONS
from scar.audit.truth import FalseNegativeCounts
from scar.audit.words import WordCounts
from scar.common.progress import Track, track_silently
from scar.formats.parquet import RowFile, find_row_files

MAX_BLIND_SAMPLES = 50_000
"""Most samples that a blind baseline learns of, and is asked."""

CHANCE_MARGIN = 0.05
"""How far above chance a blind baseline may come."""

ENOUGH_QUESTIONS = 10_000
"""Where a baseline learns of other images of the same file, so many questions are enough: each fifth of a file takes
one more that learns of the other four."""


@dataclass
class _FileCounts:
    """What one file of the corpus holds.

    Attributes:
        image_sources: the source that each comes under, by path.
        questions: the samples that were drawn.
    """

    file: RowFile
    image_sources: dict[str, str] = field(default_factory=dict)
    questions: QuestionSet = field(default_factory=lambda: QuestionSet(()))
    word_counts: WordCounts = field(default_factory=WordCounts)
    false_negatives: FalseNegativeCounts = field(default_factory=FalseNegativeCounts)
    positions: PositionCounts = field(init=False)

    def __post_init__(self) -> None:
        self.positions = PositionCounts(self.file.split)


def audit(
    folder: Path,
    *,
    seed: int = 0,
    trained_on: int = MAX_BLIND_SAMPLES,
    encoder: Encoder | None = None,
    track: Track = track_silently,
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
        ``sources`` by ``<source>/<split>``: ``samples``, ``images``, ``blind`` (by baseline, see
        `blind.compute_hit_rates`),
        ``learned_of``, ``drawn`` (how many samples, of how many, there are to learn of and are asked), ``telltales``,
        ``elements``, ``vocabulary``, ``repetition``, ``lengths`` (see `words.WordCounts`), ``truth`` (see
        `truth.FalseNegativeCounts`),
        ``position`` (see `position.PositionCounts`), ``consensus`` (see `consensus.score_consensus`) and ``review``
        (see
        `review.agreement`; None without one); and ``overlap``: how many images of an eval file a train file has, by
        pair of files that share some; and ``unlinked``: how many images of a file are known by their names alone, so
        that the same one under another name is not seen.

    Raises:
        InputError: the folder holds no SCaR file, or a file or the review cannot be read.
    """
    files = find_row_files(folder)
    overlap = ImageOverlap(folder)
    decisions = read_decisions(folder)
    check_decisions(decisions, files, folder)
    sources: dict[str, Any] = {}
    for source in sorted({file.source for file in files}):
        seen: dict[str, _FileCounts] = {}
        for file in files:
            if file.source == source:
                key = f"{file.source}/{file.split}"
                seen[key] = _count_file(file, trained_on, f"{seed}/{key}", track)
                overlap.add_file(key, file, seen[key].image_sources)
        sources |= {key: _make_figures(key, seen, decisions, encoder, track) for key in seen}
    return {
        "sources": {key: sources[key] for key in sorted(sources)},
        "overlap": overlap.count_shared_images(),
        "unlinked": overlap.count_unlinked(),
    }


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


def _count_file(file: RowFile, max_questions: int, seed: str, track: Track) -> _FileCounts:
    """Count all rows of a file, and draw the samples that are asked about."""
    draw: ReservoirSample[int] = ReservoirSample(max_questions, seed)
    for number in range(file.rows):
        draw.add_item(number)
    places = {number: place for place, number in enumerate(draw.items)}
    drawn: dict[int, Question] = {}
    seen = _FileCounts(file)
    for rows in track(iter_row_blocks(file), file.path.name, -(-file.rows // AT_ONCE)):
        for row, image in enumerate(rows.images):
            seen.image_sources.setdefault(image, rows.sources[row])
            if rows.first_row + row in places:
                drawn[places[rows.first_row + row]] = rows.make_question(row)
        seen.word_counts.add_rows(rows)
        seen.false_negatives.add_rows(rows)
        seen.positions.add_rows(rows)
    seen.questions = QuestionSet([drawn[place] for place in range(len(drawn))])
    return seen


def _make_figures(
    key: str, counts: dict[str, _FileCounts], decisions: Sequence[Decision], encoder: Encoder | None, track: Track
) -> dict[str, Any]:
    each = counts[key]
    other = counts.get(f"{each.file.source}/train") if each.file.split == "eval" else None
    sheet, train = each.questions, other.questions if other else None
    known = dict(BASELINES) | ({"encoder": make_encoder_baseline(encoder)} if encoder else {})
    figures: dict[str, Any] = {}
    folds, asked = sheet.select_first_folds(ENOUGH_QUESTIONS) if train is None else (0, sheet)
    if train is not None or fills_every_fold(sheet.questions):
        for name, baseline in track(known.items(), f"blind on {key}", len(known)):
            figures[name] = compute_hit_rates(score_questions(baseline, train, sheet, folds), asked)
    return {
        "samples": each.file.rows,
        "images": len(each.image_sources),
        "learned_of": f"{each.file.source}/train" if train is not None else "other images of the same file",
        "drawn": {
            "learned": {"samples": len((train or sheet).questions), "of": (other or each).file.rows},
            "asked": {"samples": len(asked.questions) if figures else 0, "of": each.file.rows},
        },
        "blind": figures,
        "consensus": compute_hit_rates(score_consensus(sheet), sheet)["hit"] if sheet.questions else None,
        "telltales": find_telltales(train or sheet) if sheet.questions else {},
        "elements": each.word_counts.compare_elements(),
        "vocabulary": each.word_counts.compare_vocabulary(),
        "repetition": each.word_counts.measure_repetition(),
        "lengths": each.word_counts.summarize_lengths(),
        "truth": each.false_negatives.to_figures(),
        "position": each.positions.to_figures(),
        "review": measure_agreement(decisions, key),
    }
