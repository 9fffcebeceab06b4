"""The plan of a push names folders, sizes and commits, and refuses what the Hub does not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.errors import InputError
from scar.publish.plan import iter_folder_lines, iter_plan_lines
from scar.publish.push import PushTarget, Upload


def upload(path: str, size: int = 1500) -> Upload:
    return Upload(path, Path(path), size, "0" * 64)


def test_folders_come_with_their_files_and_bytes() -> None:
    files = [("README.md", 10), *((f"rows/{number}.parquet", 1500) for number in range(4))]
    assert list(iter_folder_lines(files)) == [
        "  ./: 1 files, 10 B (README.md)",
        "  rows/: 4 files, 6.0 kB (0.parquet, 1.parquet, 2.parquet, ...)",
    ]


def test_the_plan_says_where_it_goes() -> None:
    target = PushTarget("me/corpus", "dataset", revision="next", tag="v1")
    assert list(iter_plan_lines([upload("README.md")], target)) == [
        "dataset me/corpus, private if it is made now",
        "  ./: 1 files, 1.5 kB (README.md)",
        "1 files, 1.5 kB; 1 commit on next, tagged v1",
    ]


def test_many_files_take_several_commits() -> None:
    files = [upload(f"{number // 1000}/{number}") for number in range(2500)]
    assert list(iter_plan_lines(files, PushTarget("me/corpus", "dataset")))[-1].endswith("; 4 commits on main")


def test_nothing_is_no_plan() -> None:
    with pytest.raises(InputError, match="nothing to push"):
        list(iter_plan_lines([], PushTarget("me/corpus", "dataset")))
