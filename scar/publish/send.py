"""What all push commands share: their options, and showing the plan before the files are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from scar.publish.push import PushTarget, Upload

Public: TypeAlias = Annotated[bool, typer.Option("--public", help="A repository made now is public, not private.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show the plan; ask the Hub nothing.")]
Revision: TypeAlias = Annotated[str, typer.Option(help="Branch to commit to.")]
Tag: TypeAlias = Annotated[str | None, typer.Option(help="A name for what is pushed, as v1.")]


def send_files(files: Sequence[Upload], target: PushTarget, *, about: Sequence[str], dry_run: bool) -> None:
    """Print the plan, push the files, and print the commit.

    Args:
        files: to push.
        target: where they go.
        about: further lines of the plan.
        dry_run: print the plan only; the Hub is not asked.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        InputError: the files exceed the Hub's limits.
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
