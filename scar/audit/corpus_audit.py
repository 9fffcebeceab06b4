"""The audit of a folder, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.audit.agreement import Decision, check_decisions, measure_agreement, read_decisions
from scar.audit.baselines import BASELINES, compute_hit_rates, find_telltales, make_encoder_baseline, score_questions
from scar.audit.consensus import score_consensus
from scar.audit.encoder import Encoder
from scar.audit.false_negatives import FalseNegativeCounts
from scar.audit.image_overlap import ImageOverlap
from scar.audit.position_counts import PositionCounts
from scar.audit.questions import Question, QuestionSet, ReservoirSample, fills_every_fold
from scar.audit.row_blocks import AT_ONCE, iter_row_blocks
from scar.audit.word_counts import WordCounts
from scar.common.progress import Track
from scar.formats.reader import RowFile, find_row_files

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


def audit_corpus(folder: Path, seed: int, trained_on: int, encoder: Encoder | None, track: Track) -> dict[str, Any]:
    """Every figure of a folder; see `scar.audit.audit`."""
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
