"""The command line: ``mmeb-eval --model NAME --tasks DIR --output DIR``, and its commands before and after a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scar.common.terminal import one_line_errors
from scar.errors import EvalError

if TYPE_CHECKING:
    from rich.console import Console

    from mmeb_eval.embedder import Embedder
    from mmeb_eval.run.results import Result

app = typer.Typer(
    help="Score any embedder on the 36 MMEB and 5 SCaR tasks.", no_args_is_help=True, pretty_exceptions_enable=False
)

MODEL_HELP = (
    "constant, random, text-only, virtue; clip:, siglip:, sentence-transformers: and a folder or hub id; mteb:<name>; "
    "http://host/v1/embeddings#<model>, vllm:<the same>; a package's entry point, or my_module:function."
)
TASKS_HELP = "A SCaR folder, names of tasks with commas between, all, or lite (8 of MMEB); may be repeated."

FAILURES_HELP = "Tasks whose worst failures a page shows: a SCaR folder, names with commas between, or all."

EXIT_NO_BETTER_THAN_CHANCE = 3
"""Exit code of ``--strict``."""

REGION_HELP = (
    "How models are told the region: text, crop, red-circle, blur; roi (pooled vision features in the box); text-bare "
    "(VIRTUE: the box in words, no segment tokens); left out, they see the box if they take one."
)


@app.callback(invoke_without_command=True)
def evaluate_models(
    context: typer.Context,
    model: Annotated[list[str] | None, typer.Option(help=MODEL_HELP)] = None,
    tasks: Annotated[list[str] | None, typer.Option(help=TASKS_HELP)] = None,
    output: Annotated[Path, typer.Option(help="Where results go: <output>/<model>/<task>.json.")] = Path("results"),
    data: Annotated[Path | None, typer.Option(help="Folder that holds the data of tasks given by name.")] = None,
    images: Annotated[Path | None, typer.Option(help="Image root, if it is not the data's own folder.")] = None,
    config: Annotated[str | None, typer.Option(help="For virtue: tiny, 2b, 7b or a file.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Items given to the model at once.")] = 32,
    seed: Annotated[int, typer.Option(help="Of the random floor.")] = 0,
    region: Annotated[str | None, typer.Option(help=REGION_HELP)] = None,
    ties: Annotated[
        str, typer.Option(help="Equal scores count against the model, or as in the official code.")
    ] = "against",
    refresh: Annotated[bool, typer.Option(help="Throw away the models' stored vectors and make new ones.")] = False,
    strict: Annotated[
        bool, typer.Option(help="Exit with 3 if a score is within three standard errors of chance; floors may be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
) -> None:
    """Score models on tasks and print the leaderboard."""
    if context.invoked_subcommand is not None:
        return
    with one_line_errors("mmeb-eval"):
        if not model or not tasks:
            raise EvalError("which models on which tasks? Give --model NAME and --tasks DIR; see `mmeb-eval --help`.")
        from mmeb_eval.data.choice import select_tasks
        from mmeb_eval.run.rank import parse_tie_rule
        from mmeb_eval.run.run import run_evaluations as run_all

        rule = parse_tie_rule(ties)
        chosen = select_tasks(tasks, data, images)
        embedders = _load_embedders(model, config, seed, region)
        say = partial(typer.echo, err=True)
        results = run_all(embedders, chosen, output, batch_size=batch_size, refresh=refresh, ties=rule, say=say)
        if results:
            _print_results(results, as_json, output)
            from mmeb_eval.report.score_tables import list_chance_warnings
            from mmeb_eval.report.summary import summarise_results

            warned = list_chance_warnings(summarise_results(results))
            for line in warned:
                typer.secho(line, err=True, fg="red", bold=True)
            if warned and strict:
                raise typer.Exit(EXIT_NO_BETTER_THAN_CHANCE)


@app.command("probe")
def probe_models(
    model: Annotated[list[str], typer.Option(help=MODEL_HELP)],
    tasks: Annotated[list[str], typer.Option(help="A SCaR folder, or names of SCaR tasks; may be repeated.")],
    output: Annotated[Path, typer.Option(help="Where results go: <output>/<model>/probes/<task>/.")] = Path("results"),
    data: Annotated[Path | None, typer.Option(help="Folder that holds the data of tasks given by name.")] = None,
    images: Annotated[Path | None, typer.Option(help="Image root, if it is not the data's own folder.")] = None,
    config: Annotated[str | None, typer.Option(help="For virtue: tiny, 2b, 7b or a file.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Items given to the model at once.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the disturbances, and of the random floor.")] = 0,
    region: Annotated[str | None, typer.Option(help=REGION_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the curves as JSON instead of tables.")] = False,
) -> None:
    """Score models on SCaR as it is and with sloppy prompts: jittered boxes, clicks beside the thing, partial masks."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.data.choice import select_tasks
        from mmeb_eval.report.curves import make_curve_tables, make_curves
        from mmeb_eval.run.run import run_evaluations as run_all

        embedders = _load_embedders(model, config, seed, region)
        say = partial(typer.echo, err=True)
        chosen = select_tasks(tasks, data, images)
        results = run_all(embedders, chosen, output, batch_size=batch_size, probe=True, seed=seed, say=say)
        found = make_curves(results, [result for result in results if "probe" in result.settings])
        if as_json:
            typer.echo(json.dumps([asdict(curve) for curve in found], indent=1))
            return
        for table in make_curve_tables(found):
            _make_console().print(table)


