"""Commands of ``mmeb-eval`` about data: ``demo`` draws them, ``fetch`` downloads them, ``check`` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mmeb_eval import options
from mmeb_eval.cli_steps import refuse_files
from scar.common.terminal import MAX_SEED, one_line_errors
from scar.errors import EvalError


def write_demo_data(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder.")],
    queries: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of queries of an MMEB task.")] = 24,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the drawings.")] = 0,
) -> None:
    """Draw small data in the published formats for all tasks."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.demo.write import write_demo
        from scar.common.progress import show_progress

        refuse_files(DIR=out)
        counts = write_demo(out, queries=queries, seed=seed, track=show_progress)
        typer.echo(f"{out}: {', '.join(f'{count:,} {what}' for what, count in counts.items())}")


def fetch_data(
    data: Annotated[Path, typer.Option(help="Output folder for the data; it may be moved later.")],
    tasks: Annotated[str, typer.Option(help="Names of tasks or groups, separated by commas.")] = "all",
    revision: options.Revisions = None,
    rows_only: Annotated[bool, typer.Option(help="Do not download the archive of MMEB's images.")] = False,
) -> None:
    """Download the data of tasks. A stopped download resumes.

    Complete data stay as they are, unless --revision names another commit: its files replace them.
    """
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.data.fetch import fetch_tasks, parse_revisions
        from mmeb_eval.data.tasks import get_tasks

        refuse_files(data=data)
        fetch_tasks(
            get_tasks(tasks), data, revisions=parse_revisions(revision or []), images=not rows_only, say=typer.echo
        )


def check_task_data(data: Path | None, tasks: str | None, task_files: Sequence[Path], images: Path | None) -> int:
    """Print all problems of a data folder and of the tasks of task files; return their number."""
    from mmeb_eval.data.check_data import check_data
    from mmeb_eval.data.choice import split_choice
    from mmeb_eval.data.own_tasks import read_task_file
    from scar.common.progress import show_progress

    own = [files for path in task_files for files in read_task_file(path, images)]
    official, chosen = split_choice(tasks, own) if tasks else (None, own)
    if official and data is None:
        raise EvalError(f"--tasks {tasks}: where are the data of {official[0].name}? Give --data DIR.")
    checked = check_data(data, official, images, track=show_progress, own=chosen)
    for problem in checked.problems:
        typer.echo(problem)
    counts = f"{checked.tasks:,} tasks, {checked.rows:,} rows, {checked.images:,} images"
    named = ", ".join(map(str, [*([data] if data else []), *task_files]))
    typer.echo(f"{named}: {counts}: {len(checked.problems):,} problems")
    return len(checked.problems)
