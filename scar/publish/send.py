"""What every push command does: show the plan, stop there if that was asked, else send and say what was sent."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from scar.common.hub_files import RepoType
from scar.common.progress import show_progress
from scar.publish.plan import iter_plan_lines
from scar.publish.push import Upload, push_files


def send_files(
    files: Sequence[Upload],
    repo: str,
    repo_type: RepoType,
    *,
    public: bool,
    revision: str,
    tag: str | None,
    message: str,
    owned: Sequence[str],
    about: Sequence[str],
    dry_run: bool,
) -> None:
    """Push files as `push` does, with its plan and its end on stdout.

    Args:
        files: see `push`, as for all others.
        repo: on the Hub.
        repo_type: data set or model.
        public: whether a repository that is made now is.
        revision: branch to commit to.
        tag: a name for what is pushed.
        message: of the commit.
        owned: folders of the repository whose other files go.
        about: more lines of the plan.
        dry_run: show the plan; ask the Hub nothing.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        InputError: a file cannot be read, or the plan breaks the Hub's limits.
    """
    for line in (*iter_plan_lines(files, repo, repo_type, public=public, revision=revision, tag=tag), *about):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was sent.")
        return
    done = push_files(
        files,
        repo,
        repo_type,
        public=public,
        revision=revision,
        tag=tag,
        message=message,
        owned=owned,
        track=show_progress,
        say=lambda line: typer.echo(line, err=True),
    )
    typer.echo(f"{len(done.sent)} files sent, {len(done.removed)} removed, all verified: commit {done.commit}")
