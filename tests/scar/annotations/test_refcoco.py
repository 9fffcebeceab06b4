"""RefCOCO+ and RefCOCOg: Python 2's pickles are read as data, and what expressions are about becomes samples."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations import PictureIndex, open_index
from scar.annotations.ref_files import load_expressions
from scar.build.select import list_eligible_regions
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Picture, Split

IMAGE = 581857


def python2(value: Any, protocol: int) -> bytes:
    """The value as Python 2 pickled it: `str` is bytes there, so its opcodes are those of byte strings."""
    if protocol == 0:
        return _text(value) + b"."
    return b"\x80\x02" + _binary(value) + b"."


def _text(value: Any) -> bytes:
    """Protocol 0, as `pickle.dumps(value)` of Python 2 wrote it, less the memo."""
    if isinstance(value, str):
        return b"S" + repr(value.encode("utf-8"))[1:].encode() + b"\n"
    if isinstance(value, int):
        return b"I%d\n" % value
    if isinstance(value, list):
        return b"(l" + b"".join(_text(item) + b"a" for item in value)
    return b"(d" + b"".join(_text(key) + _text(item) + b"s" for key, item in value.items())


def _binary(value: Any) -> bytes:
    """Protocol 2."""
    if isinstance(value, str):
        data = value.encode("utf-8")
        return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_binary, value)) + b"e"
    return b"}(" + b"".join(_binary(key) + _binary(item) for key, item in value.items()) + b"u"


def ref(number: int, annotation: int, split: str = "train", *sentences: str, **changes: Any) -> dict[str, Any]:
    texts = sentences or ("the left cup", "cup on the left")
    return {
        "ref_id": number,
        "ann_id": annotation,
        "image_id": IMAGE,
        "category_id": 99,  # renumbered: the annotation's own category counts
        "split": split,
        "file_name": f"COCO_train2014_{IMAGE:012}_{number}.jpg",
        "sent_ids": [number],
        "sentences": [{"sent_id": number, "sent": text, "raw": text.upper(), "tokens": text.split()} for text in texts],
    } | changes


class Expressions:
    """RefCOCO-like files: one image of four things, two of them referred to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image_name = f"COCO_train2014_{IMAGE:012}.jpg"
        self.other_name = "COCO_train2014_000000000009.jpg"
        self.refs = [ref(1, 11), ref(2, 12, "train", "the fork"), ref(3, 13, "val"), ref(4, 13, "testA")]
        self.annotations = [
            {"id": number, "image_id": IMAGE, "category_id": 1 + number % 2, "bbox": [10 * (number - 10), 5, 40, 30]}
            for number in (11, 12, 13, 14)
        ]

    def open(self, tally: Tally, split: Split = "train", protocol: int = 2) -> PictureIndex:
        image = {"id": IMAGE, "file_name": self.image_name, "width": 120, "height": 90}
        other = image | {"id": 9, "file_name": self.other_name}
        stray = {"id": 90, "image_id": 9, "category_id": 1, "bbox": [1, 1, 30, 30]}
        content = {
            "images": [image, other],
            "annotations": [*self.annotations, stray],
            "categories": [{"id": 1, "name": "fork"}, {"id": 2, "name": "cup"}],
        }
        (self.folder / "instances.json").write_text(json.dumps(content))
        (self.folder / "refs(unc).p").write_bytes(python2(self.refs, protocol))
        return open_index(self.source(split), tally)

    def source(self, split: Split = "train") -> Source:
        return Source(
            name="Refs",
            split=split,
            reader="refcoco",
            images=self.folder,
            instances=self.folder / "instances.json",
            files={"refs": self.folder / "refs(unc).p"},
        )

    def pictures(self, tally: Tally, split: Split = "train", protocol: int = 2) -> list[Picture]:
        return [ref.read_picture(tally) for ref in self.open(tally, split, protocol)]


@pytest.fixture
def files(tmp_path: Path) -> Expressions:
    return Expressions(tmp_path)


