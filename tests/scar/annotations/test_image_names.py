"""Two lists of images: the ids of the second one count if the names agree, and the names if the ids do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.annotations.image_names import NameFinder, match_images
from scar.errors import InputError

NAMES = {1: "a.jpg", 2: "b.jpg", 3: "c.jpg"}


@given(st.permutations(range(8)), st.permutations(range(100, 108)), st.integers(0, 8))
def test_names_join_what_ids_do_not(first: list[int], second: list[int], shared: int) -> None:
    names = {number: f"train/img_{place}.JPG" for place, number in enumerate(first)}
    for ids in (first[shared:] + first[:shared], second):
        others = [(number, f"img_{place}.png") for place, number in enumerate(ids)]
        matched = match_images(names, others, "first", "second")
        wanted = dict(zip(ids, first, strict=True))
        assert matched == (None if ids == first else wanted)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("000000000007.jpg", "COCO_train2014_000000000007.jpg"),
        ("val2017/000000000007.jpg", "000000000007.JPG"),
        ("val2017/000000000007.jpg", "images/000000000007.png"),
        ("COCO_train2014_000000000007.jpg", "images/000000000007.png"),
        ("images/Street 1.png", "Street 1.jpg"),
        ("a.jpg", "A.JPG"),
        ("train\\x.jpg", "x.jpg"),
        ("train/x.jpg", "images/x.jpg"),
    ],
)
def test_names_that_may_be_of_one_image_leave_the_ids(first: str, second: str) -> None:
    assert match_images({7: first, 8: "other.jpg"}, [(7, second), (8, "other.jpg")], "first", "second") is None


@pytest.mark.parametrize("others", [[], [(9, "z.jpg")], [(1, "a.jpg"), (9, "z.jpg")]])
def test_images_that_the_first_file_lacks_are_no_contradiction(others: list[tuple[int, str]]) -> None:
    assert match_images(NAMES, others, "first", "second") is None


def test_an_image_without_a_match_is_left_out() -> None:
    others = [(1, "b.jpg"), (2, "a.jpg"), (3, "other.jpg"), (4, "c.jpg")]
    assert match_images(NAMES, others, "first", "second") == {1: 2, 2: 1, 4: 3}


def test_an_id_that_stands_for_two_names_is_left_out() -> None:
    assert match_images(NAMES, [(1, "b.jpg"), (1, "a.jpg"), (2, "b.jpg")], "first", "second") == {2: 2}


def test_one_name_in_two_folders_is_not_one_image() -> None:
    frames = {1: "a/0001.jpg", 2: "b/0001.jpg"}
    assert match_images(frames, [(1, "a/0001.png"), (2, "b/0001.png")], "first", "second") is None
    assert match_images(frames, [(2, "a/0001.jpg"), (1, "b/0001.jpg")], "first", "second") == {2: 1, 1: 2}
    assert match_images({1: "a/0001.jpg"}, [(1, "a/0001.jpg"), (2, "b/0001.jpg")], "first", "second") is None
    assert NameFinder(frames).find_id("0001.jpg", likely=5) is None
    assert NameFinder(frames).find_id("0001.jpg", likely=2) == 2


@pytest.mark.parametrize("prefix", ["", "data/photos/"])
def test_folders_tell_images_of_one_name(prefix: str) -> None:
    pairs = {1: "left/0.jpg", 2: "right/0.jpg", 3: "left/1.jpg", 4: "right/1.jpg"}
    swapped = [(number, prefix + pairs[{1: 2, 2: 1, 3: 4, 4: 3}[number]]) for number in pairs]
    assert match_images(pairs, swapped, "first", "second") == {1: 2, 2: 1, 3: 4, 4: 3}
    assert match_images(pairs, [(number, prefix + pairs[number]) for number in pairs], "first", "second") is None


def test_ids_do_not_decide_between_images_of_one_name_if_they_are_wrong_elsewhere() -> None:
    pairs = {1: "left/0.jpg", 2: "right/0.jpg", 3: "left/1.jpg", 4: "right/1.jpg", 5: "end.jpg"}
    bare = [(number, name.rpartition("/")[2]) for number, name in pairs.items()]
    assert match_images(pairs, bare, "first", "second") is None
    from_nought = [(number - 1, name) for number, name in bare]
    assert match_images(pairs, from_nought, "first", "second") == {4: 5}


def test_no_common_name_is_refused_with_both_names() -> None:
    with pytest.raises(
        InputError, match=r"second: image 1 is 'x.jpg', but 'a.jpg' in first, .*remove its list `images`"
    ):
        match_images(NAMES, [(1, "x.jpg"), (2, "y.jpg")], "first", "second")
