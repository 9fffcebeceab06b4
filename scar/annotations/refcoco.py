"""Read RefCOCO+ and RefCOCOg as `Picture`s: COCO's images and annotations with referring expressions.

The expressions are in a pickle of Python 2, which is read without running its code, or in a JSON list, as gRefCOCO's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.coco import CocoIndex, index_image_set
from scar.annotations.coco_index import AnnotationIndex, index_annotations
from scar.annotations.image_names import NameFinder
from scar.annotations.record_index import is_among
from scar.annotations.ref_files import load_expressions
from scar.common.image_hash import parse_coco_identity
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Split

_SPLIT_NAMES: dict[Split, tuple[str, ...]] = {"train": ("train", "training"), "eval": ("val", "validation", "valid")}
"""RefCOCO's names of our splits, and names that people give them in their own files."""

NO_TARGET = -1
"""gRefCOCO's annotation id of an expression that no thing of the image fits."""

_SUFFIX = re.compile(r"_\d+(?=\.[a-z]+$)", re.IGNORECASE)
"""What RefCOCO adds to the file name of an image: COCO_train2014_000000581857_16.jpg."""


class _Sentence(msgspec.Struct):
    sent: str = ""
    raw: str = ""


class _Ref(msgspec.Struct):
    """The expressions about one annotated thing. The category id in the pickle is ignored: the annotation has one."""

    ref_id: int
    ann_id: int | list[int]
    image_id: int
    split: str
    sentences: list[_Sentence]
    file_name: str | None = None


def open_index(source: Source, tally: Tally, cache: CallCache) -> CocoIndex:
    """Index the pictures of one split. Only things with expressions may become samples; other things are context.

    Raises:
        BadRecord, InputError: see `scar.annotations.opening.open_index`.
    """
    inputs = source.inputs
    refs = _read_expressions(inputs["refs"], _SPLIT_NAMES[source.split], tally)
    settings = (tally.skip_bad, source.images, source.frame, source.boxes)  # as `index_image_set` has them
    things = cache(index_annotations, inputs["instances"], *settings)
    refs = {number: refs[given] for number, given in _pair_ids(refs, things)}
    phrases = dict(_iter_of_their_images(refs, things, inputs["refs"].name, tally))
    return index_image_set(source, tally, cache, phrases)


def _pair_ids(given_ids: Iterable[int], things: AnnotationIndex) -> Iterator[tuple[int, int]]:
    """Pair the ids that expressions give annotations with those that the annotations have, which may be numbered."""
    kept = set(things.annotation_ids.tolist()) - things.given_ids.keys()
    numbers = {given: number for number, given in things.given_ids.items() if given not in kept and type(given) is int}
    return ((numbers.get(given, given), given) for given in given_ids)


def _read_expressions(path: Path, names: Sequence[str], tally: Tally) -> dict[int, tuple[_Ref, tuple[str, ...]]]:
    """Read the expressions of one split and their phrases, by the id of the annotation that they are about.

    Args:
        path: the pickle or JSON.
        names: names of the split; the first of them that an expression has is its name in this file.
        tally: counts the expressions of the split as records.
    """
    refs: dict[int, tuple[_Ref, tuple[str, ...]]] = {}
    entries = load_expressions(path)
    splits = {entry["split"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("split"), str)}
    split = next((name for name in names if name in splits), names[0])
    if not splits:
        entries, splits = [{"split": split} | entry if isinstance(entry, dict) else entry for entry in entries], {split}
    for number, entry in enumerate(entries):
        where = f"{path.name}, refs[{number}]"
        try:
            ref = msgspec.convert(entry, _Ref)
        except msgspec.ValidationError as error:
            # Its split is unknown, so it counts for the split that is built.
            tally.records += 1
            tally.reject_regions(BadRecord(where, str(error), "malformed"))
            continue
        if ref.split != split:
            continue
        tally.records += 1
        where = f"{path.name}, ref {ref.ref_id}"
        things = [ref.ann_id] if isinstance(ref.ann_id, int) else [thing for thing in ref.ann_id if thing != NO_TARGET]
        if len(things) != 1:  # gRefCOCO has such expressions, and nothing is wrong with them
            tally.rejected["several_targets" if things else "no_target"] += 1
            continue
        try:
            phrases = _find_phrases(ref, where)
            if things[0] in refs:
                raise BadRecord(where, f"a second one is about the annotation {things[0]}", "duplicate_ref")
        except BadRecord as bad:
            tally.reject_regions(bad)
        else:
            refs[things[0]] = ref, phrases
    if split not in splits:
        raise InputError(f"{path}: none of its expressions is of the split {split!r}; it has {sorted(splits)}.")
    return refs


def _iter_of_their_images(
    refs: Mapping[int, tuple[_Ref, tuple[str, ...]]], things: AnnotationIndex, file: str, tally: Tally
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Iterate over annotation id and phrases of the expressions that agree with their annotation about the image.

    If the file name of an expression is that of the annotation's image, it does not matter which id it gives.
    """
    referred = is_among(things.annotation_ids, refs)
    numbers = things.annotation_ids[referred].tolist(), things.image_ids[referred].tolist()
    image_of = dict(zip(*numbers, strict=True))
    finder = NameFinder(things.file_names)
    for number, (ref, phrases) in refs.items():
        where = f"{file}, ref {ref.ref_id}"
        image = image_of.get(number, ref.image_id)  # an unknown annotation is refused later
        named = None if ref.file_name is None else _find_named_image(ref.file_name, finder, image)
        try:
            if named is not None and named != image:
                problem = f"its file name {ref.file_name!r} is not that of image {image}, but of image {named}"
                raise BadRecord(where, problem, "image_mismatch")
            if named is None and ref.image_id != image:
                problem = f"its annotation {number} is of image {image}, not of its image {ref.image_id}"
                raise BadRecord(where, problem, "image_mismatch")
        except BadRecord as bad:
            tally.reject_regions(bad)
            continue
        if ref.image_id != image:
            tally.repaired["ref_by_file_name"] += 1
        yield number, phrases


def _find_named_image(file_name: str, finder: NameFinder, likely: int) -> int | None:
    """The id of the image with a file name, with or without RefCOCO's addition; None if no image has the name."""
    short = _SUFFIX.sub("", file_name)
    for name in (file_name, short):
        if (number := finder.find_id(name, likely)) is not None:
            return number
    identity = parse_coco_identity(short)
    return int(identity.removeprefix("coco:")) if identity else None


def _find_phrases(ref: _Ref, where: str) -> tuple[str, ...]:
    """The distinct expressions about a thing."""
    texts = (" ".join(_repair_encoding(sentence.sent or sentence.raw).split()) for sentence in ref.sentences)
    phrases = tuple(dict.fromkeys(phrase for phrase in texts if phrase))
    if not phrases:
        raise BadRecord(where, "it has no phrase", "no_phrase")
    return phrases


def _repair_encoding(text: str) -> str:
    """Repair text that was read as Latin-1: most of it is UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
