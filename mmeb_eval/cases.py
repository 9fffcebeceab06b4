"""Rows -> `Case`s, driven by the columns of the `Task` and never by its name."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmeb_eval.data import COLUMNS, Row, TaskFiles, rows
from mmeb_eval.embedder import Item
from mmeb_eval.errors import DataError
from mmeb_eval.layouts import Layout, candidate_text, query_text
from mmeb_eval.tasks import Task
from scar.sample import Box


@dataclass(frozen=True, slots=True)
class Case:
    """One question.

    Attributes:
        query: what is asked.
        candidates: what is ranked, in the order of the data and as often as they list it; equal keys are equal items.
        gold: index of the right one.
        asked: digest of the query as the data have it: equal for every model and layout, and wherever the data lie.
        listed: likewise of its candidates.
    """

    query: Item
    candidates: tuple[Item, ...]
    gold: int
    asked: str
    listed: str


def read(files: TaskFiles, layout: Layout, *, shows_box: bool, tells_box: bool | None = None) -> Iterator[Case]:
    """Read a task's cases row by row.

    Candidates of one key are one candidate, the first in the data, across all rows: as in the official evaluator.

    Args:
        files: the task and its data.
        layout: of the model that is asked.
        shows_box: whether queries have the box as a prompt.
        tells_box: whether their texts have it; None is where it is not shown, or the layout is exact.

    Raises:
        DataError: a row of another shape, or an image that is missing or outside the image folder; names file, row,
            column and value.
    """
    if tells_box is None:
        tells_box = layout.exact or not shows_box
    reader = _Reader(files.task, layout, shows_box, tells_box, files.images)
    for place, row in rows(files):
        yield reader.case(place, row)


class _Reader:
    """What stays the same from row to row, and the images and candidates that were seen."""

    def __init__(self, task: Task, layout: Layout, shows_box: bool, tells_box: bool, images: Path) -> None:
        self.task = task
        self.layout = layout
        self.shows_box = shows_box
        self.tells_box = tells_box
        self.images = images
        self.seen: dict[str, Path] = {}
        self.pool: dict[str, Item] = {}
        self.asked = [column for column in COLUMNS[task.benchmark] if not column.startswith("tgt_")]
        self.listed = ["tgt_text"] if task.candidates == "text" else ["tgt_inst", "tgt_text", "tgt_img_path"]

    def case(self, place: str, row: Row) -> Case:
        """The case of one row."""
        query = self._region_query(place, row) if self.task.benchmark == "SCaR" else self._query(place, row)
        keyed = self._texts(place, row) if self.task.candidates == "text" else self._pictures(place, row)
        candidates = tuple(self.pool[key] for key in keyed)
        return Case(query, candidates, gold=0, asked=_digest(row, self.asked), listed=_digest(row, self.listed))

    def _region_query(self, place: str, row: Row) -> Item:
        """Image, box and text of a SCaR row."""
        box = _box(place, row)
        told = box if self.tells_box else None
        return Item(
            text=query_text(self.task, self.layout, "", _string(place, row, "qry_text"), told),
            image=self._image(place, "qry_image_path", row["qry_image_path"]),
            prompt=box if self.shows_box else None,
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

    def _texts(self, place: str, row: Row) -> list[str]:
        """Put the row's texts into the pool; their keys are the texts themselves."""
        texts = _strings(place, row, "tgt_text")
        for text in texts:
            self.pool.setdefault(text, Item(text=candidate_text(self.task, self.layout, "", text)))
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

    def _image(self, place: str, column: str, relative: object) -> Path:
        """The file an image path of the data stands for; each is looked for once."""
        if not isinstance(relative, str) or not relative:
            raise DataError(f"{place}: {column} = {relative!r} is no image path.")
        if relative not in self.seen:
            inside = Path(os.path.normpath(relative))
            if inside.is_absolute() or inside.parts[:1] == (os.pardir,):
                raise DataError(f"{place}: {column} = {relative!r} leaves the image folder {self.images}.")
            path = self.images / relative
            if not _is_file(path):
                raise DataError(f"{place}: {column} = {relative!r}: no such file below {self.images}.")
            self.seen[relative] = path
        return self.seen[relative]


def _digest(row: Row, columns: Sequence[str]) -> str:
    """What stands for the values in some columns of a row."""
    values = json.dumps([row[column] for column in columns], default=repr)
    return hashlib.blake2b(values.encode(), digest_size=16).hexdigest()


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the file system does not even take is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


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


def _box(place: str, row: Row) -> Box:
    """The box of a SCaR row; the data have COCO's corner and size."""
    values = row["bbox"]
    numbers = isinstance(values, list) and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    if not numbers or len(values) != 4:
        raise DataError(f"{place}: bbox = {values!r}: expected four finite numbers x, y, width, height.")
    return Box.from_xywh(*values)
