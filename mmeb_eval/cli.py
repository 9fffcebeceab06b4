"""The command line: ``mmeb-eval --model NAME --tasks DIR --output DIR``, and its commands before and after a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mmeb_eval import options
from mmeb_eval.cli_data import check_task_data, fetch_data, write_demo_data
from mmeb_eval.cli_run import RunOptions, run_models
from mmeb_eval.cli_steps import divert_prints, print_doubts, print_results
from scar.common.files import describe_no_folder
from scar.common.narrow_tables import print_table
from scar.common.terminal import CommandGroup, one_line_errors
from scar.errors import DataError, EvalError

app = typer.Typer(
    cls=CommandGroup,
    help="Score any embedder on the tasks of MMEB and SCaR.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts three times as fast
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(write_demo_data)
app.command("fetch")(fetch_data)

EXIT_NO_BETTER_THAN_CHANCE = 3
"""Exit code with ``--strict`` if a score is no better than chance."""


@app.callback(invoke_without_command=True)
def evaluate_models(
    context: typer.Context,
    model: options.Models = None,
    tasks: options.TaskNames = None,
    task_file: options.TaskFiles = None,
    output: options.Output = options.DEFAULT_OUTPUT,
    data: options.DataFolder = None,
    images: options.ImageFolder = None,
    config: options.Config = None,
    batch_size: options.BatchSize = 32,
    seed: options.BaselineSeed = None,
    region: options.Region = None,
    ties: options.Ties = "against",
    refresh: options.Refresh = False,
    trust_stored: options.TrustStored = False,
    strict: options.Strict = False,
    keep_going: options.KeepGoing = False,
    limit: options.Limit = None,
    plan: options.Plan = False,
    request_json: options.RequestJson = None,
    at_once: options.AtOnce = None,
    instruction: options.Instruction = None,
    as_json: options.Json = False,
    version: options.Version = False,
) -> None:
    """Score models on tasks: write results, print tables of scores. All data are checked before a model is loaded."""
    with one_line_errors("mmeb-eval"):
        if context.invoked_subcommand is not None:
            _refuse_options_before(context.invoked_subcommand, context)
            return
        if not model or not (tasks or task_file):
            raise EvalError("which models on which tasks? Give --model NAME and --tasks DIR; see `mmeb-eval --help`.")
        from mmeb_eval.run.rank import parse_tie_rule

        run = RunOptions(
            model,
            tasks or [],
            output,
            data,
            images,
            config,
            seed,
            batch_size,
            region,
            refresh,
            trust_stored,
            keep_going,
            limit,
            plan,
            task_file or [],
            request_json,
            at_once,
            instruction,
        )
        with divert_prints():
            outcome = run_models(run, ties=parse_tie_rule(ties))
        at_chance = print_results(outcome.results, as_json, output) if outcome.results else False
        outcome.tell_failures()
        if at_chance and strict:
            raise typer.Exit(EXIT_NO_BETTER_THAN_CHANCE)


@app.command("probe")
def probe_models(
    model: options.RequiredModels,
    tasks: options.ScarTasks,
    output: options.ProbeOutput = options.DEFAULT_OUTPUT,
    data: options.DataFolder = None,
    images: options.ImageFolder = None,
    config: options.Config = None,
    batch_size: options.BatchSize = 32,
    seed: options.ProbeSeed = 0,
    region: options.Region = None,
    refresh: options.Refresh = False,
    trust_stored: options.TrustStored = False,
    keep_going: options.KeepGoing = False,
    as_json: options.Json = False,
) -> None:
    """Score models on SCaR with exact and with perturbed prompts. Prints the scores at each level of perturbation.

    Perturbed prompts are jittered boxes, clicks beside the object and partial masks, each at several levels.
    """
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.report.curves import make_curve_tables, make_curves

        baseline_seed = seed if "random" in model else None
        run = RunOptions(
            model,
            tasks,
            output,
            data,
            images,
            config,
            baseline_seed,
            batch_size,
            region,
            refresh,
            trust_stored,
            keep_going,
        )
        with divert_prints():
            outcome = run_models(run, probe=True, perturbation_seed=seed)
        curves = make_curves(outcome.results, [each for each in outcome.results if "probe" in each.settings])
        if as_json:
            typer.echo(json.dumps([asdict(curve) for curve in curves], indent=1))
        for table in () if as_json else make_curve_tables(curves):
            print_table(table)
        outcome.tell_failures()


@app.command("compare")
def compare_runs(
    first: options.FirstResults,
    second: options.SecondResults,
    all_settings: Annotated[bool, typer.Option("--all", help="List all settings that differ.")] = False,
    as_json: options.Json = False,
) -> None:
    """Compare two runs.

    Prints the scores on each task and group with significance tests, and the most important setting that differs.
    """
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.report.compare import TABLE_NOTE, compare_results, read_run

        comparison = compare_results(read_run(first), read_run(second))
        if as_json:
            typer.echo(json.dumps(asdict(comparison), indent=1))
            return
        for table in comparison.to_rich_tables():
            print_table(table)
        typer.echo(TABLE_NOTE)
        if comparison.settings:
            typer.echo(f"they differ first in {comparison.settings[0]}")
        for setting in comparison.settings[1:] if all_settings else ():
            typer.echo(f"then in {setting}")
        for which, names in (("first", comparison.only_a), ("second", comparison.only_b)):
            if names:
                typer.echo(f"only the {which} run has {', '.join(names)}")


@app.command("tasks")
def show_tasks(as_json: options.Json = False) -> None:
    """Print the table of all tasks."""
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
    print_table(table)


@app.command("check")
def check_inputs(
    model: options.CheckedModel = None,
    config: options.Config = None,
    data: options.CheckedData = None,
    tasks: options.CheckedTasks = None,
    task_file: options.CheckedTaskFiles = None,
    images: options.ImageFolder = None,
) -> None:
    """Check an embedder, a data folder or a task file. Exits with code 2 if something is wrong."""
    with one_line_errors("mmeb-eval"):
        has_data = data is not None or bool(task_file)
        if model is None and not has_data:
            raise EvalError("check what? Give a MODEL, --data DIR or --task-file FILE; see `mmeb-eval check --help`.")
        if data is not None and not data.is_dir():
            raise DataError(f"--data {data}: {describe_no_folder(data)}.")
        if not has_data:
            _refuse_options({"--tasks": tasks, "--images": images}, "they belong to --data DIR, which is missing")
        if model is None:
            _refuse_options({"--config": config}, "it belongs to a MODEL, which is missing")
        errors = check_task_data(data, tasks, task_file or [], images) if has_data else 0
        errors += _check_embedder(model, config) if model is not None else 0
        if errors:
            raise typer.Exit(2)


@app.command("vectors")
def show_vectors(
    results: options.Results,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Of each model, remove all vectors but those that were used last.")
    ] = False,
) -> None:
    """List the folders of stored vectors in a results folder: path, model and bytes."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.run.stored_folders import describe_old_folders, list_stored_folders, remove_old_folders
        from scar.common.files import format_bytes

        for folder in remove_old_folders(results) if remove_old else ():
            typer.echo(f"removed {folder.path}: {folder.embedder}, {format_bytes(folder.size)}")
        folders = list_stored_folders(results)
        for folder in folders:
            age = ", of an earlier version of the model" if folder.is_old else ""
            typer.echo(f"{folder.path}: {folder.embedder}, {format_bytes(folder.size)}{age}")
        if not folders:
            raise DataError(f"{results}: no stored vectors; give the --output of a run.")
        if line := describe_old_folders(results, folders):
            typer.echo(line, err=True)


