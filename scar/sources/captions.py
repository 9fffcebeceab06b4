"""COCO's captions JSON: sentences about whole images, which other data sets of the same images use too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from scar.errors import BadRecord, InputError
from scar.sources.jsonfile import parsed, record_as, records
from scar.sources.spans import Id, Notes, Piece, Spans, texts
from scar.tally import Tally


class _Caption(msgspec.Struct, gc=False):
    image_id: Id
    caption: str


_CAPTION = msgspec.json.Decoder(_Caption)


def caption_spans(path: Path, images: Mapping[int, object] | None, name: str, tally: Tally) -> Spans:
    """Where the captions of each image stand.

    Args:
        path: the captions JSON.
        images: the images that there are; None if it may be about others too.
        name: of the file that has the images.
        tally: counts the captions of no image, or they are raised.

    Raises:
        InputError: the file cannot be read, or none of its captions is about the images.
    """
    notes = Notes(path)
    strangers = []
    for record in records(path, ["annotations"]):
        try:
            caption = record_as(_CAPTION, record, path)
        except BadRecord as bad:
            tally.ignore(bad)
            continue
        if images is not None and caption.image_id not in images:
            strangers.append((record.place(path), caption.image_id))
        elif caption.caption.strip():
            notes.add(caption.image_id, record)
    if strangers and not len(notes):
        raise InputError(
            f"{path}: none of its {len(strangers)} captions is of an image of {name}; "
            "give the captions file of the same image set, or none."
        )
    for place, image in strangers:
        tally.ignore(BadRecord(place, f"its image {image} is not among those of {name}", "caption_no_image"))
    return notes.spans()


def caption_texts(path: Path, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The sentences."""
    found = (parsed(_CAPTION, text, path.name).caption.strip() for text in texts(path, pieces))
    return tuple(found)
