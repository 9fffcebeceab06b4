"""Turns the rows of a task into `Case`s, as the fields of the `Task` say; the task's name plays no part."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mmeb_eval.data.files import COLUMNS, Row, RowFormat, TaskFiles, find_row_format, is_file, iter_rows
from mmeb_eval.data.images import read_image_header
from mmeb_eval.item import Item, Prompt
from mmeb_eval.templates import apart
from mmeb_eval.templates.fused import Layout, fill_image_token, make_candidate_text, make_query_text
from mmeb_eval.templates.instructions import rewrite_instruction
from scar.common.files import describe_missing, is_inside
from scar.common.orientation import turn_box
from scar.errors import DataError
from scar.formats.row_frame import RowFrame, open_row_frame
from scar.sample import Box

MAX_PIXELS_BEYOND = 0.01
"""Number of pixels beyond its image that a box may reach as if by rounding: COCO's numbers have two decimals."""

FindImage: TypeAlias = Callable[[str, str, object], Path]
"""Function from (file and row, column, value of the column) to the image file; raises `DataError` if there is none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One query and its candidates.

    Attributes:
        query: the query.
        candidates: the candidates, in the order of the data, with repeats.
        gold: index of the right candidate in ``candidates``; 0, as the data list it first.
        query_digest: digest of the query's columns in the row; the same for every model, layout and data folder.
        candidates_digest: digest of the candidates' columns, likewise.
        where: ``<file>, row <number from 0>``, for error messages.
        is_box_beyond: whether the row's box reaches beyond its image, by more than `MAX_PIXELS_BEYOND`.
    """

    query: Item
    candidates: tuple[Item, ...]
    gold: int
    query_digest: str
    candidates_digest: str
    where: str
    is_box_beyond: bool = False


def read_cases(
    files: TaskFiles,
    layout: Layout,
    *,
    box_as_prompt: bool,
    box_in_text: bool | None = None,
    prompts: Sequence[Prompt | None] | None = None,
    instruction_probe: str | None = None,
) -> Iterator[Case]:
    """Yield a case for each row of a task, in the order of the rows.

    As in the official evaluator, candidates that agree in the parts named by `Task.key` are one item, whichever rows
    they are in: the first of them in the data.

    Args:
        files: the task and its data.
        layout: layout of the model.
        box_as_prompt: whether the queries of a SCaR task get the row's box as their prompt.
        box_in_text: whether their texts name the box; None means that they do if the box is no prompt or the layout is
            exact.
        prompts: a prompt for each row, which replaces the row's box; rows with None are left out. None keeps the boxes.
        instruction_probe: what queries get for the row's instruction, a key of
            `mmeb_eval.templates.instructions.INSTRUCTION_PROBES`; None keeps it.

    Raises:
        DataError: a file cannot be read, a row has the wrong shape, or an image is missing or outside the image folder;
            the message names file, row, column and value.
        InputError: some files of a SCaR task say that their boxes are in the displayed frame, and others do not.
    """
    if box_in_text is None:
        box_in_text = layout.exact or not box_as_prompt
    reader = CaseReader(files, find_row_format(files), layout, box_as_prompt=box_as_prompt, box_in_text=box_in_text)
    reader.instruction_probe = instruction_probe
    for number, (where, row) in enumerate(iter_rows(files)):
        if prompts is None:
            yield reader.read_case(where, row)
        elif (prompt := prompts[number]) is not None:
            yield reader.read_case(where, row, prompt)


