"""Read Label Studio's own JSON and JSON-MIN: tasks with rectangles, polygons and ellipses in percent of the image.

Of several annotations of a task, the ground truth counts, else the first that is not cancelled. Texts of a region are
its phrases; other texts are captions. Source: https://labelstud.io/guide/export and /guide/task_format.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.image_finder import read_url
from scar.annotations.image_records import (
    AnnotatedThing,
    ImageLookup,
    ImageRecord,
    count_unusable,
    make_ellipse,
    make_index,
)
from scar.annotations.json_stream import ANY_JSON, iter_records, parse_record
from scar.annotations.pictures import PictureIndex
from scar.errors import BadRecord
from scar.recipe import Source

_LABELS = re.compile(r"labels$|^labels?$")
"""Keys of the labels of a region: rectanglelabels, polygonlabels, ellipselabels, brushlabels, labels."""

_UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""

_Value = Mapping[str, Any]


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images of a file.

    Raises:
        InputError: the file cannot be read, or no image has an annotated thing.
        BadRecord: a record cannot be used, or has no image, and ``tally`` does not skip such records.
    """
    return make_index(source, tally, cache, _iter_records(source, ImageLookup(source.images), tally))


def _iter_records(source: Source, images: ImageLookup, tally: Tally) -> Iterator[ImageRecord]:
    path = source.inputs["instances"]
    for record in iter_records(path):
        where = f"{path.name}, [{record.number}]"
        task = parse_record(ANY_JSON, record.text, where)
        if not isinstance(task, dict):
            count_unusable(tally, BadRecord(where, "it is no task of Label Studio", "malformed"))
            continue
        values = list(_iter_values(task, tally))
        texts: dict[Any, list[str]] = defaultdict(list)
        for key, value in values:
            texts[key] += value.get("text", []) if isinstance(value.get("text"), list) else []
        things = tuple(
            _make_thing(value, tuple(texts.pop(key, ())) if key else (), f"{where}, region {number}")
            for number, (key, value) in enumerate(values)
            if any(map(_LABELS.search, value))
        )
        if not things:
            continue
        if file := images.find_or_count(_list_names(task), where, things, tally):
            captions = tuple(text for several in texts.values() for text in several if isinstance(text, str))
            yield ImageRecord(file, None, things, is_normalised=True, captions=captions)


def _iter_values(task: Mapping[str, Any], tally: Tally) -> Iterator[tuple[Any, _Value]]:
    """The id and the value of each region of a task, with the size of the image that it was drawn on."""
    done = task.get("annotations", task.get("completions"))
    if done is None:  # JSON-MIN: the values themselves, by the name of their control
        for several in task.values():
            if isinstance(several, list):
                yield from ((None, value) for value in several if isinstance(value, dict))
        return
    usable = [each for each in done if isinstance(each, dict) and not each.get("was_cancelled") and each.get("result")]
    chosen = next((each for each in usable if each.get("ground_truth")), usable[0] if usable else {})
    if len(usable) > 1:
        tally.ignored["other_annotator"] += sum(len(each["result"]) for each in usable if each is not chosen)
    for result in chosen.get("result", []):
        if isinstance(result, dict) and isinstance(result.get("value"), dict):
            size = {key: result.get(key) for key in ("original_width", "original_height")}
            yield result.get("id"), size | result["value"]


def _list_names(task: Mapping[str, Any]) -> list[str]:
    """Names that the image of a task may have, the best first: with the prefix of uploads and without it."""
    data = task.get("data") if isinstance(task.get("data"), dict) else task
    texts = [task.get("file_upload"), *(data or {}).values()]
    names = [read_url(text) for text in texts if isinstance(text, str) and re.search(r"\.\w{3,4}(\?|$)|\?d=", text)]
    plain = [_UPLOAD.sub("", name.rpartition("/")[2]) for name in names]
    return list(dict.fromkeys([*names, *plain]))


def _make_thing(value: _Value, phrases: tuple[str, ...], where: str) -> AnnotatedThing:
    """The thing of a region; one that cannot be used says why."""
    labels: Any = next((value[key] for key in value if _LABELS.search(key)), [])
    if not (isinstance(labels, list) and labels and isinstance(labels[0], str)):
        return AnnotatedThing("", where, unusable=BadRecord(where, "it has no label", "no_category"))
    label, phrases = labels[0], tuple(text for text in phrases if isinstance(text, str))
    try:
        if "points" in value:
            ring = tuple(float(number) / 100 for point in value["points"] for number in point)
            return AnnotatedThing(label, where, polygons=(ring,), phrases=phrases)
        if "rle" in value:
            problem = "masks of the brush are not read: export from Label Studio as COCO, with masks"
            return AnnotatedThing(label, where, unusable=BadRecord(where, problem, "malformed"))
        if "radiusX" in value:
            x, y, across, down = (float(value[key]) for key in ("x", "y", "radiusX", "radiusY"))
            ring = _turn(make_ellipse(x, y, across, down), (x, y), value)
            return AnnotatedThing(label, where, polygons=(ring,), phrases=phrases)
        if "height" not in value:
            return AnnotatedThing(label, where, no_region="no_area")
        x, y, width, height = (float(value[key]) for key in ("x", "y", "width", "height"))
    except (TypeError, ValueError, KeyError) as error:
        problem = f"its numbers cannot be read: {type(error).__name__} {error}"
        return AnnotatedThing(label, where, unusable=BadRecord(where, problem, "malformed"))
    if value.get("rotation"):
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        return AnnotatedThing(label, where, polygons=(_turn(corners, (x, y), value),), phrases=phrases)
    return AnnotatedThing(label, where, box=(x / 100, y / 100, width / 100, height / 100), phrases=phrases)


def _turn(corners: list[tuple[float, float]], pivot: tuple[float, float], value: _Value) -> tuple[float, ...]:
    """Corners in percent, turned clockwise by ``rotation`` degrees in pixels, as shares of the image."""
    width, height = (float(value.get(key) or 1) for key in ("original_width", "original_height"))
    angle = math.radians(float(value.get("rotation") or 0))
    ring: list[float] = []
    for x, y in corners:
        right, below = (x - pivot[0]) * width, (y - pivot[1]) * height
        ring += [
            (pivot[0] + (right * math.cos(angle) - below * math.sin(angle)) / width) / 100,
            (pivot[1] + (right * math.sin(angle) + below * math.cos(angle)) / height) / 100,
        ]
    return tuple(ring)
