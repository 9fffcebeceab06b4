"""Check every row and image of a SCaR folder: of a build of scar, or of the published corpus."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.common.images import locate_image
from scar.common.pixels import decode_image
from scar.common.progress import Track, track_silently
from scar.errors import BadRecord, InputError
from scar.formats.corpus_files import iter_folder_problems
from scar.formats.reader import RowFile, find_parquet_files, find_schema_problems, make_row_file
from scar.formats.row_codec import region_from_row, sample_from_row
from scar.formats.row_frame import RowFrame
from scar.run_lengths import decode_full_runs
from scar.sample import NEGATIVES_PER_PART, PARTS, REASONS, Caption, Mask, Negative, Region, Split

EXAMPLES_PER_KIND = 3
"""Most problems of one kind that are reported one by one; the others are only counted."""

BOX_TOLERANCE = 1e-3
"""Pixels by which a box may reach beyond its image, since other programs round boxes after they clip them."""

_TEXT_COLUMNS: dict[Split, tuple[str, ...]] = {
    "eval": ("qry_text", "qry_image_path", "category"),
    "train": ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path", "category"),
}


@dataclass
class Findings:
    """The problems that a check of a folder found.

    Attributes:
        files: number of files of rows, without their provenance files.
        rows: number of rows that were checked; rows of a file with a problem of its columns are not.
        counts: number of problems by kind; see `check_folder`.
        examples: the first problems of each kind, each with its file and row.
    """

    files: int = 0
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add_problem(self, kind: str, where: str, problem: str) -> None:
        """Count a problem, and keep it as an example if its kind has fewer than `EXAMPLES_PER_KIND`.

        Args:
            kind: kind of the problem, see `check_folder`.
            where: file and row.
            problem: what is wrong.
        """
        self.counts[kind] += 1
        if len(self.examples[kind]) < EXAMPLES_PER_KIND:
            self.examples[kind].append(f"{where}: {problem}")

    def iter_report_lines(self) -> Iterator[str]:
        """Yield the report as lines: the problems of each kind, then the totals."""
        for kind, count in sorted(self.counts.items()):
            yield f"{kind}: {count}"
            yield from (f"  {example}" for example in self.examples[kind])
        verdict = f"{self.counts.total()} problems" if self.counts else "no problems"
        yield f"{self.files} files, {self.rows} rows: {verdict}"

    def to_json(self) -> dict[str, Any]:
        """The findings as a dictionary for JSON.

        Its keys are ``files``, ``rows`` and ``problems``: by kind, their ``count``, and their examples as ``first``.
        """
        problems = {kind: {"count": count, "first": self.examples[kind]} for kind, count in self.counts.items()}
        return {"files": self.files, "rows": self.rows, "problems": problems}


def check_folder(
    folder: Path,
    images: Path | None = None,
    track: Track = track_silently,
    missing_images: Collection[str] = frozenset(),
) -> Findings:
    """Check every row and every image of a folder.

    Args:
        folder: holds parquet files of the published formats, anywhere below it.
        images: folder that image paths are relative to; None means ``folder``.
        track: shows progress.
        missing_images: paths of images that are known to be missing; rows with these images are checked without them.

    Returns:
        Problems by kind: ``schema`` (columns), ``value`` (missing or of wrong shape), ``captions`` (not ten distinct
        texts; positive equal to negative), ``box`` (no area or beyond the image), ``mask`` (of another size, damaged
        or empty), ``image`` (missing, damaged or outside of the folder), ``provenance`` (differs from the row, has
        another number of rows, is of two builds, or has no rows), ``files`` (two files of one source and split, or a
        copy), ``rows`` (a file without any) and ``report`` (``build_report.json`` is of other files).

    Raises:
        InputError: there is no such folder, it has no file of rows, a pull into it has not ended, or its
            ``build_report.json`` is no build report.
    """
    findings = Findings()
    sizes = _ImageSizes(images or folder, missing_images)
    files = []
    for path in find_parquet_files(folder):
        findings.files += 1
        problems = find_schema_problems(path)
        for problem in problems:
            findings.add_problem("schema", path.name, problem)
        if problems:
            continue
        try:
            files.append(make_row_file(path, folder))
        except InputError as error:
            findings.add_problem("provenance", path.name, str(error))
            continue
        _check_file(files[-1], sizes, findings, track)
    for kind, path, problem in iter_folder_problems(folder, files):
        findings.add_problem(kind, path.relative_to(folder).as_posix(), problem)
    return findings


class _ImageSizes:
    """Reads the sizes of images; each image is decoded once."""

    def __init__(self, root: Path, missing: Collection[str]) -> None:
        self.root = root
        self.missing = missing
        self._sizes: dict[str, tuple[int, int] | BadRecord] = {}

    def read_size(self, file: str, where: str) -> tuple[int, int]:
        """Width and height of an image as displayed, in pixels.

        Args:
            file: path of the image below the image folder.
            where: file and row, for messages.

        Raises:
            BadRecord: the image is missing, damaged or outside of the folder.
        """
        if file not in self._sizes:
            try:
                self._sizes[file] = decode_image(locate_image(self.root, file, where), where)
            except BadRecord as bad:
                self._sizes[file] = bad
        size = self._sizes[file]
        if isinstance(size, BadRecord):
            raise size
        return size


def _check_file(file: RowFile, images: _ImageSizes, findings: Findings, track: Track) -> None:
    ids: set[str | None] = set()
    try:
        frame = file.open_frame(images.root)
        for number, (row, note) in enumerate(track(file.iter_rows(), file.path.name, file.rows)):
            findings.rows += 1
            where = f"{file.path.name}, row {number}"
            for kind, problem in _find_row_problems(row, note, file, number, images, frame, where):
                findings.add_problem(kind, where, problem)
            if note is not None:
                if note.get("id") in ids:
                    findings.add_problem("provenance", where, f"a second sample has the id {note.get('id')!r}")
                ids.add(note.get("id"))
    except InputError as error:
        findings.add_problem("provenance" if file.sidecar else "schema", file.path.name, str(error))


def _find_row_problems(
    row: dict[str, Any],
    note: dict[str, Any] | None,
    file: RowFile,
    number: int,
    images: _ImageSizes,
    frame: RowFrame,
    where: str,
) -> Iterator[tuple[str, str]]:
    """Yield the kind and the description of each problem of one row.

    Args:
        row: the row.
        note: row of the provenance; None without a sidecar.
        file: the file of the row.
        number: index of the row in the file.
        images: reads the sizes of images.
        frame: turns the region into the displayed frame.
        where: file and row, for messages.
    """
    missing = [name for name in _TEXT_COLUMNS[file.split] if row[name] is None]
    missing += [name for name in ("bbox", "image_id") if row[name] is None]
    for name in missing:
        yield "value", f"{name} is missing"
    if missing:
        return
    yield from _find_caption_problems(row, file.split)
    try:
        region = region_from_row(row, number)
    except ValueError as error:
        yield "value", str(error)
        return
    if note is not None:
        yield from _find_provenance_problems(row, note, file, number)
    if row["qry_image_path"] in images.missing:
        return
    try:
        size = images.read_size(row["qry_image_path"], where)
    except BadRecord as bad:
        yield "image", bad.problem
        return
    try:
        region = frame.turn_region(region, row["qry_image_path"])
    except InputError as error:
        yield "mask", str(error)
        return
    yield from _find_region_problems(region, *size)


def _find_caption_problems(row: dict[str, Any], split: Split) -> Iterator[tuple[str, str]]:
    if split == "train":
        if row["pos_text"] == row["neg_text"]:
            yield "captions", f"positive and negative are both {row['pos_text']!r}"
        texts = [row["pos_text"], row["neg_text"]]
    else:
        texts = row["tgt_text"] or []
        wanted = 1 + NEGATIVES_PER_PART * len(PARTS)
        if len(texts) != wanted:
            yield "captions", f"{len(texts)} captions, not {wanted}"
        repeated = [text for text, count in Counter(texts).items() if count > 1]
        if repeated:
            yield "captions", f"{repeated[0]!r} stands in it more than once"
    if not all(text and text.strip() for text in texts):
        yield "captions", "a caption is empty"


def _find_provenance_problems(
    row: dict[str, Any], note: dict[str, Any], file: RowFile, number: int
) -> Iterator[tuple[str, str]]:
    """Yield the kind and the description of each difference between the provenance and the row."""
    try:
        sample = sample_from_row(row, note, file.source, file.split, number)
    except ValueError as error:
        yield "provenance", str(error)
        return
    parts = [part for part in PARTS for _ in range(NEGATIVES_PER_PART)]
    if [negative.part for negative in sample.negatives] != parts:
        yield "provenance", f"its negatives are not {NEGATIVES_PER_PART} of each of {', '.join(PARTS)}"
    elif any(not _differs_in_its_part(negative, sample.gold) for negative in sample.negatives):
        yield "provenance", "a negative differs from the gold caption in another part than it says"
    if sample.reason not in (None, *REASONS):
        yield "provenance", f"its reason {sample.reason!r} is none of {', '.join(REASONS)}"
    if note.get("id") != sample.id:
        yield "provenance", f"its id {note.get('id')!r} is not {sample.id!r}"
    if file.split == "train":
        if row["pos_text"] != sample.gold.text:
            yield "provenance", f"its gold is {sample.gold.text!r}, the row's {row['pos_text']!r}"
        if row["neg_text"] not in sample.captions[1:]:
            yield "provenance", f"the row's negative {row['neg_text']!r} is none of its nine"
    elif tuple(row["tgt_text"] or ()) != sample.captions:
        yield "provenance", f"its captions are not the row's, gold first ({sample.gold.text!r})"


def _differs_in_its_part(negative: Negative, gold: Caption) -> bool:
    """Whether the negative differs from the gold caption in the part that it says it replaces, and in no other part."""
    value = getattr(negative.caption, negative.part)
    return bool(value != getattr(gold, negative.part)) and negative.caption == gold.swap(negative.part, value)


def _find_region_problems(region: Region, width: int, height: int) -> Iterator[tuple[str, str]]:
    box, mask = region.box, region.mask
    shown = f"box ({', '.join(f'{value:g}' for value in box.xywh)})"
    if not box.area > 0:
        yield "box", f"{shown} has no area"
    elif not (
        box.x0 >= -BOX_TOLERANCE
        and box.y0 >= -BOX_TOLERANCE
        and box.x1 <= width + BOX_TOLERANCE
        and box.y1 <= height + BOX_TOLERANCE
    ):
        yield "box", f"{shown} reaches beyond the {width}x{height} image"
    if mask is not None:
        yield from _find_mask_problems(mask, width, height)


def _find_mask_problems(mask: Mask, width: int, height: int) -> Iterator[tuple[str, str]]:
    if mask.size != (height, width):
        yield "mask", f"its size {list(mask.size)} is not the image's height and width [{height}, {width}]"
        return
    try:
        if not decode_full_runs(mask.counts, mask.size)[1::2].any():
            yield "mask", "it covers no pixel"
    except ValueError as error:
        yield "mask", f"its counts: {error}"
