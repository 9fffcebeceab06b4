"""Audit the files of a folder one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.audit.agreement import find_origins, measure_agreement, read_review
from scar.audit.baselines import find_telltales, make_encoder_baseline
from scar.audit.consensus import score_consensus
from scar.audit.cooccurrence import ImageCounts
from scar.audit.encoder import Encoder
from scar.audit.false_negatives import FalseNegativeCounts
from scar.audit.hardness import HardnessCounts, count_gold_pairs
from scar.audit.hit_rates import compute_hit_rates
from scar.audit.image_draw import choose_images
from scar.audit.image_overlap import ImageOverlap
from scar.audit.judges import JUDGES, judge_parts, judge_texts, score_questions
from scar.audit.position_counts import PositionCounts
from scar.audit.questions import Question, QuestionSet, fills_every_fold
from scar.audit.reason_counts import ReasonCounts
from scar.audit.row_blocks import ROWS_PER_BLOCK, iter_row_blocks
from scar.audit.swap_checks import SwapChecks
from scar.audit.word_counts import WordCounts
from scar.common.progress import Track
from scar.formats.build_report import read_report
from scar.formats.corpus_files import open_corpus
from scar.formats.decisions import REVIEW_FILE
from scar.formats.reader import RowFile

ENOUGH_QUESTIONS = 2_000
"""A file with so many questions is split once; with fewer, each of five folds is scored by what the others teach."""


@dataclass
class _FileCounts:
    """The counts of one file of the corpus.

    Attributes:
        file: the file.
        image_sources: source of each image, by image path.
        questions: the samples drawn for the judges, as questions.
        word_counts: counts of words and texts.
        false_negatives: counts of negatives that may be true.
        positions: counts of positions of the gold caption.
        hardness: counts of hard negatives.
        reasons: counts of gold captions by reason.
    """

    file: RowFile
    image_sources: dict[str, str] = field(default_factory=dict)
    questions: QuestionSet = field(default_factory=lambda: QuestionSet(()))
    word_counts: WordCounts = field(default_factory=WordCounts)
    false_negatives: FalseNegativeCounts = field(default_factory=FalseNegativeCounts)
    hardness: HardnessCounts = field(default_factory=HardnessCounts)
    reasons: ReasonCounts = field(default_factory=ReasonCounts)
    positions: PositionCounts = field(init=False)

    def __post_init__(self) -> None:
        self.positions = PositionCounts(self.file.split)


def audit_corpus(folder: Path, seed: int, trained_on: int, encoder: Encoder | None, track: Track) -> dict[str, Any]:
    """Compute every figure of a folder; see `scar.audit.audit`."""
    files = open_corpus(folder)
    overlap = ImageOverlap(folder)
    decisions = read_review(folder)
    origins = find_origins(decisions, files, folder / REVIEW_FILE)
    built = read_report(folder)
    sources: dict[str, Any] = {}
    for source in sorted({file.source for file in files}):
        counts: dict[str, _FileCounts] = {}
        for file in files:
            if file.source == source:
                key = f"{file.source}/{file.split}"
                counts[key] = _count_file(file, trained_on, f"{seed}/{key}", track)
                overlap.add_file(key, file, counts[key].image_sources)
        gold_pairs = count_gold_pairs([each.hardness for each in counts.values()])
        for key in counts:
            figures = _make_figures(key, counts, gold_pairs, encoder, track)
            review = measure_agreement(decisions, origins, key)
            sources[key] = figures | {"review": review, "yield": built.get(key, {}).get("golds", {})}
    return {
        "sources": {key: sources[key] for key in sorted(sources)},
        "overlap": overlap.count_shared_images(),
        "unlinked": overlap.count_unlinked(),
    }


def _count_file(file: RowFile, max_questions: int, seed: str, track: Track) -> _FileCounts:
    """Count all rows of a file; make questions of at most ``max_questions`` samples, of whole images if possible."""
    drawn = choose_images(file, max_questions, seed)
    questions: list[Question] = []
    counts = _FileCounts(file)
    for block in track(iter_row_blocks(file), file.path.name, -(-file.rows // ROWS_PER_BLOCK)):
        for row, image in enumerate(block.images):
            counts.image_sources.setdefault(image, block.sources[row])
            if image in drawn:
                questions.append(block.make_question(row))
        counts.word_counts.add_rows(block)
        checks = SwapChecks(block)
        counts.false_negatives.add_rows(checks)
        counts.hardness.add_rows(block, checks)
        counts.positions.add_rows(block)
        counts.reasons.add_rows(block)
    counts.questions = QuestionSet(questions[:max_questions])
    return counts


def _make_figures(
    key: str,
    counts_by_key: Mapping[str, _FileCounts],
    gold_pairs: ImageCounts,
    encoder: Encoder | None,
    track: Track,
) -> dict[str, Any]:
    """Compute the figures of one file.

    Args:
        key: ``<source>/<split>`` of the file.
        counts_by_key: counts of all files of the source. Judges of the eval file learn from the train file if there
            is one; else they learn from other images of the same file.
        gold_pairs: images by the pairs of nouns, object and scene, of the source's gold captions.
        encoder: makes sentence vectors for one more baseline; None adds none.
        track: shows progress.
    """
    counts = counts_by_key[key]
    file, questions = counts.file, counts.questions
    other = counts_by_key.get(f"{file.source}/train") if file.split == "eval" else None
    learned = other or counts
    train, test = (other.questions, questions) if other else (None, questions)
    if not other and len(questions.questions) >= ENOUGH_QUESTIONS:
        train, test = questions.hold_out()
    judges = dict(JUDGES) | ({"encoder": judge_texts(make_encoder_baseline(encoder))} if encoder else {})
    rates: dict[str, Any] = {}
    one_part: dict[str, Any] = {}
    if test.questions and (train.questions if train else fills_every_fold(test.questions)):
        for name, judge in track(judges.items(), f"judges of {key}", len(judges)):
            rates[name] = compute_hit_rates(score_questions(judge, train, test), test)
        one_part = judge_parts(train, test)
    for each in (train, test):
        if each:
            each.kept_features.clear()  # the features take more memory than all other figures
    training = train or test
    has_questions = bool(questions.questions)
    return {
        "samples": file.rows,
        "images": len(counts.image_sources),
        "learned_of": f"{file.source}/train" if other else "other images of the same file",
        "drawn": {
            "learned": {"samples": len(training.questions), "of": learned.file.rows},
            "asked": {"samples": len(test.questions) if rates else 0, "of": file.rows},
        },
        "blind": rates,
        "one_part": one_part,
        "consensus": compute_hit_rates(score_consensus(questions), questions)["hit"] if has_questions else None,
        "telltales": find_telltales(training) if has_questions else {},
        "elements": counts.word_counts.compare_elements(),
        "vocabulary": counts.word_counts.compare_vocabulary(),
        "repetition": counts.word_counts.measure_repetition(),
        "lengths": counts.word_counts.summarize_lengths(),
        "truth": counts.false_negatives.to_figures(),
        "reasons": counts.reasons.to_figures(),
        "hardness": counts.hardness.to_figures(gold_pairs),
        "position": counts.positions.to_figures(),
    }
