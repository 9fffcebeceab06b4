"""What all push commands share: their options, and showing the plan before the files are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from scar.errors import InputError, ScarError

if TYPE_CHECKING:
    from scar.publish.changes import PushPlan
    from scar.publish.upload import PushTarget, Upload

Public: TypeAlias = Annotated[
    bool, typer.Option("--public", help="Make the repository public if it is created now; else it is private.")
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Show what a push would add, replace, remove and keep; send nothing.")
]
Revision: TypeAlias = Annotated[str, typer.Option(help="Branch to commit to.")]
Tag: TypeAlias = Annotated[str | None, typer.Option(help="Git tag for the commit, such as v1.")]
Prune: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--prune", help="Also remove files that no push wrote, and replace a card that was edited on the Hub."
    ),
]


def send_files(files: Sequence[Upload], target: PushTarget, *, about: Sequence[str], dry_run: bool) -> None:
    """Print the plan, push the files, and print the commit.

    Args:
        files: the files to push, with the record of `scar.publish.push_record.write_push_record`.
        target: where the files go.
        about: lines to print after the plan.
        dry_run: only print the plan. If the Hub cannot be asked, it is that of an empty repository, and a line says so.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        InputError: the repository's name has another form than ``ORG/NAME``; or see `scar.publish.push.push_files`.
    """
    from scar.common.progress import show_progress
    from scar.publish.plan import iter_plan_lines
    from scar.publish.push import plan_push, push_files

    def say(line: str) -> None:
        typer.echo(line, err=True)

    check_repo_name(target.repo)
    plan = _plan_dry_run(files, target) if dry_run else plan_push(files, target, say=say)
    for line in (*iter_plan_lines(plan, target), *about):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was sent.")
        return
    done = push_files(files, target, plan=plan, track=show_progress, say=say)
    typer.echo(f"{len(done.sent)} files sent, {len(done.removed)} removed, all verified: commit {done.commit}")


def check_repo_name(repo: str) -> None:
    """Check the form of a repository's name, before anything is read, hashed or sent.

    Raises:
        InputError: it is not ``ORG/NAME``.

    >>> check_repo_name("me/my-corpus")
    """
    part = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
    if not re.fullmatch(f"{part}/{part}", repo) or ".." in repo or "--" in repo or len(repo) > 96:
        raise InputError(
            f"--repo {repo!r}: not of the form ORG/NAME, such as me/my-corpus: two parts of letters, digits, - . and _."
        )


def _plan_dry_run(files: Sequence[Upload], target: PushTarget) -> PushPlan:
    """The plan of a push; if the Hub cannot be asked, that for an empty repository."""
    from huggingface_hub import HfApi

    from scar.common.retry import explain_error
    from scar.publish.changes import compare_files, plan_changes
    from scar.publish.push import check_limits

    check_limits(files)
    try:
        return plan_changes(HfApi(), files, target)
    except ScarError:
        raise
    except Exception as error:
        problem = explain_error(error, "write")
        if problem is None:
            raise
        typer.echo(f"The Hub was not asked: {problem.advice}. The plan is that for an empty repository.", err=True)
        return compare_files(files, target)
