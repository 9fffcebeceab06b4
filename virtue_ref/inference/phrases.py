"""Replace phrases by the boxes of what a detector finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mmeb_eval.item import Item, Phrase
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.model.detector import MIN_SCORE, ConceptDetector


def find_phrases(items: Sequence[Item], detector: ConceptDetector) -> list[Item]:
    """Return the items with the box of the best detection in the place of each phrase; others as they are.

    Raises:
        ItemError: nothing is found, or an image cannot be read; the message names the item's index.
    """
    found: dict[tuple[ImageFile, str], Box] = {}
    out = list(items)
    rows = [row for row, item in enumerate(items) if isinstance(item.prompt, Phrase)]
    for row in sorted(rows, key=lambda row: str(items[row].image)):  # each image is encoded once
        item = items[row]
        if item.image is None or not isinstance(item.prompt, Phrase):
            continue
        key = item.image, item.prompt.words
        try:
            if key not in found:
                found[key] = _find_best(*key, detector)
        except ItemError as error:
            raise ItemError(error.reason, row) from error
        out[row] = dataclasses.replace(item, prompt=found[key])
    return out


def _find_best(image: ImageFile, words: str, detector: ConceptDetector) -> Box:
    detections = detector.find(image, words, 0)
    if not detections or detections[0].score < MIN_SCORE:
        best = (
            f"the best guess has a score of {detections[0].score:.2f}, below {MIN_SCORE}" if detections else "no guess"
        )
        raise ItemError(f"nothing like {words!r} was found ({best}): say it otherwise, or draw a box.")
    return detections[0].box
