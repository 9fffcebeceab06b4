"""The plan of a push, as lines for the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scar.common.files import format_bytes
from scar.publish.push import PushTarget, Upload, check_plan, plan_commits


def iter_plan_lines(files: Sequence[Upload], target: PushTarget) -> Iterator[str]:
    """Lines about the repository, its folders with files and bytes, and the commits.

    Raises:
        InputError: there are no files, or they exceed the Hub's limits.
    """
    check_plan(files)
    size = sum(file.size for file in files)
    yield f"{target.repo_type} {target.repo}, {'public' if target.public else 'private'} if it is made now"
    yield from iter_folder_lines([(file.path, file.size) for file in files])
    tagged = f", tagged {target.tag}" if target.tag else ""
    count = len(plan_commits([file.path for file in files], (), ()))
    commits = f"{count} commit{'s' if count > 1 else ''} on {target.revision}{tagged}"
    yield f"{len(files)} files, {format_bytes(size)}; {commits}"


def iter_folder_lines(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A line for each folder: its number of files, their size, and the names of the first ones.

    Args:
        files: pairs of a file's path and its size in bytes.
    """
    for folder in sorted({path.rpartition("/")[0] for path, _ in files}):
        own = [(path.rpartition("/")[2], size) for path, size in files if path.rpartition("/")[0] == folder]
        names = ", ".join(name for name, _ in own[:3]) + (", ..." if len(own) > 3 else "")
        yield f"  {folder or '.'}/: {len(own)} files, {format_bytes(sum(size for _, size in own))} ({names})"
