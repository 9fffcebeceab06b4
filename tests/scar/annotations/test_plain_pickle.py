"""Pickles of plain values: numpy's numbers and ordered dictionaries become plain ones, and no code runs."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scar.annotations.plain_pickle import load_plain_pickle
from scar.errors import InputError


def load(value: Any, protocol: int, folder: Path) -> Any:
    path = folder / "refs.p"
    path.write_bytes(pickle.dumps(value, protocol))
    return load_plain_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        *(np.int64(7), np.int32(-7), np.uint8(200), np.float32(0.5), np.float64(1e300), np.bool_(True)),
        *(np.str_("für"), np.int16(-300)),
        np.frombuffer(b"\x01\x02", ">i2")[0],
    ],
    ids=lambda value: f"{value.dtype}",
)
def test_a_number_of_numpy_is_a_plain_one(value: Any, protocol: int, tmp_path: Path) -> None:
    found = load([value], protocol, tmp_path)
    assert found == [value.item()]
    assert type(found[0]) is type(value.item())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_other_dictionaries_are_plain_ones(protocol: int, tmp_path: Path) -> None:
    several = defaultdict(list, {"b": [1]})
    found = load([OrderedDict(z=1, a=OrderedDict(x=np.int64(3))), several], protocol, tmp_path)
    assert found == [{"z": 1, "a": {"x": 3}}, {"b": [1]}]
    assert [type(each) for each in (*found, found[0]["a"])] == [dict] * 3
    assert list(found[0]) == ["z", "a"]


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (np.arange(3), r"numpy\S*\.multiarray\._reconstruct|numpy\._core\.numeric\._frombuffer"),
        (Path("x"), "pathlib"),
        (np.random.default_rng(0), "numpy.random"),
    ],
)
def test_anything_else_is_refused_by_name(value: Any, asked: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"asks for ({asked}).*save it with plain values"):
        load([value], 4, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",  # any object
        b"cnumpy._core.multiarray\nscalar\n(I1\nS'x'\ntR.",
        b"cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(S'i8'\ntRS'abc'\ntR.",  # three bytes of eight
        b"c_codecs\nencode\n(Vx\nVzlib\ntR.",
    ],
)
def test_stand_ins_read_numbers_only(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "refs.p"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no pickle, or damaged"):
        load_plain_pickle(path)
