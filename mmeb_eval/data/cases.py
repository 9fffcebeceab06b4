"""Rows -> `Case`s, driven by the columns of the `Task` and never by its name."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mmeb_eval.data.files import COLUMNS, Format, Row, TaskFiles, is_file, row_format, rows
from mmeb_eval.embedder import Item, Prompt
from mmeb_eval.templates.fused import Layout, candidate_text, joined_text, query_text
from scar.errors import DataError
from scar.sample import Box

Locate: TypeAlias = Callable[[str, str, object], Path]
"""(place of the row, column, what the column says) -> the image's file; raises `DataError` if there is none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question.

    Attributes:
        query: what is asked.
        candidates: what is ranked, in the order of the data and as often as they list it; equal keys are equal items.
        gold: index of the right one.
        asked: digest of the query as the data have it: equal for every model and layout, and wherever the data lie.
        listed: likewise of its candidates.
        place: file and row, for messages.
    """

    query: Item
    candidates: tuple[Item, ...]
    gold: int
    asked: str
    listed: str
    place: str


def read(
    files: TaskFiles,
    layout: Layout,
    *,
    shows_box: bool,
    tells_box: bool | None = None,
    prompts: Sequence[Prompt | None] | None = None,
) -> Iterator[Case]:
    """Read a task's cases row by row.

    Candidates of one key are one candidate, the first in the data, across all rows: as in the official evaluator.

    Args:
        files: the task and its data.
        layout: of the model that is asked.
        shows_box: whether queries have the box as a prompt.
        tells_box: whether their texts have it; None is where it is not shown, or the layout is exact.
        prompts: one a row, in the place of its box; a row without one is left out.

    Raises:
        DataError: a row of another shape, or an image that is missing or outside the image folder; names file, row,
            column and value.
    """
    if tells_box is None:
        tells_box = layout.exact or not shows_box
    reader = Reader(files, row_format(files), layout, shows_box=shows_box, tells_box=tells_box)
    for number, (place, row) in enumerate(rows(files)):
        if prompts is None:
            yield reader.case(place, row)
        elif (prompt := prompts[number]) is not None:
            yield reader.case(place, row, prompt)


class Images:
    """The files that a task's image paths stand for; each is looked for once."""

    def __init__(self, files: TaskFiles) -> None:
        self._root = files.images
        self._inside = f"{os.path.realpath(files.images).rstrip(os.sep)}{os.sep}"
        self._places = " or ".join(map(str, files.looked or (files.images,)))
        self._seen: dict[str, Path] = {}
        self._folders: dict[Path, str] = {}

    def __call__(self, place: str, column: str, relative: object) -> Path:
        """The file of a path.

        Raises:
            DataError: it is no path, there is no such file, or it is outside the image folder, by ``..``, as an
                absolute path or through a link.
        """
        if not isinstance(relative, str) or not relative:
            raise DataError(f"{place}: {column} = {relative!r} is no image path.")
        if relative not in self._seen:
            path = self._root / relative
            inside = os.path.normpath(relative)
            if inside.partition(os.sep)[0] in ("", os.pardir):
                raise DataError(f"{place}: {column} = {relative!r} leaves the image folder {self._root}.")
            if not is_file(path):
                raise DataError(f"{place}: {column} = {relative!r}: no such file below {self._places}.")
            if not self._real(path).startswith(self._inside):
                raise DataError(f"{place}: {column} = {relative!r} leaves the image folder {self._root} by a link.")
            self._seen[relative] = path
        return self._seen[relative]

    def _real(self, path: Path) -> str:
        """Where a file really is; the links of a folder are followed once."""
        if path.is_symlink():
            return os.path.realpath(path)
        if path.parent not in self._folders:
            self._folders[path.parent] = os.path.realpath(path.parent)
        return f"{self._folders[path.parent]}{os.sep}{path.name}"