@app.command("leaderboard")
def show_leaderboard(
    results: options.OwnResults = None,
    benchmark: options.Benchmark = None,
    group: options.Group = None,
    sheet: options.Sheets = None,
    as_json: options.Json = False,
) -> None:
    """Print published scores, and your own results among them."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.report.leaderboard import make_leaderboards
        from mmeb_eval.report.sheets import read_sheet_scores
        from mmeb_eval.run.results import read_results

        own = [] if results is None else read_results(results)
        sheets = [score for path in sheet or () for score in read_sheet_scores(path)]
        boards = make_leaderboards(benchmark, group, own, sheets)
        if as_json:
            typer.echo(json.dumps([row for board in boards for row in board.list_json_rows()], indent=1))
            return
        for board in boards:
            print_table(board.to_rich_table())
            for note in board.list_notes():
                typer.echo(note)
        print_doubts(own)


@app.command("report")
def make_report(
    results: options.Results,
    out: Annotated[Path, typer.Option(help="Report file: .html, .md, .json, .csv or .tex.")] = Path("report.html"),
    tasks: options.ReportTasks = None,
    data: options.DataFolder = None,
    images: options.ImageFolder = None,
    strategies: options.StrategyTable = None,
) -> None:
    """Write a report on results as HTML, Markdown, JSON, CSV or LaTeX."""
    with one_line_errors("mmeb-eval"):
        from mmeb_eval.data.choice import select_tasks
        from mmeb_eval.report.report import write_report
        from mmeb_eval.report.strategy_table import read_strategy_scores
        from mmeb_eval.run.results import read_probe_results, read_results

        if not tasks:
            _refuse_options({"--data": data, "--images": images}, "they belong to --tasks, which is missing")
        elif out.suffix != ".html":
            _refuse_options({"--tasks": tasks}, f"failures are shown in an .html report, not in {out}")
        own = read_results(results)
        write_report(
            own,
            out,
            data=select_tasks(tasks or [], data, images),
            probe_results=read_probe_results(results),
            strategy_scores=read_strategy_scores(strategies) if strategies else (),
        )
        typer.echo(str(out))
        print_doubts(own)


@app.command("submit")
def make_submission(
    results: options.Results,
    out: Annotated[Path, typer.Option(help="Output folder.")],
    model: options.SubmittedModel = None,
    about: options.About = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Required: write files and send nothing.")] = False,
) -> None:
    """Write submission files for leaderboards. The written files are checked; you send them yourself."""
    with one_line_errors("mmeb-eval"):
        if not dry_run:
            raise EvalError("submit: this command sends nothing; add --dry-run to write the files that you can send.")
        from mmeb_eval.report.submit import write_submission
        from mmeb_eval.run.results import read_results

        own = read_results(results)
        written = write_submission(own, out, model, about)
        print_doubts([each for each in own if model in (None, each.model)])
        for path in written.files:
            typer.echo(str(path))
        if written.sheet:
            typer.echo(f"{written.sheet}: for the folder scores of TIGER-Lab/MMEB-Leaderboard.", err=True)
            if written.missing_metadata:
                missing = ", ".join(written.missing_metadata)
                typer.echo(f"it lacks {missing}; --about FILE.toml adds them.", err=True)


def _refuse_options_before(command: str, context: typer.Context) -> None:
    """Raise `EvalError` for options that stand in front of a command, which would have no effect."""
    given = [param for param in context.command.params if param.name and _is_given(context, param.name)]
    if given:
        raise EvalError(f"{given[0].opts[0]} stands before {command}; put it behind, where {command} takes it or not.")


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether the user gave a parameter on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE" and name != "debug"


def _refuse_options(values: Mapping[str, object], reason: str) -> None:
    """Raise `EvalError` if options are given that would have no effect."""
    if given := [option for option, value in values.items() if value is not None]:
        raise EvalError(f"{', '.join(given)}: {reason}; leave the option out.")


def _check_embedder(model: str, config: str | None) -> int:
    """Print the findings on an embedder; return the number of errors."""
    from mmeb_eval.contract import check
    from mmeb_eval.models import load_model

    findings = check(load_model(model, config=config))
    for finding in findings:
        typer.echo(f"{finding.level}: {finding.text}")
    errors, warnings = (sum(each.level == level for each in findings) for level in ("error", "warning"))
    verdict = f"{errors} error{'s' * (errors > 1)}" if errors else "keeps the contract"
    typer.echo(f"{model}: {verdict}{f', {warnings} warning' + 's' * (warnings > 1) if warnings else ''}")
    return errors
