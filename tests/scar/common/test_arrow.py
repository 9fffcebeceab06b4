"""Arrow arrays are those that pyarrow makes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.common.arrow import (
    make_list_array,
    make_number_array,
    make_string_array,
    make_struct_array,
    read_table,
    to_numpy,
)

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])))


@given(texts)
def test_strings(values: list[str]) -> None:
    array = make_string_array(values)
    array.validate(full=True)
    assert array == pa.array(values, pa.string())


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1))))
def test_lists_of_numbers(values: list[list[int]]) -> None:
    numbers = make_number_array([number for several in values for number in several], np.int64)
    array = make_list_array([len(several) for several in values], numbers)
    array.validate(full=True)
    assert array == pa.array(values, pa.list_(pa.int64()))


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_structs_with_nulls(values: list[str | None]) -> None:
    dtype = pa.struct([("text", pa.string())])
    is_valid = [value is not None for value in values]
    array = make_struct_array([make_string_array(value or "" for value in values)], dtype, is_valid)
    array.validate(full=True)
    assert array == pa.array([None if value is None else {"text": value} for value in values], dtype)


def test_too_many_values_for_one_array_are_refused() -> None:
    with pytest.raises(ValueError, match="2147483648 values or bytes in one array"):
        make_list_array([1 << 31], make_number_array([], np.int32))


def test_a_table_comes_back_in_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"count": [3, 1, 2]}), tmp_path / "x.parquet", row_group_size=2)
    column = read_table(tmp_path / "x.parquet")["count"]
    assert to_numpy(column).tolist() == [3, 1, 2]
    assert to_numpy(pa.chunked_array([[3], [1, 2]])).tolist() == [3, 1, 2]
