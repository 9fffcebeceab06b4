"""The plan of a push, as lines for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scar.common.files import format_bytes
from scar.publish.changes import Change, PushPlan
from scar.publish.push import plan_commits
from scar.publish.upload import PushTarget

MAX_ROWS_PER_FOLDER = 20
"""Most files of a folder that are added or kept and are named one by one. What is replaced or removed is all named."""


def iter_plan_lines(plan: PushPlan, target: PushTarget) -> Iterator[str]:
    """The plan of a push as lines: the repository, a table with what happens to each of its files, and the totals.

    Raises:
        InputError: more existing files change than one commit takes.
    """
    visibility = f"{'public' if target.public else 'private'} if it is made now"
    yield f"{target.repo_type} {target.repo}, {visibility if plan.head is None else f'now at {plan.head}'}"
    rows = list(_iter_rows(plan.changes))
    width = max((len(name) for _, name, _, _ in rows), default=0)
    for action, name, size, reason in rows:
        yield f"  {action:8}  {name:{width}}  {size:>9}  {reason}".rstrip()
    counts = Counter(change.action for change in plan.changes)
    removed = plan.list_paths("removes")
    steps = plan_commits([file.path for file in plan.sent], removed, plan.remote) if plan.sent or removed else []
    tagged = f", tagged {target.tag}" if target.tag else ""
    yield (
        f"{counts['adds']} added, {counts['replaces']} replaced, {counts['removes']} removed, {counts['keeps']} kept; "
        f"{format_bytes(sum(file.size for file in plan.sent))} to send; "
        f"{len(steps)} commit{'' if len(steps) == 1 else 's'} on {target.revision}{tagged}"
    )


def iter_folder_lines(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A line for each folder: its number of files, their size, and the names of the first ones.

    Args:
        files: pairs of a file's path and its size in bytes.
    """
    for folder in sorted({path.rpartition("/")[0] for path, _ in files}):
        own = [(path.rpartition("/")[2], size) for path, size in files if path.rpartition("/")[0] == folder]
        names = ", ".join(name for name, _ in own[:3]) + (", ..." if len(own) > 3 else "")
        yield f"  {folder or '.'}/: {len(own)} files, {format_bytes(sum(size for _, size in own))} ({names})"


def _iter_rows(changes: Sequence[Change]) -> Iterator[tuple[str, str, str, str]]:
    """Action, name, size and reason: a row for each file, or for many like ones of a folder that are added or kept."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.action, change.path.rpartition("/")[0], change.reason), []).append(change)
    for (action, folder, reason), group in groups.items():
        if action in ("adds", "keeps") and len(group) > MAX_ROWS_PER_FOLDER:
            size = sum(change.size for change in group)
            yield action, f"{folder or '.'}/: {len(group)} files", format_bytes(size), reason
            continue
        for change in group:
            yield action, change.path, format_bytes(change.size), reason
