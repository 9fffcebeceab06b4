"""One image is one identity under all its names, and an image of an eval split is in no train split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scar.accounting import Tally
from scar.annotations.pictures import PictureList
from scar.build.earlier_builds import EarlierBuild
from scar.build.engine import run_here
from scar.build.leakage import Leakage, describe_leakage, find_leakage, find_shared_images, refuse_leakage
from scar.errors import LeakageError
from scar.recipe import READERS, Reader, Source
from scar.sample import Split
from tests.scar.annotations.test_pictures import TwoRegions


def source(name: str, split: Split, folder: Path) -> Source:
    return Source(name=name, split=split, images=folder, instances=folder / "x.json")


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Something with light and dark places."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


images = st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abcdefgh")), unique_by=lambda pair: pair[0])


@given(
    st.dictionaries(st.sampled_from(["A/train", "B/train"]), images),
    st.dictionaries(st.sampled_from(["A/eval", "C/eval"]), st.lists(st.sampled_from("abcdefgh"))),
)
def test_overlap_is_what_sets_say(train: dict[str, list[tuple[int, str]]], held: dict[str, list[str]]) -> None:
    found = find_shared_images(train, held)
    for name, pairs in train.items():
        for other, identities in held.items():
            expected = {number for number, identity in pairs if identity in identities}
            assert found.get((name, other), frozenset()) == expected
    assert all(found.values())


def leakage_of(folder: Path, refs: dict[tuple[str, Split], Sequence[TwoRegions]]) -> Leakage:
    return find_leakage(
        [PictureList(source(name, split, folder), Tally(), found) for (name, split), found in refs.items()], run_here
    )


def test_leakage_is_found_across_sources_by_name_and_by_looks(tmp_path: Path) -> None:
    photo(1).save(tmp_path / "a.png")
    photo(1).resize((100, 75)).save(tmp_path / "copy.jpg", quality=92)
    photo(2).save(tmp_path / "b.png")
    found = leakage_of(
        tmp_path,
        {
            ("COCO", "train"): [TwoRegions(7, "x.jpg", "coco:7"), TwoRegions(8, "y.jpg", "coco:8")],
            ("VG", "eval"): [TwoRegions(1, "z.jpg", "coco:8")],
            ("ADE", "train"): [TwoRegions(1, "a.png"), TwoRegions(2, "b.png"), TwoRegions(3, "missing.png")],
            ("Mine", "eval"): [TwoRegions(5, "copy.jpg")],
        },
    )
    assert found == {("COCO/train", "VG/eval"): {8}, ("ADE/train", "Mine/eval"): {1}}
    assert describe_leakage(found) == "ADE/train and Mine/eval: 1; COCO/train and VG/eval: 1"
    with pytest.raises(LeakageError, match=r"ADE/train and Mine/eval: 1; COCO/train and VG/eval: 1.*drop-train"):
        refuse_leakage(found)


@pytest.mark.parametrize("reader", ["coco", "refcoco", "toy"])
def test_a_renamed_image_is_found_whatever_the_format(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "toy", Reader("toy", ()))
    photo(1).save(tmp_path / "renamed.png")
    photo(1).save(tmp_path / "000000000007.jpg", quality=95)
    files = dict.fromkeys(READERS[reader].required, tmp_path / "x.json")
    train = Source(name="T", split="train", images=tmp_path, reader=reader, files=files)
    indexes = [
        PictureList(train, Tally(), [TwoRegions(1, "renamed.png")]),
        PictureList(source("COCO", "eval", tmp_path), Tally(), [TwoRegions(7, "000000000007.jpg", "coco:7")]),
    ]
    assert find_leakage(indexes, run_here) == {("T/train", "COCO/eval"): {1}}


def test_one_split_alone_is_not_even_looked_at(tmp_path: Path) -> None:
    found = leakage_of(
        tmp_path, {("A", "train"): [TwoRegions(1, "missing.png")], ("B", "train"): [TwoRegions(1, "missing.png")]}
    )
    assert found == {}
    refuse_leakage(found)


def test_a_refusal_names_two_images_that_look_alike_or_are_the_same(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 1), ("d", 3)):
        photo(seed).save(tmp_path / f"{name}.png")
    sides: dict[Split, Sequence[TwoRegions]] = {
        "train": [TwoRegions(1, "b.png"), TwoRegions(2, "a.png")],
        "eval": [TwoRegions(1, "d.png"), TwoRegions(2, "c.png")],
    }
    indexes = [PictureList(source("X", split, tmp_path), Tally(), refs) for split, refs in sides.items()]
    with pytest.raises(LeakageError, match=r"X/eval: 1\), such as .*a\.png and .*c\.png, which look alike; --overlap"):
        refuse_leakage(find_leakage(indexes, run_here), indexes)
    sides = {"train": [TwoRegions(7, "x.png", "coco:7")], "eval": [TwoRegions(7, "y.png", "coco:7")]}
    indexes = [PictureList(source("X", split, tmp_path), Tally(), refs) for split, refs in sides.items()]
    with pytest.raises(LeakageError, match=r"such as .*x\.png and .*y\.png, which are the same"):
        refuse_leakage(find_leakage(indexes, run_here), indexes)
    built = EarlierBuild("X/eval", "eval", ((70, "coco:7"),))
    with pytest.raises(LeakageError, match=r"such as .*x\.png and image 70 of X/eval, which are the same"):
        refuse_leakage(find_leakage(indexes[:1], run_here, [built]), indexes[:1], [built])
