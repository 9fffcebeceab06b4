"""Measure how good a corpus is: what its captions give away, which negatives may be true, and what repeats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.files import make_count, make_path
from scar.common.progress import Track, track_silently

if TYPE_CHECKING:
    from scar.audit.encoder import Encoder


def audit(
    folder: Path | str,
    *,
    seed: int = 0,
    trained_on: int = 3_000,
    encoder: Encoder | None = None,
    track: Track = track_silently,
) -> dict[str, Any]:
    """Compute the quality figures of a SCaR folder, file by file.

    Judges see captions and boxes without images. On an eval split, they are tested after learning from the train split
    of the same source. A train split is tested by cross-validation, as is an eval split whose source has no train
    split: the judges learn from other images of the same file.

    Args:
        folder: a SCaR folder: a scar build or the published corpus.
        seed: seed that draws images for the judges from files with more than ``trained_on`` samples; all other figures
            count all samples.
        trained_on: most samples of a file that a judge learns from or is tested on.
        encoder: makes sentence vectors for one more judge; None adds none.
        track: shows progress.

    Returns:
        ``sources``, by ``<source>/<split>``:

        - ``samples``, ``images``: their numbers.
        - ``blind``: hit rates by judge, see `scar.audit.hit_rates.compute_hit_rates`; empty if the images are too few.
        - ``one_part``: see `scar.audit.judges.judge_parts`.
        - ``hardness``: see `scar.audit.hardness.HardnessCounts`.
        - ``telltales``: see `scar.audit.baselines.find_telltales`.
        - ``learned_of``: what the judges learned from: ``<source>/train``, or "other images of the same file".
        - ``drawn``: ``learned`` and ``asked``, the samples that the judges learned from and were tested on. Each
          has ``samples``, the number that was used, and ``of``, the number in the file. A large file without another to
          learn from is split in two: `scar.audit.corpus_audit.ENOUGH_QUESTIONS`.
        - ``consensus``: hit rate of `scar.audit.consensus.score_consensus`; None without samples.
        - ``elements``, ``vocabulary``, ``repetition``, ``lengths``: see `scar.audit.word_counts.WordCounts`.
        - ``truth``: see `scar.audit.false_negatives.FalseNegativeCounts`.
        - ``reasons``: see `scar.audit.reason_counts.ReasonCounts`.
        - ``yield``: by reason of gold captions, numbers of ``chosen`` regions and of ``samples`` in the build report;
          empty without a report.
        - ``position``: see `scar.audit.position_counts.PositionCounts`.
        - ``review``: see `scar.audit.agreement.measure_agreement`; None without a review.

        ``overlap``: number of images of an eval file that a train file also has, by pair ``<eval file> in <train
        file>``. Pairs that share none are left out.
        ``unlinked``: by file, number of images known by name alone, without an id or a hash. A copy of such an image
        under another name is not recognised.

    Raises:
        InputError: the folder holds no SCaR file, a file or the review cannot be read, or ``seed`` or ``trained_on`` is
            no whole number, or is less than 0 or 1.
    """
    from scar.audit.corpus_audit import audit_corpus  # here, since records and commands start without numpy and pyarrow

    root = make_path(folder, "corpus")
    return audit_corpus(root, make_count(seed, "seed", 0), make_count(trained_on, "trained_on"), encoder, track)
