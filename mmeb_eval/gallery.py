"""Samples as a page shows them: the picture, its box, the ten captions, and which one each model put first."""

from __future__ import annotations

import base64
import heapq
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal, TypeAlias

from mmeb_eval.data import TaskFiles, scar_folder, sha256
from mmeb_eval.images import open_rgb
from mmeb_eval.results import Result
from scar.parquet import read
from scar.sample import Box, Caption, Part, Sample

Kind: TypeAlias = Literal["gold"] | Part

LARGEST_SIDE = 480
"""Pixels to which an embedded picture is reduced; the box keeps the coordinates of the original."""


@dataclass(frozen=True, slots=True)
class Line:
    """A caption.

    Attributes:
        kind: gold, or the part in which it differs from it.
        pieces: its elements, each with whether it was replaced.
        chosen_by: models that put it first.
    """

    kind: Kind
    pieces: tuple[tuple[str, bool], ...]
    chosen_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A sample.

    Attributes:
        id: of the sample.
        task: that asks it.
        category: of the thing in the box.
        image: the picture as a ``data:`` URI.
        width: of the original in pixels; so is `height`.
        height: see `width`.
        box: in pixels of the original.
        lines: the captions, gold first.
        ranks: (model, rank of the gold caption), 1 = best.
    """

    id: str
    task: str
    category: str
    image: str
    width: int
    height: int
    box: Box
    lines: tuple[Line, ...]
    ranks: tuple[tuple[str, int], ...]


def cards(results: Sequence[Result], corpora: Sequence[Path], count: int, seed: int) -> list[Card]:
    """Draw samples from the evaluation files of SCaR folders; all are equally likely.

    Args:
        results: their ranks are shown where the result was computed on the very file that the sample is in.
        corpora: SCaR folders.
        count: most samples to draw.
        seed: of the draw.

    Raises:
        ScarError: a folder or a row that cannot be used.
        DataError: a picture that cannot be opened.
    """
    drawn = heapq.nsmallest(
        count,
        enumerate(_questions(corpora)),
        key=lambda entry: Random(f"{seed}/{entry[1].sample.id}").random(),  # noqa: S311 - a draw, not a secret
    )
    hashes = {file: sha256(file) for _, question in drawn for file in question.files.files}
    return [_card(question, _answers(question, results, hashes)) for _, question in sorted(drawn, key=lambda e: e[0])]


@dataclass(frozen=True, slots=True)
class _Question:
    """A sample and where it stands in its task."""

    files: TaskFiles
    number: int
    sample: Sample


def _questions(corpora: Sequence[Path]) -> Iterator[_Question]:
    """Every evaluation sample, in the order in which the evaluator asks them."""
    for corpus in corpora:
        tasks = {files.task.source: files for files in scar_folder(corpus)}
        numbers: Counter[str] = Counter()
        for sample in read(corpus):
            if sample.split == "eval" and sample.source in tasks:
                yield _Question(tasks[sample.source], numbers[sample.source], sample)
                numbers[sample.source] += 1


def _answers(question: _Question, results: Sequence[Result], hashes: dict[Path, str]) -> list[tuple[str, int, int]]:
    """(model, rank of gold, index of the first) of the results that belong to the question's files."""
    files = {file.name: hashes[file] for file in question.files.files}
    return [
        (result.model, result.ranks[question.number], result.top[question.number][0])
        for result in results
        if result.task == question.files.task.name and result.settings.get("files") == files
    ]


def _card(question: _Question, answers: Sequence[tuple[str, int, int]]) -> Card:
    sample = question.sample
    texts = tuple(dict.fromkeys(sample.captions))  # equal captions are one candidate
    captions: list[tuple[Kind, Caption]] = [("gold", sample.gold)]
    captions += [(negative.part, negative.caption) for negative in sample.negatives]
    lines = tuple(
        Line(kind, _pieces(kind, caption), tuple(model for model, _, top in answers if texts[top] == caption.text))
        for kind, caption in captions
    )
    image, width, height = _embedded(question.files.images / sample.image)
    return Card(
        id=sample.id,
        task=question.files.task.name,
        category=sample.region.category,
        image=image,
        width=width,
        height=height,
        box=sample.region.box,
        lines=lines,
        ranks=tuple((model, rank) for model, rank, _ in answers),
    )


def _pieces(kind: Kind, caption: Caption) -> tuple[tuple[str, bool], ...]:
    """The elements in the order of the text; without provenance the whole caption is one, and none is marked."""
    elements: list[tuple[Kind, str]] = [
        ("object", caption.object),
        ("relation", caption.relation),
        ("scene", caption.scene),
    ]
    known = bool(caption.relation or caption.scene)
    return tuple((text, known and part == kind) for part, text in elements if text)


def _embedded(path: Path) -> tuple[str, int, int]:
    """A picture as a data URI, and the size of the original."""
    image = open_rgb(path)
    width, height = image.size
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", width, height