@app.command("compare")
def compare_runs(
    first: Annotated[Path, typer.Argument(help="Results of one model: <output>/<model>, or an <output> of one model.")],
    second: Annotated[Path, typer.Argument(help="Those of another, or of the same with other settings.")],
    all_settings: Annotated[bool, typer.Option("--all", help="Name every setting that differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Which of two runs is better on which task, how sure that is, and what differs in how they were made."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.report.compare import compare_results, read_run

        found = compare_results(read_run(first), read_run(second))
        if as_json:
            typer.echo(json.dumps(asdict(found), indent=1))
            return
        for table in found.to_rich_tables():
            _make_console().print(table)
        if found.settings:
            typer.echo(f"they differ first in {found.settings[0]}")
        for setting in found.settings[1:] if all_settings else ():
            typer.echo(f"then in {setting}")
        for which, names in (("first", found.only_a), ("second", found.only_b)):
            if names:
                typer.echo(f"only the {which} run has {', '.join(names)}")


@app.command("tasks")
def show_tasks(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the table of all 41 tasks."""
    from mmeb_eval.data.tasks import tasks

    if as_json:
        typer.echo(json.dumps([asdict(task) for task in tasks().values()], indent=1))
        return
    from rich.table import Column, Table

    head = ("family", "domain", "query", "candidates", "choices", "queries")
    table = Table(Column("task", no_wrap=True), *head, box=None)
    for task in tasks().values():
        texts = (task.name, task.family, task.domain, task.query, task.candidates)
        table.add_row(*texts, str(task.choices), str(task.queries))
    _make_console().print(table)


@app.command("check")
def check_inputs(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    config: Annotated[str | None, typer.Option(help="For virtue: tiny, 2b, 7b or a file.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of task data whose rows and images are looked at.")] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Tasks it must hold: names with commas between, all, or lite.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Image root, if it is not the data's own folder.")] = None,
) -> None:
    """Say what is wrong with an embedder, or with data before any model runs; exit code 2 if anything is."""
    with one_line_errors("mmeb-eval"):
        if model is None and data is None:
            raise EvalError("check what? Give a MODEL, --data DIR or both; see `mmeb-eval check --help`.")
        wrong = _check_data(data, tasks, images) if data is not None else 0
        wrong += _check_embedder(model, config) if model is not None else 0
        if wrong:
            raise typer.Exit(2)


@app.command("demo")
def write_demo_data(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    queries: Annotated[int, typer.Option(min=1, max=1000, help="Most queries of an MMEB task.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
) -> None:
    """Draw small data for all 41 tasks, in the published formats."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.demo.write import write_demo
        from scar.common.progress import show_progress

        counts = write_demo(out, queries=queries, seed=seed, track=show_progress)
        typer.echo(f"{out}: {', '.join(f'{count:,} {what}' for what, count in counts.items())}")


@app.command("leaderboard")
def show_leaderboard(
    results: Annotated[Path | None, typer.Argument(help="Folder that --output wrote, to stand among them.")] = None,
    benchmark: Annotated[str | None, typer.Option(help="MMEB or SCaR; left out, both.")] = None,
    group: Annotated[str | None, typer.Option(help="Show the tasks of a group: vqa, OOD, SCaR and so on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print published scores with their sources, your own among them if you like."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.report.leaderboard import make_leaderboards
        from mmeb_eval.run.results import read_results

        found = make_leaderboards(benchmark, group, [] if results is None else read_results(results))
        if as_json:
            typer.echo(json.dumps([row for board in found for row in board.list_json_rows()], indent=1))
            return
        for board in found:
            _make_console().print(board.to_rich_table())
            for note in board.list_notes():
                typer.echo(note)


@app.command("fetch")
def fetch_data(
    data: Annotated[Path, typer.Option(help="Folder for the data; it can be carried elsewhere.")],
    tasks: Annotated[str, typer.Option(help="Names of tasks with commas between, all, or lite.")] = "all",
    revision: Annotated[list[str] | None, typer.Option(help="repository@commit; may be repeated.")] = None,
    rows_only: Annotated[bool, typer.Option(help="Leave out the archive of MMEB's images.")] = False,
) -> None:
    """Download data once; a download that was stopped goes on, and what is there is not asked for again."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.data.fetch import fetch_tasks, parse_revisions
        from mmeb_eval.data.tasks import get_tasks

        fetch_tasks(
            get_tasks(tasks), data, revisions=parse_revisions(revision or []), images=not rows_only, say=typer.echo
        )


@app.command("report")
def make_report(
    results: Annotated[Path, typer.Argument(help="Folder that --output wrote.")],
    out: Annotated[Path, typer.Option(help="The file to write; .html, .md or .json.")] = Path("report.html"),
    tasks: Annotated[list[str] | None, typer.Option(help=FAILURES_HELP)] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that holds the data of tasks given by name.")] = None,
    images: Annotated[Path | None, typer.Option(help="Image root, if it is not the data's own folder.")] = None,
    ways: Annotated[
        Path | None, typer.Option(help="What `virtue table` wrote: the miniature beside the paper's table.")
    ] = None,
) -> None:
    """Write a report about results: a self-contained page, Markdown or JSON."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.data.choice import select_tasks
        from mmeb_eval.report.report import write_report
        from mmeb_eval.report.strategy_table import read_strategy_scores as read_ways
        from mmeb_eval.run.results import read_probe_results, read_results

        files = select_tasks(tasks or [], data, images)
        measured = read_ways(ways) if ways else ()
        write_report(
            read_results(results), out, data=files, probe_results=read_probe_results(results), strategy_scores=measured
        )
        typer.echo(str(out))


@app.command("submit")
def make_submission(
    results: Annotated[Path, typer.Argument(help="Folder that --output wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write the submission into.")],
    model: Annotated[str | None, typer.Option(help="Whose results, if there are several models'.")] = None,
    about: Annotated[
        Path | None, typer.Option(help="TOML file about the model: size, backbone, url and so on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Required: files are written, nothing is sent.")] = False,
) -> None:
    """Write what the leaderboards take, and read it back; sending it is left to you."""
    with one_line_errors("mmeb-eval"):
        if not dry_run:
            raise EvalError("submit: this command sends nothing; add --dry-run to write the files that you can send.")
        from mmeb_eval.report.submit import write_submission
        from mmeb_eval.run.results import read_results

        written = write_submission(read_results(results), out, model, about)
        for path in written.files:
            typer.echo(str(path))
        if written.sheet:
            typer.echo(f"{written.sheet}: for the folder scores of TIGER-Lab/MMEB-Leaderboard.", err=True)
            if written.missing_metadata:
                typer.echo(
                    f"not said in it: {', '.join(written.missing_metadata)}; --about FILE.toml says them.", err=True
                )


def _load_embedders(names: Sequence[str], config: str | None, seed: int, region: str | None) -> list[Embedder]:
    """The models, told regions in that way."""
    from mmeb_eval.models import load_model
    from mmeb_eval.regions.strategies import apply_strategy
    from mmeb_eval.run.workers import select_device

    select_device()
    embedders = [load_model(name, config=config, seed=seed) for name in dict.fromkeys(names)]
    return embedders if region is None else [apply_strategy(embedder, region) for embedder in embedders]


def _check_embedder(model: str, config: str | None) -> int:
    """Print the findings about an embedder; returns how many are errors."""
    from mmeb_eval.check import check
    from mmeb_eval.models import load_model

    findings = check(load_model(model, config=config))
    for finding in findings:
        typer.echo(f"{finding.level}: {finding.text}")
    errors = sum(finding.level == "error" for finding in findings)
    typer.echo(f"{model}: {errors} errors" if errors else f"{model}: keeps the contract")
    return errors


def _check_data(data: Path, tasks: str | None, images: Path | None) -> int:
    """Print all problems of a data folder; returns how many there are."""
    from mmeb_eval.data.check_data import check_data
    from mmeb_eval.data.tasks import get_tasks
    from scar.common.progress import show_progress

    found = check_data(data, get_tasks(tasks) if tasks else None, images, track=show_progress)
    for problem in found.problems:
        typer.echo(problem)
    seen = f"{found.tasks:,} tasks, {found.rows:,} rows, {found.images:,} images"
    typer.echo(f"{data}: {seen}: {len(found.problems):,} problems")
    return len(found.problems)


def _print_results(results: Sequence[Result], as_json: bool, output: Path) -> None:
    """The leaderboard with the floors that lie in the output folder, or the results without their long lists."""
    if as_json:
        short = [
            {key: value for key, value in asdict(result).items() if key not in ("ranks", "top", "margins")}
            for result in results
        ]
        typer.echo(json.dumps(short, indent=1))
        return
    from mmeb_eval.report.score_tables import make_score_tables
    from mmeb_eval.report.summary import is_baseline
    from mmeb_eval.run.results import read_results

    asked, models = {result.task for result in results}, {result.model for result in results}
    floors = [
        found
        for found in read_results(output)
        if is_baseline(found.model) and found.model not in models and found.task in asked
    ]
    for table in make_score_tables([*results, *floors]):
        _make_console().print(table)


def _make_console() -> Console:
    """Where tables go; a file or a pipe has no width, so there names are not cut to fit one."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 240
    return console
