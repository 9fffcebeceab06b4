"""What a push will do, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scar.common.files import format_bytes
from scar.common.hub_files import RepoType
from scar.publish.push import Upload, check_plan, plan_commits


def iter_plan_lines(
    files: Sequence[Upload], repo: str, repo_type: RepoType, *, public: bool, revision: str, tag: str | None
) -> Iterator[str]:
    """The plan: folders with files and bytes, the commit, where it goes and who sees it.

    Raises:
        InputError: the files are beyond the Hub's limits.
    """
    check_plan(files)
    whole = sum(file.size for file in files)
    yield f"{repo_type} {repo}, {'public' if public else 'private'} if it is made now"
    yield from iter_folder_lines([(file.path, file.size) for file in files])
    named = f", tagged {tag}" if tag else ""
    most = len(plan_commits([file.path for file in files], (), ()))
    yield f"{len(files)} files, {format_bytes(whole)}; {most} commit{'s' if most > 1 else ''} on {revision}{named}"


def iter_folder_lines(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A line for each folder: how many files and bytes, and the first of them.

    Args:
        files: paths with sizes in bytes.
    """
    for folder in sorted({path.rpartition("/")[0] for path, _ in files}):
        mine = [(path.rpartition("/")[2], count) for path, count in files if path.rpartition("/")[0] == folder]
        shown = ", ".join(name for name, _ in mine[:3]) + (", ..." if len(mine) > 3 else "")
        yield f"  {folder or '.'}/: {len(mine)} files, {format_bytes(sum(count for _, count in mine))} ({shown})"
