"""Write an HTML page of samples: image, box and mask, the captions by kind, and their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from scar.audit.lineage import count_common_words
from scar.common.files import write_text
from scar.common.html import EmbeddedImage, embed_image, render_page, split_caption, trace_outline
from scar.common.images import locate_image
from scar.common.pixels import load_image
from scar.common.progress import Track, track_silently
from scar.errors import BadRecord, InputError
from scar.formats.corpus_files import open_corpus
from scar.formats.reader import RowFile
from scar.sample import Sample, Split

SAMPLES_PAGE = "show.html"

MAX_SIDE_PX = 480
"""Longest side of the embedded images in pixels; box and mask keep the coordinates of the displayed image."""


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """A caption of a sample, as the page shows it.

    Attributes:
        kind: ``gold``, the part that a negative replaces, or ``negative`` if that part is unknown.
        pieces: (text, whether it replaces words of the gold caption) of each piece of the caption, in order.
    """

    kind: str
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class SampleCard:
    """A sample, as the page shows it.

    Attributes:
        sample: the sample.
        lines: captions of the sample, gold first.
        picture: reduced image of the sample; None if it cannot be shown.
        problem: why the image or the mask cannot be shown; empty if nothing is wrong.
        outline: SVG path data of the mask's edge, in pixels of the displayed image; empty if no mask is shown.
        details: (name, value) pairs: image, box and, if known, the reason of the gold caption and provenance.
    """

    sample: Sample
    lines: tuple[CaptionLine, ...]
    picture: EmbeddedImage | None
    problem: str
    outline: str
    details: tuple[tuple[str, str], ...]


def write_samples_page(
    folder: Path,
    out: Path | None = None,
    *,
    count: int = 20,
    seed: int = 0,
    source: str | None = None,
    split: Split | None = None,
    images: Path | None = None,
    track: Track = track_silently,
) -> list[SampleCard]:
    """Write a page of samples: one self-contained HTML file.

    Args:
        folder: a SCaR folder: a scar build or the published corpus.
        out: the HTML file to write; None means ``show.html`` in ``folder``.
        count: number of samples, divided evenly among the files; fewer if the files do not have as many.
        seed: seed that draws the samples.
        source: show only samples of this source; None shows all sources.
        split: show only samples of this split; None shows both.
        images: folder that image paths are relative to; None means ``folder``. A sample whose image cannot be read is
            shown without it.
        track: shows progress.

    Returns:
        The samples as the page shows them, file by file, in the order of the rows.

    Raises:
        InputError: the folder has no file of this source and split, or a file cannot be read.
    """
    all_files = open_corpus(folder)
    files = [file for file in all_files if source in (None, file.source) and split in (None, file.split)]
    if not files:
        keys = ", ".join(f"{file.source}/{file.split}" for file in all_files)
        raise InputError(f"{folder}: no samples of {source or 'any source'}/{split or 'any split'}; it has {keys}.")
    drawn = _draw_rows(files, count, seed)
    root = images or folder
    rows = (row for file, numbers in drawn for row in file.iter_samples_at(numbers, file.open_frame(root)))
    total = sum(len(numbers) for _, numbers in drawn)
    cards = [_make_card(sample, origin, root) for sample, origin in track(rows, "samples", total)]
    page = render_page(
        "samples.html",
        Path(__file__).parent,
        cards=cards,
        folder=folder.resolve().name,
        seed=seed,
        rows=sum(file.rows for file in files),
    )
    write_text(page, out or folder / SAMPLES_PAGE)
    return cards


def _draw_rows(files: Sequence[RowFile], count: int, seed: int) -> list[tuple[RowFile, list[int]]]:
    """Draw rows evenly over the files; returns the ascending row numbers of each file, without repetition."""
    shares = [0] * len(files)
    while sum(shares) < count and any(share < file.rows for share, file in zip(shares, files, strict=True)):
        for index, file in enumerate(files):
            if shares[index] < file.rows and sum(shares) < count:
                shares[index] += 1
    return [
        (file, sorted(Random(f"{seed}/{file.source}/{file.split}").sample(range(file.rows), share)))  # noqa: S311 - a draw, not a secret
        for file, share in zip(files, shares, strict=True)
    ]


def _make_card(sample: Sample, origin: dict[str, Any] | None, images: Path) -> SampleCard:
    """Prepare a sample for the page; ``origin`` is its provenance row, None without a sidecar."""
    picture, problem = _read_picture(sample, images)
    mask = sample.region.mask
    path_data = ""
    if mask is not None and picture is not None:
        if mask.size == (picture.height, picture.width):
            path_data = trace_outline(mask, MAX_SIDE_PX)
        else:
            problem = f"its mask is of an image of {mask.size[1]} x {mask.size[0]} pixels, so it is not drawn"
    width, height = (round(side) for side in sample.region.box.xywh[2:])
    details = [("image", sample.image), ("box", f"{width} x {height} pixels")]
    details += [("reason", sample.reason)] if sample.reason else []
    if origin is not None:
        details += [
            ("generator", f"{origin['generator']} {origin['generator_version']}"),
            ("seed", str(origin["seed"])),
        ]
        details += [("licence", origin["licence"])] if origin["licence"] else []
    return SampleCard(sample, tuple(_make_lines(sample)), picture, problem, path_data, tuple(details))


def _read_picture(sample: Sample, images: Path) -> tuple[EmbeddedImage | None, str]:
    """Read the reduced image of a sample; returns None and a reason if it cannot be shown, else an empty reason."""
    try:
        image = load_image(locate_image(images, sample.image, sample.id), sample.id)
    except BadRecord as bad:
        return None, bad.problem
    return embed_image(image, MAX_SIDE_PX), ""


def _make_lines(sample: Sample) -> list[CaptionLine]:
    """The captions of a sample, gold first. Without known elements, words not in the gold caption are marked."""
    has_elements = bool(sample.gold.relation or sample.gold.scene)
    lines = [CaptionLine("gold", split_caption(sample.gold, None))]
    for negative in sample.negatives:
        if has_elements:
            lines.append(CaptionLine(negative.part, split_caption(negative.caption, negative.part)))
        else:
            kind = negative.part if len(sample.negatives) > 1 else "negative"
            lines.append(CaptionLine(kind, _mark_difference(sample.gold.text, negative.caption.text)))
    return lines


def _mark_difference(gold: str, text: str) -> tuple[tuple[str, bool], ...]:
    """Split a negative into up to three pieces: words shared with the gold caption, replaced words, shared words."""
    words = text.split()
    start, suffix = count_common_words(gold, text)
    end = len(words) - suffix
    pieces = ((words[:start], False), (words[start:end], True), (words[end:], False))
    return tuple((" ".join(piece), is_replaced) for piece, is_replaced in pieces if piece)