class Reader:
    """Makes cases of rows: what stays the same from row to row, and the candidates that were seen.

    Args:
        files: the task and its data.
        form: how its rows are written.
        layout: of the model that is asked.
        shows_box: see `read`.
        tells_box: see `read`.
        locate: finds images; None is `Images`.
    """

    def __init__(
        self,
        files: TaskFiles,
        form: Format,
        layout: Layout,
        *,
        shows_box: bool,
        tells_box: bool,
        locate: Locate | None = None,
    ) -> None:
        self.task = files.task
        self.form = form
        self.layout = layout
        self.shows_box = shows_box
        self.tells_box = tells_box
        self._image = locate or Images(files)
        self.pool: dict[Hashable, Item] = {}
        targets = [column for column in COLUMNS[form] if column.startswith("tgt_")]
        self.asked = [column for column in COLUMNS[form] if column not in targets]
        self.listed = ["tgt_text"] if form == "instruct" and self.task.candidates == "text" else targets

    def case(self, place: str, row: Row, prompt: Prompt | None = None) -> Case:
        """The case of one row; a SCaR row is asked with the prompt in its box's place, if there is one.

        Raises:
            DataError: a value of another shape, or what `locate` raises.
        """
        keyed: Sequence[Hashable]
        if self.form == "joined":
            query, keyed = self._joined_query(place, row), self._joined(place, row)
        else:
            query = self._region_query(place, row, prompt) if self.form == "SCaR" else self._query(place, row)
            keyed = self._texts(place, row) if self.task.candidates == "text" else self._pictures(place, row)
        candidates = tuple(self.pool[key] for key in keyed)
        asked, listed = _digest(row, self.asked), _digest(row, self.listed)
        return Case(query, candidates, gold=0, asked=asked, listed=listed, place=place)

    def _region_query(self, place: str, row: Row, prompt: Prompt | None) -> Item:
        """Image, prompt and text of a SCaR row."""
        drawn = box_of(place, row) if prompt is None else prompt
        told = drawn if self.tells_box and isinstance(drawn, Box) else None
        return Item(
            text=query_text(self.task, self.layout, "", _string(place, row, "qry_text"), told),
            image=self._image(place, "qry_image_path", row["qry_image_path"]),
            prompt=drawn if self.shows_box else None,
        )

    def _query(self, place: str, row: Row) -> Item:
        """Instruction, text and image of an MMEB row."""
        sees = self.task.query != "text"
        optional = sees and row["qry_text"] is None  # the official code reads no text as an empty one here
        text = "" if optional else _string(place, row, "qry_text")
        return Item(
            text=query_text(self.task, self.layout, _string(place, row, "qry_inst"), text),
            image=self._image(place, "qry_img_path", row["qry_img_path"]) if sees else None,
        )

    def _joined_query(self, place: str, row: Row) -> Item:
        """Text and image of a row whose texts are joined; an empty path means no image."""
        path = row["qry_img_path"]
        return Item(
            text=joined_text(self.layout, _string(place, row, "qry_text")),
            image=None if path == "" else self._image(place, "qry_img_path", path),
        )

    def _joined(self, place: str, row: Row) -> list[tuple[str, str]]:
        """Put the candidates of such a row into the pool; their keys are pairs of text and path.

        An empty string in place of the texts stands for images without any.
        """
        paths = _strings(place, row, "tgt_img_path")
        texts = [""] * len(paths) if row["tgt_text"] == "" else _strings(place, row, "tgt_text")
        if len(texts) != len(paths):
            raise DataError(f"{place}: {len(texts)} values in tgt_text but {len(paths)} in tgt_img_path.")
        keys = list(zip(texts, paths, strict=True))
        for text, path in keys:
            if (text, path) not in self.pool:
                self.pool[text, path] = Item(
                    text=joined_text(self.layout, text),
                    image=None if path == "" else self._image(place, "tgt_img_path", path),
                )
        return keys

    def _texts(self, place: str, row: Row) -> list[str]:
        """Put the row's texts into the pool; their keys are the texts themselves."""
        texts = _strings(place, row, "tgt_text")
        for text in texts:
            if text not in self.pool:
                self.pool[text] = Item(text=candidate_text(self.task, self.layout, "", text))
        return texts

    def _pictures(self, place: str, row: Row) -> list[str]:
        """Put the row's images, with their texts if the first one has any, into the pool; return their keys."""
        paths = _strings(place, row, "tgt_img_path")
        words = _strings(place, row, "tgt_text")
        bare = not words[0].strip()
        if len(words) != len(paths) and not (bare and self.task.key == "image"):
            raise DataError(f"{place}: {len(words)} values in tgt_text but {len(paths)} in tgt_img_path.")
        instruction = _string(place, row, "tgt_inst")
        keys = []
        for index, path in enumerate(paths):
            text = None if bare else words[index]
            key = path if self.task.key == "image" else f"{path}:" + (text or "").strip('"')
            if key not in self.pool:
                self.pool[key] = Item(
                    text=candidate_text(self.task, self.layout, instruction, text),
                    image=self._image(place, "tgt_img_path", path),
                )
            keys.append(key)
        return keys


def _digest(row: Row, columns: Sequence[str]) -> str:
    """What stands for the values in some columns of a row."""
    values = json.dumps([row[column] for column in columns], default=repr)
    return hashlib.blake2b(values.encode(), digest_size=16).hexdigest()


def _string(place: str, row: Row, column: str) -> str:
    """The text in a column."""
    value = row[column]
    if not isinstance(value, str):
        raise DataError(f"{place}: {column} = {value!r} is not a text.")
    return value


def _strings(place: str, row: Row, column: str) -> list[str]:
    """The texts in a column; at least one."""
    values: Any = row[column]
    if not isinstance(values, list) or not values:
        raise DataError(f"{place}: {column} = {values!r}: expected a list of texts, the right candidate first.")
    for value in values:
        if not isinstance(value, str):
            raise DataError(f"{place}: {column} holds {value!r}, which is not a text.")
    return values


def box_of(place: str, row: Row) -> Box:
    """The box of a SCaR row; the data have COCO's corner and size.

    Raises:
        DataError: it is no box.
    """
    values = row["bbox"]
    numbers = isinstance(values, list) and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    if not numbers or len(values) != 4:
        raise DataError(f"{place}: bbox = {values!r}: expected four finite numbers x, y, width, height.")
    return Box.from_xywh(*values)
