"""What all push commands share: their options, and showing the plan before the files are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from scar.publish.push import PushTarget, Upload

Public: TypeAlias = Annotated[
    bool, typer.Option("--public", help="Make the repository public if it is created now; else it is private.")
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan; send nothing, and do not contact the Hub.")
]
Revision: TypeAlias = Annotated[str, typer.Option(help="Branch to commit to.")]
Tag: TypeAlias = Annotated[str | None, typer.Option(help="Git tag for the commit, such as v1.")]


def send_files(files: Sequence[Upload], target: PushTarget, *, about: Sequence[str], dry_run: bool) -> None:
    """Print the plan, push the files, and print the commit.

    Args:
        files: the files to push.
        target: where the files go.
        about: lines to print after the plan.
        dry_run: only print the plan; the Hub is not contacted.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        InputError: there are no files, or they exceed the Hub's limits.
    """
    from scar.common.progress import show_progress
    from scar.publish.plan import iter_plan_lines
    from scar.publish.push import push_files

    for line in (*iter_plan_lines(files, target), *about):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was sent.")
        return
    done = push_files(files, target, track=show_progress, say=lambda line: typer.echo(line, err=True))
    typer.echo(f"{len(done.sent)} files sent, {len(done.removed)} removed, all verified: commit {done.commit}")