class ImageFinder:
    """Finds the image files that the rows of a task name; each path is looked up once."""

    def __init__(self, files: TaskFiles) -> None:
        self._root = files.image_root
        self._searched = " or ".join(str(each.absolute()) for each in files.searched or (files.image_root,))
        self._found: dict[str, Path] = {}

    def __call__(self, where: str, column: str, relative: object) -> Path:
        """The image file that a path in the data names; links below the image folder are followed wherever they lead.

        Args:
            where: file and row, for error messages.
            column: name of the column that holds the path, for error messages.
            relative: the value of that column, a path relative to the task's image root.

        Raises:
            DataError: the value is no path, there is no such file, or the path is absolute or leaves the image folder.
        """
        if not isinstance(relative, str) or not relative:
            raise DataError(f"{where}: {column} = {relative!r} is no image path.")
        if relative not in self._found:
            path = self._root / relative
            if Path(relative).is_absolute() or not is_inside(path, self._root, resolve_links=False):
                raise DataError(f"{where}: {column} = {relative!r} leaves the image folder {self._root}.")
            if not is_file(path):
                hint = f"; {path} {problem}" if "link" in (problem := describe_missing(path)) else ""
                raise DataError(f"{where}: {column} = {relative!r}: no such file below {self._searched}{hint}.")
            self._found[relative] = path
        return self._found[relative]


