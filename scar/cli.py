"""The program `scar`: each command parses options, calls one function and prints.

Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from scar.cli_build import JsonOption, build_sources
from scar.cli_options import refuse_options
from scar.cli_review import review
from scar.common.terminal import MAX_SEED, CommandGroup, make_console, one_line_errors
from scar.publish.commands import Folder, card, pull, push

app = typer.Typer(
    cls=CommandGroup,
    help="Build, check and count SCaR corpora: regions of images, each with one true and nine false captions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts faster
)
app.command("build")(build_sources)


@app.command("check")
@one_line_errors("scar")
def check_corpus(
    folder: Folder,
    images: Annotated[
        Path | None, typer.Option(show_default="DIR", help="The folder that the image paths in the rows start from.")
    ] = None,
    against_paper: Annotated[
        bool,
        typer.Option(
            "--against-paper", help="Only compare the counts with the paper's table, and explain differences."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every row and image of a SCaR folder. Exits with code 2 if something is wrong."""
    from scar.common.progress import show_progress
    from scar.formats.check import check_folder

    if against_paper:
        refuse_options({"images"} if images else (), "--against-paper opens no images")
        _compare_with_paper(folder, as_json)
        return
    findings = check_folder(folder, images, show_progress)
    if as_json:
        typer.echo(json.dumps(findings.to_json(), indent=2, sort_keys=True))
    else:
        for line in findings.iter_report_lines():
            typer.echo(line)
    if findings.counts:
        raise typer.Exit(2)


@app.command("stats")
@one_line_errors("scar")
def count_samples(folder: Folder, as_json: JsonOption = False) -> None:
    """Count the samples of a SCaR folder. Writes stats.json, stats.html and stats/*.png."""
    from scar.common.progress import show_progress
    from scar.inspect.statistics import count_corpus, make_tables, write_charts

    counts = count_corpus(folder, show_progress)
    write_charts(counts, folder)
    if as_json:
        typer.echo(json.dumps(counts, indent=2, sort_keys=True))
        return
    console = make_console()
    for table in make_tables(counts):
        console.print(table)


@app.command("show")
@one_line_errors("scar")
def show_samples(
    folder: Folder,
    count: Annotated[int, typer.Option("--n", min=1, help="The number of samples, evenly from all files.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The seed that draws the samples.")] = 0,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Show only samples of this source.")] = None,
    split: Annotated[Literal["train", "eval"] | None, typer.Option(help="Show only samples of this split.")] = None,
    images: Annotated[
        Path | None, typer.Option(show_default="DIR", help="The folder that the image paths in the rows start from.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default="show.html in DIR", help="The HTML file to write.")
    ] = None,
) -> None:
    """Write an HTML page of samples. It shows image, box, mask, captions with the replaced part, and provenance."""
    from scar.common.progress import show_progress
    from scar.inspect.samples_page import SAMPLES_PAGE, write_samples_page

    out = out or folder / SAMPLES_PAGE
    cards = write_samples_page(
        folder, out, count=count, seed=seed, source=source, split=split, images=images, track=show_progress
    )
    missing = [card for card in cards if card.picture is None]
    if missing:
        typer.echo(f"{len(missing)} of {len(cards)} images cannot be shown, the first: {missing[0].problem}", err=True)
    typer.echo(f"{out}: {len(cards)} samples")


@app.command("audit")
@one_line_errors("scar")
def audit_corpus(
    folder: Folder,
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if a figure exceeds its limit.")] = False,
    trained_on: Annotated[
        int,
        typer.Option(min=1, help="The largest number of samples of a file for training a judge, and for testing it."),
    ] = 3_000,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A sentence-transformers model (name or folder) for an additional judge."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The seed that draws images from larger files.")] = 0,
) -> None:
    """Measure what captions reveal without the image.

    Also tells which negatives are hard and which may be true. Writes audit.json, audit.html and audit/ into the folder.
    """
    from scar.audit import audit as audit_folder
    from scar.audit.encoder import load_encoder
    from scar.audit.findings import list_findings
    from scar.audit.report import describe_few_samples, describe_unlinked_images, write_report
    from scar.audit.tables import make_tables
    from scar.common.progress import show_progress

    frozen = load_encoder(encoder) if encoder else None
    figures = audit_folder(folder, seed=seed, trained_on=trained_on, encoder=frozen, track=show_progress)
    beyond = list_findings(figures)
    write_report(figures, folder)
    if as_json:
        typer.echo(json.dumps(figures | {"findings": beyond}, indent=2, sort_keys=True))
    else:
        console = make_console()
        for table in make_tables(figures):
            console.print(table)
        notes = [*describe_few_samples(figures), *describe_unlinked_images(figures)]
        for line in [*notes, *(beyond or ["Nothing is beyond its limit."])]:
            typer.echo(line)
    if strict and beyond:
        raise typer.Exit(1)


for command in (review, card, push, pull):
    app.command()(command)


def _compare_with_paper(folder: Path, as_json: bool) -> None:
    """Print the counts of a corpus beside those of the paper."""
    from dataclasses import asdict

    from scar.inspect.against_paper import compare_with_paper, iter_comparison_lines

    rows = compare_with_paper(folder)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for line in iter_comparison_lines(rows):
        typer.echo(line)
