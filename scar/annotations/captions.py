"""COCO's captions JSON: sentences about whole images. RefCOCO and Visual Genome use them too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.coco_ids import resolve_images
from scar.annotations.ids import NO_ID, number_id
from scar.annotations.image_names import NamedImage, describe_image, match_images, parse_named_image
from scar.annotations.json_stream import ANY_JSON, Id, iter_records, parse_record
from scar.annotations.record_index import (
    FileSpans,
    RecordCollector,
    RecordSpans,
    group_by_image,
    is_among,
    read_records,
    replace_ids,
)
from scar.common.image_hash import parse_coco_identity
from scar.errors import BadRecord, InputError


class _Caption(msgspec.Struct, gc=False):
    image_id: Id
    caption: str | None


_CAPTION = msgspec.json.Decoder(_Caption)


def index_captions(
    path: Path,
    file_names: Mapping[int, str] | None,
    images_file: str,
    tally: Tally,
    cache: CallCache,
    numbers: Mapping[int, int] | None = None,
) -> FileSpans:
    """Index the captions of each image of another file, the images file.

    A caption belongs to the image with its image id. But if the captions JSON lists images too, and gives other ids to
    the same file names, it belongs to the image with its file name.

    Args:
        path: the captions JSON.
        file_names: file names of the images by id, from the images file; a caption of any other image cannot be used.
            None to accept captions of every image of COCO.
        images_file: name of the images file, for error messages.
        tally: counts the captions that cannot be used as ignored, and those that belong to an image by its file name
            only as repaired.
        cache: what other sources have already read from the captions JSON.
        numbers: the id of an image by the code of what the images file has instead of a number; see
            `scar.annotations.ids`. None if all its ids are numbers.

    Returns:
        The positions of the captions by image id of the images file; by COCO's id if ``file_names`` is None.

    Raises:
        InputError: the file cannot be read, none of its captions can be used, or it lists other images.
        BadRecord: a caption cannot be used and ``tally`` does not skip such records.
    """
    import numpy as np

    collector, ignored = cache(_locate_captions, path, tally.skip_bad)
    tally.ignored.update(ignored)
    names = _name_coco_images(collector.named_images) if file_names is None else file_names
    numbers = numbers or {}
    named_images = collector.named_images
    if numbers:
        named_images = [(numbers.get(number, number), name) for number, name in named_images]
    own_ids, named = resolve_images(collector.image_ids, lambda: names, numbers)
    ids = match_images(names, named_images, images_file, path.name)
    image_ids, is_matched = replace_ids(own_ids, ids)
    if moved := named + int((image_ids != own_ids).sum()):
        tally.repaired["caption_by_file_name"] += moved
    if file_names is None:
        return path, group_by_image(collector.spans[is_matched], image_ids[is_matched])
    known = is_matched & is_among(image_ids, file_names)
    unknown = np.flatnonzero(~known)
    if len(unknown):
        if not known.any():
            raise InputError(
                f"{path}: none of its {len(unknown)} captions is of an image of {images_file}; "
                "give the captions file of the same image set, or none."
            )
        first = unknown[0]
        where = f"{path.name}, annotations[{collector.spans[first, 1]}]"
        image = describe_image(collector.image_ids[first], dict(collector.named_images))
        problem = f"its image {image} is not among those of {images_file}"
        bad = BadRecord(where, problem, "caption_no_image")
        tally.ignore_records(bad, len(unknown))
    return path, group_by_image(collector.spans[known], image_ids[known])


def _name_coco_images(images: Sequence[NamedImage]) -> dict[int, str]:
    """File names of the images by COCO's id, which the names contain."""
    identities = ((parse_coco_identity(name), name) for _, name in images)
    return {int(identity.removeprefix("coco:")): name for identity, name in identities if identity}


def _locate_captions(path: Path, skip_bad: bool) -> tuple[RecordCollector, Counter[str]]:
    """Find the position of every caption, and count the records without a caption by reason.

    Raises:
        InputError: the file has records, but none of them has a caption.
    """
    collector, tally = RecordCollector(path), Tally(skip_bad=skip_bad)
    without_caption = []
    for record in iter_records(path, ["annotations"], ["images"]):
        if record.list == "images":
            if image := parse_named_image(record):
                collector.named_images.append(image)
            continue
        try:
            try:
                caption = _CAPTION.decode(record.text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                caption = _mend_caption(record.text, record.describe_location(path))
        except BadRecord as bad:
            without_caption.append(bad)
            continue
        if (caption.caption or "").strip():
            collector.add_record(caption.image_id, record)
        else:
            tally.ignored["empty_caption"] += 1
    if without_caption and not len(collector):
        problem = (
            f"none of its {len(without_caption)} records is a caption (the first one: {without_caption[0].problem})"
        )
        raise InputError(f"{path}: {problem}; give a captions JSON, or none.")
    for unusable in without_caption:
        tally.ignore_records(unusable)
    return collector, tally.ignored


def read_captions(path: Path, spans: RecordSpans) -> tuple[str, ...]:
    """Read the captions at the given positions of a captions JSON, in their order; see `read_records` for errors."""
    records = []
    for text in read_records(path, spans):
        try:
            records.append(_CAPTION.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            records.append(_mend_caption(text, path.name))
    return tuple((record.caption or "").strip() for record in records)


def _mend_caption(text: bytes | msgspec.Raw, where: str) -> _Caption:
    """Decode a caption whose image has an id that is no integer: it becomes a number or a code.

    Raises:
        BadRecord: it is no caption.
    """
    entry = parse_record(ANY_JSON, text, where)
    number = number_id(entry.get("image_id")) if isinstance(entry, dict) else NO_ID
    if number == NO_ID or not isinstance(entry.get("caption", ...), str | None):
        return parse_record(_CAPTION, text, where)
    return _Caption(number, entry.get("caption"))