@pytest.mark.parametrize("protocol", [0, 2])
def test_both_protocols_of_python_2_are_read(files: Expressions, protocol: int) -> None:
    files.refs[0]["sentences"][0]["sent"] = "the caf\u00e9's 'cup'"
    tally = Tally()
    (picture,) = files.pictures(tally, protocol=protocol)
    assert (picture.id, picture.file) == (IMAGE, f"COCO_train2014_{IMAGE:012}.jpg")
    assert picture.regions[0].phrases == ("the caf\u00e9's 'cup'", "cup on the left")
    assert load_expressions(files.folder / "refs(unc).p")[1] == files.refs[1]


def test_what_is_referred_to_is_a_record_and_the_rest_is_context(files: Expressions) -> None:
    tally = Tally()
    (picture,) = files.pictures(tally)
    assert [(region.id, region.category, region.target) for region in picture.regions] == [
        (11, "cup", True),
        (12, "fork", True),
        (13, "cup", False),
        (14, "fork", False),
    ]
    assert tally.records == 2
    eligible = list_eligible_regions(picture, files.source(), tally.rejected)
    assert {region.id for region in eligible} == {11, 12}
    assert tally.rejected.total() == 0


def test_eval_is_the_official_val_split(files: Expressions) -> None:
    tally = Tally()
    (picture,) = files.pictures(tally, "eval")
    assert [region.id for region in picture.regions if region.target] == [13]
    assert tally.records == 1


def test_drafts_know_coco_and_travel(files: Expressions, travelled: Callable[[Any], Any]) -> None:
    (ref,) = files.open(Tally())
    assert ref.identity == f"coco:{IMAGE}"
    assert travelled(ref).read_picture(Tally()) == ref.read_picture(Tally())


@pytest.mark.parametrize(
    "name",
    [
        f"COCO_train2014_{IMAGE:012}_16.jpg",
        f"COCO_train2014_{IMAGE:012}.jpg",
        f"{IMAGE:012}.jpg",
        "photo-1b.png",
        "photo",
    ],
)
def test_a_file_name_is_that_of_the_image_or_says_nothing(files: Expressions, name: str) -> None:
    files.refs[0]["file_name"] = name
    tally = Tally()
    (picture,) = files.pictures(tally)
    assert picture.regions[0].phrases == ("the left cup", "cup on the left")
    assert not tally.repaired


def test_images_of_ones_own_are_compared_by_their_own_names(files: Expressions) -> None:
    files.image_name, files.other_name = "photo_1.png", "photo_2.png"
    files.refs[0]["file_name"] = "photo_1_11.png"
    assert len(files.pictures(Tally())) == 1
    files.refs[0]["file_name"] = "photo_2.png"
    with pytest.raises(BadRecord, match=r"ref 1: .*'photo_2.png' is not that of image 581857, but of image 9"):
        files.pictures(Tally())


@pytest.mark.parametrize("image_id", [9, 2**31 - 1])
def test_ids_of_another_numbering_are_counted_where_file_names_agree(image_id: int, files: Expressions) -> None:
    for entry in files.refs:
        entry["image_id"] = image_id
    tally = Tally()
    (picture,) = files.pictures(tally)
    assert [region.id for region in picture.regions if region.target] == [11, 12]
    assert tally.repaired == {"ref_by_file_name": 2}


