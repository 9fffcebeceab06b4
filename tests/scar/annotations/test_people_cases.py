"""The inputs that people really have, as ../shared/cases/scar collects them: each is read, or named for what it is."""

from __future__ import annotations

import pytest

from tests.scar.annotations.people_cases import CASES, EXPECTED, judge_cases

pytestmark = [
    pytest.mark.slow,  # 87 builds in one process
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases/scar is absent"),
]


def list_cases() -> list[object]:
    """The names of the cases; what is known to be wrong is expected to fail."""
    return [
        pytest.param(name, marks=pytest.mark.xfail(reason=row["open"], strict=True)) if "open" in row else name
        for name, row in sorted(EXPECTED.items())
    ]


def test_every_case_has_a_row() -> None:
    assert EXPECTED.keys() == {path.name for path in CASES.iterdir() if path.is_dir()}


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is wrong with each case; the set that many must equal is built once."""
    return dict(judge_cases(tmp_path_factory.mktemp("cases")))


@pytest.mark.parametrize("name", list_cases())
def test_a_case_ends_as_its_row_says(name: str, faults: dict[str, list[str]]) -> None:
    assert faults[name] == []
