"""Referring expressions as JSON lists: the same as from a pickle; gRefCOCO's of no thing and of several."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.ref_files import load_expressions
from scar.errors import InputError
from tests.scar.annotations.test_refcoco import Expressions, ref


@pytest.fixture
def files(tmp_path: Path) -> Expressions:
    return Expressions(tmp_path)


def read_as_json(files: Expressions, tally: Tally) -> list[Any]:
    """The pictures of the same files with the expressions as JSON under the same name."""
    files.open(Tally(skip_bad=True))
    (files.folder / "refs(unc).p").write_text(json.dumps(files.refs), encoding="utf-8")
    from scar.annotations.opening import open_index

    return [picture.read_picture(tally) for picture in open_index(files.source(), tally)]


def test_json_gives_the_same_pictures_as_the_pickle(files: Expressions) -> None:
    tally, other = Tally(), Tally()
    assert read_as_json(files, tally) == files.pictures(other)
    assert tally == other


def test_grefcoco_has_expressions_of_no_thing_and_of_several(files: Expressions) -> None:
    files.refs = [
        ref(1, 11) | {"ann_id": [11], "category_id": [2], "no_target": False},
        ref(2, 12) | {"ann_id": [12, 13], "category_id": [1, 2]},
        ref(3, 13) | {"ann_id": [-1], "category_id": [-1], "no_target": True},
    ]
    tally = Tally()
    (picture,) = read_as_json(files, tally)
    assert [region.id for region in picture.regions if region.target] == [11]
    assert (tally.records, tally.rejected) == (3, {"several_targets": 1, "no_target": 1})


@pytest.mark.parametrize(
    "texts",
    [
        {"sentences": ["the left cup", "cup on the left"]},
        {"expressions": ["the left cup", "cup on the left"]},
        {"sentences": [{"raw": "the left cup"}, {"sentence": "cup on the left"}]},
    ],
)
def test_own_json_lists_may_lack_ids_and_splits(texts: dict[str, Any], files: Expressions) -> None:
    whole = {key: value for key, value in ref(1, 11).items() if key in ("image_id",)}
    files.refs = [whole | {"annotation_id": 11} | texts]
    (picture,) = read_as_json(files, Tally())
    assert next(region.phrases for region in picture.regions if region.target) == ("the left cup", "cup on the left")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "no pickle, or damaged"),
        (b"[1", "not JSON, or cut off"),
        (pickle.dumps({"a": 1}), "a pickled dict, not a list of expressions"),
    ],
)
def test_what_is_no_list_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "refs.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_expressions(path)


def test_expressions_find_annotations_that_are_counted_from_0(files: Expressions) -> None:
    for number, annotation in enumerate(files.annotations):
        annotation["id"] = number
    files.refs = [ref(1, 0, "train", "the first"), ref(2, 3, "train", "the last")]
    (picture,) = read_as_json(files, Tally(skip_bad=True))
    phrases = {region.box.x0: region.phrases for region in picture.regions if region.target}
    assert phrases == {10: ("the first",), 40: ("the last",)}


def test_the_command_line_takes_expressions(files: Expressions, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from scar.cli import app

    files.open(Tally(skip_bad=True))
    source = files.source()
    options = ["--reader", "refcoco", "--instances", str(source.instances), "--images", str(source.images)]
    options += ["--name", "R", "--split", "train", "--plan"]
    done = CliRunner().invoke(app, ["build", *options, "--file", f"refs={source.files['refs']}"])
    assert done.exit_code == 0, done.output
    assert "R/train, from its 1 pictures: 2 records" in done.output
    for wrong in ("refs", "=x", "refs="):
        done = CliRunner().invoke(app, ["build", *options, "--file", wrong])
        assert (done.exit_code, done.output.count("\n")) == (2, 1)
        assert "give NAME=PATH" in done.output
