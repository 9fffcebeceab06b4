"""How good a built corpus is: what its negatives give away, which of them may be true, what repeats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.progress import Track, track_silently

if TYPE_CHECKING:
    from scar.audit.encoder import Encoder


def audit(
    folder: Path | str,
    *,
    seed: int = 0,
    trained_on: int = 50_000,
    encoder: Encoder | None = None,
    track: Track = track_silently,
) -> dict[str, Any]:
    """Compute every figure of a SCaR folder.

    Text-only baselines see captions without images. They learn from the train split of a source and are tested on its
    eval split. Where the folder has no other split, each sample is tested by a baseline that learned from other images
    of the same file.

    Args:
        folder: a SCaR folder, ours or the published one.
        seed: draws the samples of files that have more than ``trained_on``; all other figures count all samples.
        trained_on: most samples of a file that a baseline learns from or is tested on.
        encoder: adds a baseline on frozen sentence vectors.
        track: shows progress.

    Returns:
        ``sources``, by ``<source>/<split>``:

        - ``samples``, ``images``: how many.
        - ``blind``: by baseline, see `scar.audit.baselines.compute_hit_rates`; ``telltales``: the words that the
          baselines found; ``learned_of`` and ``drawn``: which samples, and how many of how many, they learned from and
          were tested on.
        - ``consensus``: see `scar.audit.consensus.score_consensus`.
        - ``elements``, ``vocabulary``, ``repetition``, ``lengths``: see `scar.audit.word_counts.WordCounts`.
        - ``truth``: see `scar.audit.false_negatives.FalseNegativeCounts`.
        - ``position``: see `scar.audit.position_counts.PositionCounts`.
        - ``review``: see `scar.audit.agreement.measure_agreement`; None without a review.

        ``overlap``: by pair of an eval and a train file that share images, how many. ``unlinked``: by file, how many
        images are known by their names alone, so that a copy under another name stays unseen.

    Raises:
        InputError: the folder holds no SCaR file, or a file or the review cannot be read.
    """
    from scar.audit.corpus_audit import audit_corpus  # here, since records and commands start without numpy and pyarrow

    return audit_corpus(Path(folder), seed, trained_on, encoder, track)