class CaseReader:
    """Makes cases from rows. It keeps each candidate: a later row that lists an equal one gets the same item.

    Args:
        files: the task and its data.
        format: format of the rows.
        layout: layout of the model.
        box_as_prompt: see `read_cases`.
        box_in_text: see `read_cases`.
        find_image: finds the image file of a path in a row; None means an `ImageFinder`.

    Raises:
        InputError: see `open_frame`.
    """

    def __init__(
        self,
        files: TaskFiles,
        format: RowFormat,
        layout: Layout,
        *,
        box_as_prompt: bool,
        box_in_text: bool,
        find_image: FindImage | None = None,
    ) -> None:
        self.task = files.task
        self.format = format
        self.layout = layout
        self.box_as_prompt = box_as_prompt
        self.box_in_text = box_in_text
        self._find_image = find_image or ImageFinder(files)
        self.instruction_probe: str | None = None
        self._frame = open_frame(files) if format == "SCaR" else None
        self._clips_boxes = files.regions is not None
        self._sizes: dict[Path, tuple[int, int] | None] = {}
        self.candidates_by_key: dict[Hashable, Item] = {}
        targets = [column for column in COLUMNS[format] if column.startswith("tgt_")]
        self.query_columns = [column for column in COLUMNS[format] if column not in targets]
        self.candidate_columns = ["tgt_text"] if format == "instruct" and self.task.candidates == "text" else targets

    def read_case(self, where: str, row: Row, prompt: Prompt | None = None) -> Case:
        """Make the case of one row.

        Args:
            where: file and row, for error messages.
            row: the row.
            prompt: replaces the box of a SCaR row; None keeps the box. Rows of MMEB have no box and ignore it.

        Raises:
            DataError: a value has the wrong shape, or ``find_image`` raised the error.
        """
        keys: Sequence[Hashable]
        is_box_beyond = False
        if self.format == "joined":
            query, keys = self._read_joined_query(where, row), self._add_joined_candidates(where, row)
        else:
            scar = self.format == "SCaR"
            if scar:
                query, is_box_beyond = self._read_region_query(where, row, prompt)
            else:
                query = self._read_query(where, row)
            texts_alone = self.task.candidates == "text"
            keys = self._add_text_candidates(where, row) if texts_alone else self._add_image_candidates(where, row)
        return Case(
            query,
            tuple(self.candidates_by_key[key] for key in keys),
            gold=0,
            query_digest=_digest_columns(row, self.query_columns),
            candidates_digest=_digest_columns(row, self.candidate_columns),
            where=where,
            is_box_beyond=is_box_beyond,
        )

    def _read_region_query(self, where: str, row: Row, prompt: Prompt | None) -> tuple[Item, bool]:
        """Make the query of a SCaR row: image, prompt and text; and whether its box reaches beyond the image."""
        is_beyond = False
        box_of_row = read_box(where, row, self._frame) if prompt is None else None
        text = self._rewrite(_read_text(where, row, "qry_text"))
        image = self._find_image(where, "qry_image_path", row["qry_image_path"])
        if box_of_row is not None:
            prompt, is_beyond = self._fit_box(where, box_of_row, image)
        box = prompt if self.box_in_text and isinstance(prompt, Box) else None
        if not self.box_as_prompt:
            prompt = None
        if self.layout.apart:
            return apart.make_region_query(text, image, prompt, box), is_beyond
        whole = make_query_text(self.layout, self.task.join, "", text, end=self.task.query_end, box=box)
        return Item(text=whole, image=image, prompt=prompt), is_beyond

    def _fit_box(self, where: str, box: Box, image: Path) -> tuple[Box, bool]:
        """The box of a row, and whether it reaches beyond its image; in a user's own rows, it is cut to the image.

        In rows of SCaR it stays as it is, as the official texts name it so.

        Raises:
            DataError: no part of the box lies in the image.
        """
        if image not in self._sizes:
            self._sizes[image] = None  # what is missing or broken is told elsewhere
            with suppress(DataError):
                self._sizes[image] = read_image_header(image).size
        size = self._sizes[image]
        if size is None:
            return box, False
        inside = box.intersection(Box(0, 0, *size))
        if not inside.area:
            raise DataError(
                f"{where}: the box {[box.x0, box.y0, box.x1, box.y1]} (two corners) lies outside its image, which has "
                f"{size[0]} x {size[1]} pixels; mend or remove the row."
            )
        beyond = max(inside.x0 - box.x0, inside.y0 - box.y0, box.x1 - inside.x1, box.y1 - inside.y1)
        return inside if self._clips_boxes else box, beyond > MAX_PIXELS_BEYOND

    def _read_query(self, where: str, row: Row) -> Item:
        """Make the query of an MMEB row: instruction, text and image."""
        has_image = self.task.query != "text"
        no_text = has_image and row["qry_text"] is None  # here, the official code takes a missing text for an empty one
        text = "" if no_text else _read_text(where, row, "qry_text")
        instruction = self._rewrite(_read_text(where, row, "qry_inst"))
        image = self._find_image(where, "qry_img_path", row["qry_img_path"]) if has_image else None
        if self.layout.apart:
            return apart.make_query(instruction, text, image)
        whole = make_query_text(self.layout, self.task.join, instruction, text, end=self.task.query_end)
        return Item(text=whole, image=image)

    def _rewrite(self, instruction: str) -> str:
        """The instruction that the query gets: the row's own, or that of the probe."""
        return rewrite_instruction(instruction, self.instruction_probe) if self.instruction_probe else instruction

    def _read_joined_query(self, where: str, row: Row) -> Item:
        """Make the query of a row of the format ``joined``: text and image; an empty path means no image.

        Raises:
            DataError: the layout or a probe wants the instruction apart, which such a row does not tell from the text.
        """
        if self.layout.apart or self.instruction_probe:
            raise DataError(
                f"{where}: instruction and text are one string here, and must be told apart for this model or probe; "
                f"`mmeb-eval fetch` brings {self.task.dataset}, which has both."
            )
        return self._make_joined_item(where, _read_text(where, row, "qry_text"), "qry_img_path", row["qry_img_path"])

    def _add_joined_candidates(self, where: str, row: Row) -> list[tuple[str, str]]:
        """Add the candidates of a row of the format ``joined``; return their keys, pairs of text and path.

        If the column of texts holds an empty string and not a list, the candidates are images without texts.
        """
        paths = _read_texts(where, row, "tgt_img_path")
        texts = [""] * len(paths) if row["tgt_text"] == "" else _read_texts(where, row, "tgt_text")
        if len(texts) != len(paths):
            raise DataError(f"{where}: {len(texts)} values in tgt_text but {len(paths)} in tgt_img_path.")
        keys = list(zip(texts, paths, strict=True))
        for text, path in keys:
            if (text, path) not in self.candidates_by_key:
                self.candidates_by_key[text, path] = self._make_joined_item(where, text, "tgt_img_path", path)
        return keys

    def _make_joined_item(self, where: str, text: str, column: str, path: object) -> Item:
        """Make an item of a text that needs no joining, and of its image if the path is not empty."""
        image = None if path == "" else self._find_image(where, column, path)
        return Item(text=fill_image_token(self.layout, text), image=image)

    def _add_text_candidates(self, where: str, row: Row) -> list[str]:
        """Add the row's candidate texts; return their keys, the texts themselves."""
        texts = _read_texts(where, row, "tgt_text")
        for text in texts:
            if text not in self.candidates_by_key:
                self.candidates_by_key[text] = apart.make_candidate(text) if self.layout.apart else Item(text=text)
        return texts

    def _add_image_candidates(self, where: str, row: Row) -> list[str]:
        """Add the row's candidate images, with their texts if the first one has a text; return their keys."""
        paths = _read_texts(where, row, "tgt_img_path")
        may_lack_texts = self.layout.apart and self.task.key == "image"  # as in the parsers of such models
        texts = [] if may_lack_texts and row["tgt_text"] == [] else _read_texts(where, row, "tgt_text")
        without_texts = not texts or not texts[0].strip()
        if len(texts) != len(paths) and not (without_texts and self.task.key == "image"):
            raise DataError(f"{where}: {len(texts)} values in tgt_text but {len(paths)} in tgt_img_path.")
        instruction = _read_text(where, row, "tgt_inst")
        keys = []
        for index, path in enumerate(paths):
            text = None if without_texts else texts[index]
            key = path if self.task.key == "image" else f"{path}:" + (text or "").strip('"')
            if key not in self.candidates_by_key:
                image = self._find_image(where, "tgt_img_path", path)
                if self.layout.apart:
                    item = apart.make_candidate(apart.select_text(texts, index, self.task.key), image)
                else:
                    item = Item(make_candidate_text(self.layout, instruction, text, bare_end=self.task.bare_end), image)
                self.candidates_by_key[key] = item
            keys.append(key)
        return keys


