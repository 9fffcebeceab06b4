"""A sheet of samples to look at: image, box and mask, the ten captions by kind, and where they come from."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from scar.audit.lineage import find_replaced_words
from scar.common.files import write_text
from scar.common.html import EmbeddedImage, embed_image, render_page, split_caption, trace_outline
from scar.common.images import FORMATS, decode_image, locate_image
from scar.common.progress import Track, track_silently
from scar.errors import BadRecord, InputError
from scar.formats.reader import RowFile, find_row_files
from scar.sample import Sample, Split

SAMPLES_PAGE = "show.html"

MAX_SIDE_PX = 480
"""Pixels to which a picture is reduced; box and mask keep the coordinates of the original."""


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """A caption.

    Attributes:
        kind: gold, the part in which it differs from that, or ``negative`` where no one wrote that down.
        pieces: its parts in order, each with whether it was replaced.
    """

    kind: str
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class SampleCard:
    """A sample as the sheet shows it.

    Attributes:
        sample: the sample.
        lines: its captions, gold first.
        picture: its image; None if it cannot be shown.
        problem: why it cannot.
        outline: path data of its mask's edge; empty without a mask.
        facts: names and values of what else is known of it.
    """

    sample: Sample
    lines: tuple[CaptionLine, ...]
    picture: EmbeddedImage | None
    problem: str
    outline: str
    facts: tuple[tuple[str, str], ...]


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
    """Write a sheet of samples: one HTML file that needs no network and no other file.

    Args:
        folder: a SCaR folder, ours or the published one.
        out: the page; ``show.html`` in the folder by default.
        count: how many samples, as many of each file as of any other where it has them.
        seed: draws them.
        source: only samples of this source.
        split: only samples of this split.
        images: what image paths are relative to, if it is not the folder.
        track: shows progress.

    Returns:
        What the sheet shows.

    Raises:
        InputError: the folder holds no such file, or one cannot be read.
    """
    every = find_row_files(folder)
    files = [file for file in every if source in (None, file.source) and split in (None, file.split)]
    if not files:
        there = ", ".join(f"{file.source}/{file.split}" for file in every)
        raise InputError(f"{folder}: no samples of {source or 'any source'}/{split or 'any split'}; it has {there}.")
    drawn = [(file, number) for file, numbers in _draw_rows(files, count, seed) for number in numbers]
    rows = (row for file, numbers in _draw_rows(files, count, seed) for row in file.iter_samples_at(numbers))
    cards = [_make_card(sample, note, images or folder) for sample, note in track(rows, "samples", len(drawn))]
    page = render_page(
        "samples.html",
        Path(__file__).parent,
        cards=cards,
        folder=folder.resolve().name,
        seed=seed,
        rows=sum(f.rows for f in files),
    )
    write_text(page, out or folder / SAMPLES_PAGE)
    return cards


def _draw_rows(files: Sequence[RowFile], count: int, seed: int) -> list[tuple[RowFile, list[int]]]:
    """So many rows, evenly over the files as far as they go; of each file without repetition, in order."""
    shares = [0] * len(files)
    while sum(shares) < count and any(share < file.rows for share, file in zip(shares, files, strict=True)):
        for place, file in enumerate(files):
            if shares[place] < file.rows and sum(shares) < count:
                shares[place] += 1
    return [
        (file, sorted(Random(f"{seed}/{file.source}/{file.split}").sample(range(file.rows), share)))  # noqa: S311 - a draw, not a secret
        for file, share in zip(files, shares, strict=True)
    ]


def _make_card(sample: Sample, note: dict[str, Any] | None, images: Path) -> SampleCard:
    """What is shown of a sample."""
    picture, problem = _read_picture(sample, images)
    mask = sample.region.mask
    edge = ""
    if mask is not None and picture is not None:
        if mask.size == (picture.height, picture.width):
            edge = trace_outline(mask, MAX_SIDE_PX)
        else:
            problem = f"its mask is of an image of {mask.size[1]} x {mask.size[0]} pixels, so it is not drawn"
    width, height = (round(side) for side in sample.region.box.xywh[2:])
    facts = [("image", sample.image), ("box", f"{width} x {height} pixels")]
    if note is not None:
        facts += [("generator", f"{note['generator']} {note['generator_version']}"), ("seed", str(note["seed"]))]
        facts += [("licence", note["licence"])] if note["licence"] else []
    return SampleCard(sample, tuple(_make_lines(sample)), picture, problem, edge, tuple(facts))


def _read_picture(sample: Sample, images: Path) -> tuple[EmbeddedImage | None, str]:
    """The image, or why there is none."""
    from PIL import Image

    try:
        path = locate_image(images, sample.image, sample.id)
        decode_image(path, sample.id)
    except BadRecord as bad:
        return None, bad.problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata harms nobody
        with Image.open(path, formats=FORMATS) as image:
            return embed_image(image, MAX_SIDE_PX), ""


def _make_lines(sample: Sample) -> list[CaptionLine]:
    """Its captions; where the elements are not known, the words that differ from the gold caption are the swap."""
    known = bool(sample.gold.relation or sample.gold.scene)
    lines = [CaptionLine("gold", split_caption(sample.gold, None))]
    for negative in sample.negatives:
        if known:
            lines.append(CaptionLine(negative.part, split_caption(negative.caption, negative.part)))
        else:
            kind = negative.part if len(sample.negatives) > 1 else "negative"
            lines.append(CaptionLine(kind, _mark_difference(sample.gold.text, negative.caption.text)))
    return lines


def _mark_difference(gold: str, text: str) -> tuple[tuple[str, bool], ...]:
    """A text in up to three pieces: what it shares with the gold caption before and after the words it replaces."""
    _, new = find_replaced_words(gold, text)
    words, start = text.split(), 0
    mine = gold.split()
    while start < min(len(words), len(mine)) and words[start] == mine[start]:
        start += 1
    end = start + len(new.split())
    parts = ((words[:start], False), (words[start:end], True), (words[end:], False))
    return tuple((" ".join(part), replaced) for part, replaced in parts if part)
