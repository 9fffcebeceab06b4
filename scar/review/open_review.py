"""Open the review of a corpus: draw its samples and open its decisions."""

from __future__ import annotations

from pathlib import Path

from scar.common.files import hash_file
from scar.formats.corpus_files import open_corpus
from scar.formats.decisions import Mode
from scar.review.draw import draw_questions
from scar.review.session import ReviewSession
from scar.review.store import STORE_FILE, DecisionStore


def open_review(
    folder: Path,
    count: int,
    shared_share: float,
    mode: Mode,
    seed: int = 0,
    images: Path | None = None,
    store: Path | None = None,
) -> ReviewSession:
    """Open the review of a corpus.

    Args:
        folder: folder of the corpus.
        count: number of samples; see `scar.review.draw.draw_questions` for it and the next two.
        shared_share: share of the samples that every reviewer is asked about.
        mode: how samples are shown.
        seed: seed of the draw.
        images: folder that image paths are relative to; None means ``folder``.
        store: file of the decisions; None means ``review.sqlite`` in ``folder``.

    Raises:
        InputError: the folder is no corpus that can be reviewed, or the decisions are of another corpus.
    """
    questions = draw_questions(folder, count, shared_share, seed, images)
    files = {f"{file.source}/{file.split}": hash_file(file.path) for file in open_corpus(folder)}
    corpus = ", ".join(f"{key} {digest}" for key, digest in sorted(files.items()))
    return ReviewSession(questions, DecisionStore(store or folder / STORE_FILE, corpus), mode, seed, images or folder)
