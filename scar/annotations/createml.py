"""Read a JSON of Apple's CreateML: a list of images with labels and boxes, given by center and sides in pixels.

Source: https://developer.apple.com/documentation/createml/building-an-object-detector-data-source.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import astuple

from scar.accounting import Tally
from scar.annotations.box_form import BOX_FORMS, BoxForm
from scar.annotations.call_cache import CallCache
from scar.annotations.image_records import AnnotatedThing, ImageLookup, ImageRecord, count_unusable, make_index
from scar.annotations.json_stream import iter_records, parse_record
from scar.annotations.pictures import PictureIndex
from scar.errors import BadRecord
from scar.recipe import Source


class _Center(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float


class _Label(msgspec.Struct):
    label: str
    coordinates: _Center


class _Image(msgspec.Struct):
    """An image; Apple's documentation has also written ``imagefilename`` and ``annotation``."""

    image: str = ""
    imagefilename: str = ""
    annotations: list[msgspec.Raw] = []
    annotation: list[msgspec.Raw] = []


_IMAGE = msgspec.json.Decoder(_Image)
_LABEL = msgspec.json.Decoder(_Label)


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images of a file.

    Raises:
        InputError: the file cannot be read, or no image has an annotated thing.
        BadRecord: a record cannot be used, or has no image, and ``tally`` does not skip such records.
    """
    form = BOX_FORMS[source.boxes or "center"]
    records = _iter_records(source, ImageLookup(source.images), form, tally)
    return make_index(source, tally, cache, records, are_centers=source.boxes is None)


def _iter_records(source: Source, images: ImageLookup, form: BoxForm, tally: Tally) -> Iterator[ImageRecord]:
    path = source.inputs["instances"]
    for record in iter_records(path):
        where = f"{path.name}, [{record.number}]"
        try:
            image = parse_record(_IMAGE, record.text, where)
            name = image.image or image.imagefilename
            if not name:
                raise BadRecord(where, "it has no `image`, the name of its file", "malformed")
        except BadRecord as bad:
            count_unusable(tally, bad)
            continue
        labels = image.annotations or image.annotation
        things = tuple(_make_thing(text, form, f"{where}, annotations[{number}]") for number, text in enumerate(labels))
        if not things:
            continue
        if file := images.find_or_count([name], where, things, tally):
            yield ImageRecord(file, None, things, is_normalised=form.unit != "pixels")


def _make_thing(text: msgspec.Raw, form: BoxForm, where: str) -> AnnotatedThing:
    """The thing of a label; one that cannot be used says why."""
    try:
        label = parse_record(_LABEL, text, where)
    except BadRecord as bad:
        return AnnotatedThing("", where, unusable=bad)
    box = form.to_xywh(astuple(label.coordinates), 1, 1)
    return AnnotatedThing(label.label, where, box=box)
