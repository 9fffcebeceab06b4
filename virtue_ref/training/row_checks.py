"""Find out, before training starts, which rows have items that cannot be embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.common.pixels import probe_image
from scar.errors import BadRecord, ItemError
from virtue_ref.config import Profile
from virtue_ref.model.images import read_frame
from virtue_ref.model.tokens import IMAGE_TOKEN

CheckItem: TypeAlias = Callable[[Item], object]
"""Function that raises `ItemError` if the model cannot embed an item, such as `Collator.prepare_item`."""

READERS = 8
"""Threads that look at image files; they mostly wait for the disk."""

MISSING_IMAGE, BROKEN_IMAGE, BAD_BOX, IMAGE_TOKENS = "missing_image", "broken_image", "bad_box", "image_tokens"
IMAGE_REASONS = (MISSING_IMAGE, BROKEN_IMAGE)
"""Reasons that lie in an image and not in the row: a recipe says whether such rows stop the run or are skipped."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Why a row cannot be used.

    Attributes:
        reason: a short name that is counted, such as `MISSING_IMAGE`.
        problem: a sentence that names file and value.
    """

    reason: str
    problem: str


@dataclass
class RowChecker:
    """Looks at each distinct image once: whether it is there, complete, and of a kind that the model reads.

    Images are not decoded. Damage in the middle of a JPEG or PNG shows only in the step that uses it.

    Args:
        profile: how the model reads images.
        check_item: is called for each item with an image, and raises `ItemError` if the model cannot embed it; None
            asks no model.

    Attributes:
        defects: path of an image that was looked at -> what is wrong with it, None for nothing.
    """

    profile: Profile
    check_item: CheckItem | None = None
    defects: dict[ImageFile, Defect | None] = field(default_factory=dict)

    def look_at_images(self, items: Iterable[Item]) -> None:
        """Look at the images of items that were not looked at before, several at a time, and fill in `defects`."""
        new = {item.image for item in items if item.image is not None} - self.defects.keys()
        if not new:
            return
        with ThreadPoolExecutor(READERS) as readers:
            self.defects |= zip(
                new, readers.map(lambda image: find_image_defect(image, self.profile), new), strict=True
            )

    def find_defect(self, items: Iterable[Item]) -> Defect | None:
        """Find the first reason why a row with these items cannot be used; None if there is none.

        Items without an image are not checked.
        """
        items = [item for item in items if item.image is not None]
        self.look_at_images(items)
        for item in items:
            if item.image is not None and (defect := self.defects[item.image]) is not None:
                return defect
            if item.text.count(IMAGE_TOKEN) > 1:
                return Defect(
                    IMAGE_TOKENS, f"one image, but several times {IMAGE_TOKEN} in the text {item.text[:60]!r}"
                )
            if self.check_item is not None:
                try:
                    self.check_item(item)
                except ItemError as error:
                    return Defect(BROKEN_IMAGE if item.prompt is None else BAD_BOX, error.reason)
        return None


def find_image_defect(image: Path, profile: Profile) -> Defect | None:
    """Find what is wrong with an image file, without decoding it; None for nothing."""
    try:
        if not image.is_file():
            return Defect(MISSING_IMAGE, f"no image {image}")
        probe_image(image, "")
        read_frame(image, profile)
    except BadRecord as error:
        return Defect(BROKEN_IMAGE, error.problem)
    except ItemError as error:
        return Defect(BROKEN_IMAGE, error.reason.rstrip("."))
    except (OSError, ValueError) as error:  # a folder that may not be read, a zero byte in the name
        return Defect(BROKEN_IMAGE, f"image {image}: {error}")
    return None
