"""The plan of a push is one table of what happens to each file, and refuses what the Hub does not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.common.hub_files import RemoteFile
from scar.errors import InputError
from scar.publish.changes import compare_files
from scar.publish.plan import iter_folder_lines, iter_plan_lines
from scar.publish.push_record import PushedFile
from scar.publish.upload import PushTarget, Upload


def upload(path: str, size: int = 1500) -> Upload:
    return Upload(path, Path(path), size, "0" * 64)


def lines(files: list[Upload], target: PushTarget) -> list[str]:
    return list(iter_plan_lines(compare_files(files, target), target))


def test_folders_come_with_their_files_and_bytes() -> None:
    files = [("README.md", 10), *((f"rows/{number}.parquet", 1500) for number in range(4))]
    assert list(iter_folder_lines(files)) == [
        "  ./: 1 files, 10 B (README.md)",
        "  rows/: 4 files, 6.0 kB (0.parquet, 1.parquet, 2.parquet, ...)",
    ]


def test_the_plan_says_where_it_goes() -> None:
    target = PushTarget("me/corpus", "dataset", revision="next", tag="v1")
    assert lines([upload("README.md")], target) == [
        "dataset me/corpus, private if it is made now",
        "  adds      README.md     1.5 kB",
        "1 added, 0 replaced, 0 removed, 0 kept; 1.5 kB to send; 1 commit on next, tagged v1",
    ]


def test_each_file_has_one_action_and_a_reason_where_it_needs_one() -> None:
    target = PushTarget("me/corpus", "dataset")
    there = {
        path: RemoteFile(path, 1500, "1" * 64, "b") for path in ("rows/a", "rows/old", "rows/theirs", "rows/edited")
    }
    record = {"rows/old": PushedFile("1" * 64), "rows/edited": PushedFile("2" * 64)}
    plan = compare_files([upload("rows/a"), upload("rows/b")], target, "c0ffee", there, record)
    assert list(iter_plan_lines(plan, target)) == [
        "dataset me/corpus, now at c0ffee",
        "  adds      rows/b          1.5 kB",
        "  replaces  rows/a          1.5 kB",
        "  removes   rows/old        1.5 kB  an earlier push wrote it, this one has no such file",
        "  keeps     rows/edited     1.5 kB  was changed on the Hub since the last push; --prune removes it",
        "  keeps     rows/theirs     1.5 kB  no push wrote it; --prune removes it",
        "1 added, 1 replaced, 1 removed, 2 kept; 3.0 kB to send; 1 commit on main",
    ]


def test_many_files_take_several_commits_and_few_lines() -> None:
    files = [upload(f"{number // 1000}/{number}") for number in range(2500)]
    shown = lines(files, PushTarget("me/corpus", "dataset"))
    assert shown[-1].endswith("; 4 commits on main")
    assert (
        shown[1:-1]
        == [
            f"  adds      {folder}/: {count} files  {size:>9}"
            for folder, count, size in ((0, 1000, "1.5 MB"), (1, 1000, "1.5 MB"), (2, 500, "750.0 kB"))
        ]
        or len(shown) == 5
    )


def test_what_goes_is_named_file_by_file() -> None:
    there = {f"rows/{number}": RemoteFile(f"rows/{number}", 1, "1" * 64, "b") for number in range(100)}
    target = PushTarget("me/corpus", "dataset", prune=True)
    shown = list(iter_plan_lines(compare_files([upload("a")], target, "c0ffee", there), target))
    assert sum(line.startswith("  removes ") for line in shown) == 100


def test_a_rival_of_others_is_refused() -> None:
    there = {"old.safetensors": RemoteFile("old.safetensors", 1, "1" * 64, "b")}
    target = PushTarget("me/model", "model", rivals=["*.safetensors"])
    with pytest.raises(InputError, match=r"me/model: old.safetensors \(no push wrote it\) would be read .* --prune"):
        compare_files([upload("model.safetensors")], target, "c0ffee", there)