def open_frame(files: TaskFiles) -> RowFrame:
    """What turns the boxes of a SCaR task's rows into the displayed frame; see `scar.formats.row_frame`.

    Raises:
        InputError: some files say that their boxes are in the displayed frame, and others do not.
    """
    return open_row_frame(files.paths, files.image_root)


def read_box(where: str, row: Row, frame: RowFrame | None) -> Box:
    """The box of a SCaR row, in pixels of the displayed image; it is not cut to the image.

    The row's column ``bbox`` holds x and y of the top left corner, width and height.

    Args:
        where: file and row, for error messages.
        row: the row.
        frame: turns the box into the displayed frame, if it finds the image; None leaves it in the frame of the row.

    Raises:
        DataError: the column does not hold four finite numbers.
    """
    values = row["bbox"]
    numbers = isinstance(values, list) and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    if not numbers or len(values) != 4:
        raise DataError(f"{where}: bbox = {values!r}: expected four finite numbers x, y, width, height.")
    box = Box.from_xywh(*values)
    mask = row.get("segmentation")
    header = frame and frame.find_turn(row["qry_image_path"], mask and mask["size"])
    return turn_box(box, header.stored_size, header.orientation) if header else box


def _digest_columns(row: Row, columns: Sequence[str]) -> str:
    """Digest of a row's values in some columns."""
    values = json.dumps([row[column] for column in columns], default=repr)
    return hashlib.blake2b(values.encode(), digest_size=16).hexdigest()


def _read_text(where: str, row: Row, column: str) -> str:
    """The text in a column."""
    value = row[column]
    if not isinstance(value, str):
        raise DataError(f"{where}: {column} = {value!r} is not a text.")
    _refuse_surrogates(where, column, value)
    return value


def _read_texts(where: str, row: Row, column: str) -> list[str]:
    """The list of texts in a column; it must hold at least one."""
    values: Any = row[column]
    if not isinstance(values, list) or not values:
        raise DataError(f"{where}: {column} = {values!r}: expected a list of texts, the right candidate first.")
    for value in values:
        if not isinstance(value, str):
            raise DataError(f"{where}: {column} holds {value!r}, which is not a text.")
        _refuse_surrogates(where, column, value)
    return values


def _refuse_surrogates(where: str, column: str, text: str) -> None:
    """Check that a text can be written as UTF-8: JSON can hold half of a pair of surrogates, which is no character.

    Raises:
        DataError: it cannot.
    """
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: {column} = {text[: error.end]!r:.80}: character {error.start} is half of a surrogate pair, "
            "which no model can read; write the whole character."
        ) from None
