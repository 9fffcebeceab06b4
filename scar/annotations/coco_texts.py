"""Texts that stand inside COCO-style files: captions and scenes of images, phrases of annotations.

Scenes are the key ``scene`` of an image, BDD100K's ``attributes.scene``, and TACO's lists ``scene_annotations`` and
``scene_categories``. Phrases are the keys of `_PHRASE_KEYS`, also below ``attributes`` as CVAT and RectLabel write
them, and MDETR's ``tokens_positive``: where the image's caption says the thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from scar.annotations.caption_forms import list_texts
from scar.annotations.coco_records import CocoImage
from scar.annotations.ids import NO_ID, number_id
from scar.annotations.json_stream import ANY_JSON, Record, parse_record
from scar.language.scene_names import describe_scene

_PHRASE_KEYS = (
    *("caption", "captions", "sentence", "sentences"),
    *("phrase", "phrases", "description", "expression", "expressions"),
)
"""Keys of texts about the thing of an annotation."""

_SCENE_KEYS = ("scene", "scene_category", "scene_label")

TACO_LISTS = ("scene_annotations", "scene_categories")
"""Lists of a file that tell the scenes of its images."""

_TOKENS = "tokens_positive"

_TEXT_KEY = re.compile(rb'"(?:%s)"' % "|".join((*_PHRASE_KEYS, _TOKENS)).encode())


def has_texts(text: bytes) -> bool:
    """Whether the JSON text of an annotation may have phrases; fast, as there are millions of annotations."""
    return _TEXT_KEY.search(text) is not None


def read_phrases(text: bytes, captions: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The phrases about the thing of an annotation.

    Args:
        text: JSON text of the annotation.
        captions: captions of its image as the file has them, of which ``tokens_positive`` cuts parts.

    Returns:
        The phrases, and the words of the image's caption that stand for the thing itself; None if nothing tells them.
    """
    entry = parse_record(ANY_JSON, text, "")
    attributes = entry.get("attributes")
    places = [entry, attributes] if isinstance(attributes, Mapping) else [entry]
    phrases = [phrase for place in places for key in _PHRASE_KEYS for phrase in list_texts(place.get(key) or [])]
    said = _cut_tokens(entry.get(_TOKENS), captions)
    phrases += [said] if said else []
    return tuple(dict.fromkeys(" ".join(phrase.split()) for phrase in phrases if phrase.strip())), said


def _cut_tokens(tokens: Any, captions: Sequence[str]) -> str | None:
    """The words at the [start, end] pairs of ``tokens_positive`` in the first caption; None if they do not fit it."""
    if not (isinstance(tokens, list) and tokens and captions):
        return None
    caption, words = captions[0], []
    for pair in tokens:
        is_pair = isinstance(pair, list) and len(pair) == len(("start", "end")) and all(type(n) is int for n in pair)
        if not is_pair or not 0 <= pair[0] < pair[1] <= len(caption):
            return None
        words.append(caption[pair[0] : pair[1]])
    return " ".join(" ".join(words).split()).strip(" .,;") or None


def collect_texts(
    images: Mapping[int, CocoImage],
    captions: Iterable[tuple[int, str]],
    scenes: Sequence[Record],
    numbers: Mapping[int, int],
) -> dict[int, tuple[str, ...]]:
    """Collect the captions of each image within a file, as they are, and give the images their scenes.

    Args:
        images: the images by id.
        captions: captions by the id or code of an image, from annotations that are captions.
        scenes: the records of `TACO_LISTS`.
        numbers: the id of an image by its code.

    Returns:
        The captions by image id: those of its own record first.
    """
    found: dict[int, list[str]] = {}
    for number, image in images.items():
        has_captions = not (image.caption is image.captions is image.sentence is image.sentences is None)
        if has_captions and (texts := _list_captions(image)):
            found[number] = texts
        if not image.scene and image.attributes is not None:
            image.scene = _find_scene(image)
    for number, text in captions:
        found.setdefault(numbers.get(number, number), []).append(text)
    for number, label in read_taco_scenes(scenes).items():
        if own := images.get(numbers.get(number, number)):
            own.scene = own.scene or label
    return {number: tuple(dict.fromkeys(texts)) for number, texts in found.items() if number in images}


def _list_captions(image: CocoImage) -> list[str]:
    """The captions that the record of an image has."""
    values = (image.caption, image.captions, image.sentence, image.sentences)
    return [text for value in values if value is not None for text in list_texts(value) if text.strip()]


def _find_scene(image: CocoImage) -> str | None:
    """The scene label among the attributes of an image; None if there is none."""
    attributes = image.attributes if isinstance(image.attributes, Mapping) else {}
    labels = (attributes.get(key) for key in _SCENE_KEYS)
    return next((label for label in labels if isinstance(label, str) and label), None)


def read_own_caption(text: bytes | msgspec.Raw) -> tuple[int, str] | None:
    """Id or code of the image, and the caption, of an annotation that is a caption; None for all other records."""
    try:
        entry = ANY_JSON.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(entry, dict) or entry.keys() & {"category_id", "bbox", "segmentation"}:
        return None
    number = number_id(entry.get("image_id"))
    caption = next((entry[key] for key in ("caption", "sentence") if key in entry), None)
    return (number, caption) if number != NO_ID and isinstance(caption, str) and caption.strip() else None


def read_taco_scenes(records: Iterable[Record]) -> dict[int, str]:
    """Scene labels by the id or code of the image, from the records of ``scene_annotations`` and ``scene_categories``.

    Of several labels of an image the first that names a scene counts.
    """
    names: dict[int, str] = {}
    labels: dict[int, list[int]] = {}
    for record in records:
        try:
            entry = ANY_JSON.decode(record.text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if not isinstance(entry, dict):
            continue
        if record.list == "scene_categories" and isinstance(entry.get("name"), str):
            names[number_id(entry.get("id"))] = entry["name"]
        elif isinstance(entry.get("background_ids"), list):
            labels[number_id(entry.get("image_id"))] = [number_id(label) for label in entry["background_ids"]]
    scenes = {}
    for image, numbers in labels.items():
        said = [names[number] for number in numbers if number in names and describe_scene(names[number]).phrase]
        if said:
            scenes[image] = said[0]
    return scenes