DEFECTS: dict[str, tuple[Callable[[Expressions], object], str, str]] = {
    "annotation missing": (
        lambda files: files.annotations.pop(0),
        "no usable annotation has the id 11",
        "no_annotation",
    ),
    "two about one thing": (
        lambda files: files.refs.append(ref(7, 11)),
        "ref 7: a second one is about the annotation 11",
        "duplicate_ref",
    ),
    "no phrase": (lambda files: files.refs[0].update(sentences=[]), "ref 1: it has no phrase", "no_phrase"),
    "another image": (
        lambda files: files.refs[0].update(file_name="COCO_train2014_000000000009_1.jpg"),
        "is not that of image 581857",
        "image_mismatch",
    ),
    "annotation of another image": (
        lambda files: files.refs[0].update(ann_id=90, file_name="photo"),
        "ref 1: its annotation 90 is of image 9, not of its image 581857",
        "image_mismatch",
    ),
    "annotation of another image, by name": (
        lambda files: files.refs[0].update(ann_id=90),
        "is not that of image 9, but of image 581857",
        "image_mismatch",
    ),
    "no number": (lambda files: files.refs[0].update(ann_id="x"), r"refs\[0\]: Expected `int \| array`", "malformed"),
    "no dictionary": (
        lambda files: files.refs.append({}),
        r"refs\[4\]: .*missing required field `ref_id`",
        "malformed",
    ),
    "flat box": (lambda files: files.annotations[0].update(bbox=[1, 1, 0, 4]), "annotation 11: box", "empty_box"),
    "annotation without category": (
        lambda files: files.annotations[0].update(category_id=7),
        "annotation 11: its category 7|no usable annotation",
        "no_annotation",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_is_refused_or_counted(name: str, files: Expressions) -> None:
    change, message, reason = DEFECTS[name]
    change(files)
    with pytest.raises(BadRecord, match=message):
        files.pictures(Tally())
    tally = Tally(skip_bad=True)
    regions = [region for picture in files.pictures(tally) for region in picture.regions if region.target]
    assert tally.rejected == {reason: 1}
    assert tally.records == len(regions) + 1


def test_a_defect_of_the_context_is_no_rejected_record(files: Expressions) -> None:
    files.annotations[3]["bbox"] = [1, 1, 0, 4]
    tally = Tally(skip_bad=True)
    (picture,) = files.pictures(tally)
    assert len(picture.regions) == 3
    assert (tally.records, tally.rejected.total(), tally.ignored) == (2, 0, {"empty_box": 1})


def test_a_file_without_the_split_is_refused(files: Expressions) -> None:
    files.refs = files.refs[:2]
    with pytest.raises(InputError, match=r"refs\(unc\)\.p: none of its expressions is of the split 'val'; it has"):
        files.pictures(Tally(skip_bad=True), "eval")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: Callable[..., object], *arguments: object) -> None:
        self._call = command, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("command", "name"),
    [
        (os.system, r"(posix|nt)\.system"),
        (eval, r"(__builtin__|builtins)\.eval"),
        (open, r"_?io\.open"),
        (getattr, "getattr"),
    ],
)
def test_a_hostile_pickle_is_refused_by_name_and_does_nothing(
    tmp_path: Path, protocol: int, command: Callable[..., object], name: str
) -> None:
    mark = tmp_path / "mark"
    arguments = {os.system: f"touch {mark}", eval: f"open({str(mark)!r}, 'w')", open: str(mark)}.get(command, "x")
    path = tmp_path / "refs(unc).p"
    path.write_bytes(pickle.dumps([Hostile(command, arguments, "w")], protocol))
    with pytest.raises(InputError, match=rf"refs\(unc\)\.p: refused, for it asks for .*{name}"):
        load_expressions(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"c__builtin__\nset\n(l(I1\nI2\nltR.", "a pickled (set|tuple)|damaged"),
        (b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
        (b"(S'true'\nios\nsystem\n.", "asks for os.system|damaged"),
        (b"c__builtin__\nobject\n.", "asks for __builtin__.object"),
        (b"c__builtin__\nlist.__init__\n.", "asks for __builtin__.list.__init__"),
        (b"Pelsewhere\n.", "asks for an object outside"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "no pickle, or damaged"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fa.", "no pickle, or damaged"),
        (b"", "no pickle, or damaged"),
        (b"[1, 2", "not JSON, or cut off"),
        (b"PK\x03\x04", "no pickle, or damaged"),
        (b"}.", "a pickled dict, not a list"),
    ],
)
def test_what_is_no_list_of_plain_values_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "refs.p"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"refs\.p: .*({message})"):
        load_expressions(path)


def test_every_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "refs.p"
    for protocol in (0, 2):
        whole = python2([ref(1, 11)], protocol)
        for length in range(0, len(whole) - 1, 7):
            path.write_bytes(whole[:length])
            with pytest.raises(InputError, match="no pickle, or damaged"):
                load_expressions(path)
    with pytest.raises(InputError, match=r"absent\.p: No such file"):
        load_expressions(tmp_path / "absent.p")
