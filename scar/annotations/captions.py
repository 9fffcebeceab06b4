"""COCO's captions JSON: sentences about whole images, which other data sets of the same images use too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.json_stream import parsed, record_as, records
from scar.annotations.once import Once
from scar.annotations.record_index import Id, Notes, Pieces, Spans, among, texts
from scar.errors import BadRecord, InputError


class _Caption(msgspec.Struct, gc=False):
    image_id: Id
    caption: str


_CAPTION = msgspec.json.Decoder(_Caption)


def caption_spans(path: Path, images: Mapping[int, object] | None, name: str, tally: Tally, once: Once) -> Spans:
    """Where the captions of each image stand.

    Args:
        path: the captions JSON.
        images: the images that there are; None if it may be about others too.
        name: of the file that has the images.
        tally: counts the captions of no image, or they are raised.
        once: shared by sources that share the file.

    Raises:
        InputError: the file cannot be read, or none of its captions is about the images.
    """
    import numpy as np

    notes, ignored = once(_notes, path, tally.skip_bad)
    tally.ignored.update(ignored)
    if images is None:
        return notes.spans()
    known = among(notes.images, images)
    strangers = np.flatnonzero(~known)
    if len(strangers):
        if not known.any():
            raise InputError(
                f"{path}: none of its {len(strangers)} captions is of an image of {name}; "
                "give the captions file of the same image set, or none."
            )
        first = strangers[0]
        place = f"{path.name}, annotations[{notes.pieces[first, 0]}]"
        bad = BadRecord(place, f"its image {notes.images[first]} is not among those of {name}", "caption_no_image")
        tally.ignore(bad, len(strangers))
    return notes.spans(known)


def _notes(path: Path, skip_bad: bool) -> tuple[Notes, Counter[str]]:
    """Every caption, and how many other records there are by reason.

    Raises:
        InputError: no record is a caption.
    """
    notes, tally = Notes(path), Tally(skip_bad=skip_bad)
    others = []
    for record in records(path, ["annotations"]):
        try:
            caption = record_as(_CAPTION, record, path)
        except BadRecord as bad:
            others.append(bad)
            continue
        if caption.caption.strip():
            notes.add(caption.image_id, record)
        else:
            others.append(BadRecord(record.place(path), "its caption is empty", "empty_caption"))
    if others and not len(notes):
        problem = f"none of its {len(others)} records is a caption, the first for: {others[0].problem}"
        raise InputError(f"{path}: {problem}; give a captions JSON, or none.")
    for other in others:
        tally.ignore(other)
    return notes, tally.ignored


def caption_texts(path: Path, pieces: Pieces) -> tuple[str, ...]:
    """The sentences."""
    found = (parsed(_CAPTION, text, path.name).caption.strip() for text in texts(path, pieces))
    return tuple(found)
