"""COCO's captions JSON: sentences about whole images. RefCOCO and Visual Genome use them too."""

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
    """Index the captions of each image.

    Args:
        path: the captions JSON.
        images: images by id; a caption of any other image cannot be used. None to accept captions of every image.
        images_file: name of the file that lists the images, for error messages.
        tally: counts the captions that cannot be used.
        cache: what other sources have already read from the file.

    Raises:
        InputError: the file cannot be read, or none of its captions can be used.
        BadRecord: a caption cannot be used and ``tally`` does not skip such records.
    """
    import numpy as np

    builder, ignored = cache(_locate_captions, path, tally.skip_bad)
    tally.ignored.update(ignored)
    if images is None:
        return builder.build_index()
    known = is_among(builder.image_ids, images)
    unknown = np.flatnonzero(~known)
    if len(unknown):
        if not known.any():
            raise InputError(
                f"{path}: none of its {len(unknown)} captions is of an image of {images_file}; "
                "give the captions file of the same image set, or none."
            )
        first = unknown[0]
        where = f"{path.name}, annotations[{builder.spans[first, 0]}]"
        problem = f"its image {builder.image_ids[first]} is not among those of {images_file}"
        bad = BadRecord(where, problem, "caption_no_image")
        tally.ignore_records(bad, len(unknown))
    return builder.build_index(known)


def _locate_captions(path: Path, skip_bad: bool) -> tuple[RecordIndexBuilder, Counter[str]]:
    """Find the position of every caption, and count the records without a caption by reason.

    Raises:
        InputError: the file has records, but none of them has a caption.
    """
    builder, tally = RecordIndexBuilder(path), Tally(skip_bad=skip_bad)
    without_caption = []
    for record in iter_records(path, ["annotations"]):
        try:
            caption = decode_record(_CAPTION, record, path)
        except BadRecord as bad:
            without_caption.append(bad)
            continue
        if caption.caption.strip():
            builder.add_record(caption.image_id, record)
        else:
            without_caption.append(BadRecord(record.describe_location(path), "its caption is empty", "empty_caption"))
    if without_caption and not len(builder):
        problem = (
            f"none of its {len(without_caption)} records is a caption (the first one: {without_caption[0].problem})"
        )
        raise InputError(f"{path}: {problem}; give a captions JSON, or none.")
    for unusable in without_caption:
        tally.ignore_records(unusable)
    return builder, tally.ignored


def read_captions(path: Path, spans: RecordSpans) -> tuple[str, ...]:
    """Read the captions at the given positions of a captions JSON, which are those of one image."""
    return tuple(parse_record(_CAPTION, text, path.name).caption.strip() for text in read_records(path, spans))
