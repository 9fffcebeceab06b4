"""Rows of region benchmarks that are not SCaR's: JSON lines of an image, a box, a true caption and false ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from scar.errors import DataError

RowKind: TypeAlias = Literal["regions", "FG-OVD"]
BoxForm: TypeAlias = Literal["xywh", "xyxy"]

COLUMNS: Mapping[RowKind, tuple[str, ...]] = {
    "regions": ("image", "bbox", "positive", "negatives"),
    "FG-OVD": ("img_path", "bbox", "pos_expression", "neg_expression"),
}
"""Kind of rows -> names of the image, the box, the true caption and the false ones.

FG-OVD: arXiv 2311.17518, in the files of 360CVGroup/FG-CLIP (data/fgovd, b1af1cd). There, ``pos_expression`` is a list
of one; the official code reads all texts in small letters.
"""

INSTRUCTION = "Find the caption that best describes the object in the box."
"""Instruction of a query whose task file gives none."""


@dataclass(frozen=True, slots=True)
class RegionRows:
    """How rows of regions are read.

    Attributes:
        kind: kind of the rows.
        instruction: instruction of each query.
        box: what ``bbox`` holds, in pixels of the image as it is stored: left, top and width, height; or two corners.
        leaked: beginning of the paths of images that models may have been trained on; empty if there are none.
    """

    kind: RowKind
    instruction: str = INSTRUCTION
    box: BoxForm = "xywh"
    leaked: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row must have."""
        return COLUMNS[self.kind]

    def convert_row(self, row: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        """The columns of a SCaR row; None if the true caption is among the false ones, so that nobody can win.

        Raises:
            DataError: a value has the wrong shape, or a box has no area; the message names the row, the column and the
                value.
        """
        image, box, true, false = (row[column] for column in self.columns)
        _, _, true_name, false_name = self.columns
        if self.kind == "FG-OVD":
            if not isinstance(true, list) or len(true) != 1:
                raise DataError(f"{where}: {true_name} = {true!r}: expected a list of one caption.")
            (true,) = true
        for column, value in ((true_name, [true]), (false_name, false)):
            if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
                raise DataError(f"{where}: {column} = {value!r}: expected texts that are not empty.")
        if self.kind == "FG-OVD":
            true, false = true.lower(), [text.lower() for text in false]
        if true in false:
            return None
        if self.box == "xyxy" and isinstance(box, list) and len(box) == 4 and all(type(x) in (int, float) for x in box):
            box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        if isinstance(box, list) and len(box) == 4 and all(type(x) in (int, float) for x in box) and min(box[2:]) <= 0:
            box_name = self.columns[1]
            raise DataError(
                f"{where}: {box_name} = {row[box_name]!r}, read as {self.box}: the box has no area; mend or remove the "
                "row, or set `box` in the task file to the form of the boxes (xywh or xyxy)."
            )
        query = f"<|image_1|>\n{self.instruction}"
        return {"qry_text": query, "qry_image_path": image, "bbox": box, "tgt_text": [true, *false]}
