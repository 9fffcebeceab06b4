"""The tiny model says today what it said when its golden file was written; the file needs nothing from outside."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ATOL = 2e-5


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", Path(__file__).parent / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vectors_are_those_of_the_golden_file(maker: ModuleType) -> None:
    golden = json.loads(maker.GOLDEN.read_text())
    computed = maker.compute()
    assert [record["options"] for record in golden] == [options for _, options in maker.CASES]
    for expected, found in zip(golden, computed, strict=True):
        np.testing.assert_allclose(found["vectors"], expected["vectors"], rtol=0, atol=ATOL)


def test_the_golden_file_tells_profiles_and_prompts_apart(maker: ModuleType) -> None:
    clean, official, low = (np.array(record["vectors"]) for record in json.loads(maker.GOLDEN.read_text()))
    np.testing.assert_allclose(clean[:2], official[:2], atol=ATOL)  # texts know no profile
    for one, two in ((clean, official), (official, low)):
        assert (np.abs(one[2:] - two[2:]).max(axis=1) > 100 * ATOL).all()
    for row in range(3, len(clean)):
        assert np.abs(clean[row] - clean[2]).max() > 100 * ATOL
