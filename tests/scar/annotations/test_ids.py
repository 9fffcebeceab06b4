"""Ids are numbers or codes, the same in every file."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.annotations.ids import LAST_CODE, NO_ID, encode_text, is_code, iter_free_numbers, number_id


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((7, 7), (7.0, 7), ("7", 7), (" 007 ", 7), ("-3", -3), (0, 0), (2**63 - 1, 2**63 - 1)),
        *((None, NO_ID), ("", NO_ID), (True, NO_ID), ([], NO_ID), ({"a": 1}, NO_ID), (float("nan"), NO_ID)),
    ],
)
def test_whole_numbers_stay_and_nothing_is_no_id(value: Any, number: int) -> None:
    assert number_id(value) == number


@pytest.mark.parametrize("value", ["2019_000001", "a", 2**63, -(2**63), 1.5, "1.5", "٣", "9" * 30, "img 1.jpg", "-"])
def test_any_other_id_is_a_code(value: Any) -> None:
    assert NO_ID < number_id(value) <= LAST_CODE
    assert is_code(number_id(value))


@given(st.lists(st.text(), unique=True))
def test_codes_tell_texts_apart(texts: list[str]) -> None:
    assert len({encode_text(text) for text in texts}) == len(texts)
    assert all(NO_ID < encode_text(text) <= LAST_CODE for text in texts)


@pytest.mark.parametrize(("highest", "numbers"), [(0, [1, 2]), (-5, [1, 2]), (41, [42, 43]), (2**63 - 1, [-1, -2])])
def test_free_numbers_are_above_all_others(highest: int, numbers: list[int]) -> None:
    assert list(islice(iter_free_numbers(highest), 2)) == numbers
