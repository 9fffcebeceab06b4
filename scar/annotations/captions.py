"""COCO's captions JSON: sentences about whole images, which other data sets of the same images use too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.json_stream import decode_record, iter_records, parse_record
from scar.annotations.record_index import Id, RecordIndex, RecordIndexBuilder, RecordSpans, is_among, read_records
from scar.errors import BadRecord, InputError


class _Caption(msgspec.Struct, gc=False):
    image_id: Id
    caption: str


_CAPTION = msgspec.json.Decoder(_Caption)


def index_captions(
    path: Path, images: Mapping[int, object] | None, images_file: str, tally: Tally, cache: CallCache
) -> RecordIndex:
    """Where the captions of each image stand.

    Args:
        path: the captions JSON.
        images: the images that there are; None if it may be about others too.
        images_file: of the file that has the images.
        tally: counts the captions of no image, or they are raised.
        cache: shared by sources that share the file.

    Raises:
        InputError: the file cannot be read, or none of its captions is about the images.
    """
    import numpy as np

    notes, ignored = cache(_locate_captions, path, tally.skip_bad)
    tally.ignored.update(ignored)
    if images is None:
        return notes.build_index()
    known = is_among(notes.image_ids, images)
    strangers = np.flatnonzero(~known)
    if len(strangers):
        if not known.any():
            raise InputError(
                f"{path}: none of its {len(strangers)} captions is of an image of {images_file}; "
                "give the captions file of the same image set, or none."
            )
        first = strangers[0]
        place = f"{path.name}, annotations[{notes.spans[first, 0]}]"
        bad = BadRecord(
            place, f"its image {notes.image_ids[first]} is not among those of {images_file}", "caption_no_image"
        )
        tally.ignore_records(bad, len(strangers))
    return notes.build_index(known)


def _locate_captions(path: Path, skip_bad: bool) -> tuple[RecordIndexBuilder, Counter[str]]:
    """Every caption, and how many other records there are by reason.

    Raises:
        InputError: no record is a caption.
    """
    notes, tally = RecordIndexBuilder(path), Tally(skip_bad=skip_bad)
    others = []
    for record in iter_records(path, ["annotations"]):
        try:
            caption = decode_record(_CAPTION, record, path)
        except BadRecord as bad:
            others.append(bad)
            continue
        if caption.caption.strip():
            notes.add_record(caption.image_id, record)
        else:
            others.append(BadRecord(record.describe_location(path), "its caption is empty", "empty_caption"))
    if others and not len(notes):
        problem = f"none of its {len(others)} records is a caption, the first for: {others[0].problem}"
        raise InputError(f"{path}: {problem}; give a captions JSON, or none.")
    for other in others:
        tally.ignore_records(other)
    return notes, tally.ignored


def read_captions(path: Path, spans: RecordSpans) -> tuple[str, ...]:
    """The sentences."""
    found = (parse_record(_CAPTION, text, path.name).caption.strip() for text in read_records(path, spans))
    return tuple(found)
