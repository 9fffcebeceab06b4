"""Audit the files of a folder one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.audit.agreement import Decision, check_decisions, measure_agreement, read_decisions
from scar.audit.baselines import (
    BASELINES,
    compute_hit_rates,
    find_telltales,
    make_encoder_baseline,
    score_questions,
)
from scar.audit.consensus import score_consensus
from scar.audit.encoder import Encoder
from scar.audit.false_negatives import FalseNegativeCounts
from scar.audit.image_overlap import ImageOverlap
from scar.audit.position_counts import PositionCounts
from scar.audit.questions import Question, QuestionSet, ReservoirSample, fills_every_fold
from scar.audit.reason_counts import ReasonCounts
from scar.audit.row_blocks import ROWS_PER_BLOCK, iter_row_blocks
from scar.audit.word_counts import WordCounts
from scar.common.progress import Track
from scar.formats.corpus_files import open_corpus
from scar.formats.reader import RowFile

ENOUGH_QUESTIONS = 10_000
"""Cross-validation within a file scores only as many folds as have this many questions: each fold costs another fit."""


@dataclass
class _FileCounts:
    """The counts of one file of the corpus.

    Attributes:
        file: the file.
        image_sources: source of each image, by image path.
        questions: the samples drawn for the baselines, as questions.
        word_counts: counts of words and texts.
        false_negatives: counts of negatives that may be true.
        positions: counts of positions of the gold caption.
        reasons: counts of gold captions by reason.
    """

    file: RowFile
    image_sources: dict[str, str] = field(default_factory=dict)
    questions: QuestionSet = field(default_factory=lambda: QuestionSet(()))
    word_counts: WordCounts = field(default_factory=WordCounts)
    false_negatives: FalseNegativeCounts = field(default_factory=FalseNegativeCounts)
    reasons: ReasonCounts = field(default_factory=ReasonCounts)
    positions: PositionCounts = field(init=False)

    def __post_init__(self) -> None:
        self.positions = PositionCounts(self.file.split)


def audit_corpus(folder: Path, seed: int, trained_on: int, encoder: Encoder | None, track: Track) -> dict[str, Any]:
    """Compute every figure of a folder; see `scar.audit.audit`."""
    files = open_corpus(folder)
    overlap = ImageOverlap(folder)
    decisions = read_decisions(folder)
    check_decisions(decisions, files, folder)
    sources: dict[str, Any] = {}
    for source in sorted({file.source for file in files}):
        counts: dict[str, _FileCounts] = {}
        for file in files:
            if file.source == source:
                key = f"{file.source}/{file.split}"
                counts[key] = _count_file(file, trained_on, f"{seed}/{key}", track)
                overlap.add_file(key, file, counts[key].image_sources)
        sources |= {key: _make_figures(key, counts, decisions, encoder, track) for key in counts}
    return {
        "sources": {key: sources[key] for key in sorted(sources)},
        "overlap": overlap.count_shared_images(),
        "unlinked": overlap.count_unlinked(),
    }


def _count_file(file: RowFile, max_questions: int, seed: str, track: Track) -> _FileCounts:
    """Count all rows of a file, and draw at most ``max_questions`` samples that become questions."""
    drawn_rows: ReservoirSample[int] = ReservoirSample(max_questions, seed)
    for row in range(file.rows):
        drawn_rows.add_item(row)
    indices = {row: index for index, row in enumerate(drawn_rows.items)}
    questions: dict[int, Question] = {}
    counts = _FileCounts(file)
    for block in track(iter_row_blocks(file), file.path.name, -(-file.rows // ROWS_PER_BLOCK)):
        for row, image in enumerate(block.images):
            counts.image_sources.setdefault(image, block.sources[row])
            if block.first_row + row in indices:
                questions[indices[block.first_row + row]] = block.make_question(row)
        counts.word_counts.add_rows(block)
        counts.false_negatives.add_rows(block)
        counts.positions.add_rows(block)
        counts.reasons.add_rows(block)
    counts.questions = QuestionSet([questions[index] for index in range(len(questions))])
    return counts


def _make_figures(
    key: str,
    counts_by_key: Mapping[str, _FileCounts],
    decisions: Sequence[Decision],
    encoder: Encoder | None,
    track: Track,
) -> dict[str, Any]:
    """Compute the figures of one file.

    Args:
        key: ``<source>/<split>`` of the file.
        counts_by_key: counts of all files of the source. Baselines for the eval file learn from the train file if there
            is one; else they learn from other images of the same file.
        decisions: decisions of reviewers on samples of any file.
        encoder: makes sentence vectors for one more baseline; None adds none.
        track: shows progress.
    """
    counts = counts_by_key[key]
    file, questions = counts.file, counts.questions
    train = counts_by_key.get(f"{file.source}/train") if file.split == "eval" else None
    learned = train or counts
    fold_count, test = (0, questions) if train else questions.select_first_folds(ENOUGH_QUESTIONS)
    baselines = dict(BASELINES) | ({"encoder": make_encoder_baseline(encoder)} if encoder else {})
    rates: dict[str, Any] = {}
    if train or fills_every_fold(questions.questions):
        for name, baseline in track(baselines.items(), f"blind on {key}", len(baselines)):
            scores = score_questions(baseline, train.questions if train else None, questions, fold_count)
            rates[name] = compute_hit_rates(scores, test)
    has_questions = bool(questions.questions)
    return {
        "samples": file.rows,
        "images": len(counts.image_sources),
        "learned_of": f"{file.source}/train" if train else "other images of the same file",
        "drawn": {
            "learned": {"samples": len(learned.questions.questions), "of": learned.file.rows},
            "asked": {"samples": len(test.questions) if rates else 0, "of": file.rows},
        },
        "blind": rates,
        "consensus": compute_hit_rates(score_consensus(questions), questions)["hit"] if has_questions else None,
        "telltales": find_telltales(learned.questions) if has_questions else {},
        "elements": counts.word_counts.compare_elements(),
        "vocabulary": counts.word_counts.compare_vocabulary(),
        "repetition": counts.word_counts.measure_repetition(),
        "lengths": counts.word_counts.summarize_lengths(),
        "truth": counts.false_negatives.to_figures(),
        "reasons": counts.reasons.to_figures(),
        "position": counts.positions.to_figures(),
        "review": measure_agreement(decisions, key),
    }
