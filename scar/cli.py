"""`scar`: a command parses, calls one function and prints; numbers to stdout, progress and errors to stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scar.common.terminal import one_line_errors
from scar.errors import InputError
from scar.publish.commands import Folder, card, pull, push

if TYPE_CHECKING:
    from scar.recipe import Recipe

app = typer.Typer(
    help="Build, check and count SCaR corpora: things in scenes, told apart by captions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
@one_line_errors("scar")
def build(
    out: Annotated[Path | None, typer.Option(help="The folder to build into; other sources in it stay.")] = None,
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE.toml | NAME | demo]",
            help="A file that names sources, a recipe that --list shows, or the drawn demo.",
        ),
    ] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Show the recipes that come with it.")] = False,
    data_root: Annotated[
        Path | None, typer.Option(help="The folder that holds the data sets which a recipe names.")
    ] = None,
    instances: Annotated[Path | None, typer.Option(help="A COCO-style instances JSON.")] = None,
    captions: Annotated[Path | None, typer.Option(help="The COCO-style captions JSON of the same images.")] = None,
    images: Annotated[
        str | None, typer.Option(metavar="DIR", help="The image folder; for the demo, how many images a split has.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the source, as in file names.")] = None,
    split: Annotated[Literal["train", "eval"] | None, typer.Option(help="Which format to write.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the annotations, for the provenance.")] = None,
    max_per_image: Annotated[int | None, typer.Option(help="Most samples of one image.  [default: 5]")] = None,
    min_side: Annotated[float | None, typer.Option(help="Shortest side of a box in pixels.  [default: 16]")] = None,
    min_area_share: Annotated[
        float | None, typer.Option(help="Least share of the image that a box covers.  [default: 0.005]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Of every random choice.  [default: the recipe's, or 0]")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Drop and count records that cannot be used.")] = False,
    images_mode: Annotated[Literal["link", "copy"], typer.Option(help="Hard links to the images, or copies.")] = "link",
    decode_images: Annotated[
        bool, typer.Option("--decode-images", help="Decode every image to its last row, not only look at its ends.")
    ] = False,
    refine: Annotated[
        bool,
        typer.Option("--refine", help="Draw negatives again as long as who sees no image finds the gold captions."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build again, and replace a build that differs.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes to build in.  [default: as many as there are cores]")
    ] = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")] = "local",
    as_json: JsonOption = False,
) -> None:
    """Make samples of annotated images: COCO-style files, the sources of a recipe, or the drawn demo."""
    import msgspec

    from scar.build import build as build_recipe
    from scar.common.progress import show_progress
    from scar.recipe import list_built_in

    if list_recipes:
        for title, about in {"demo": "a drawn world, offline", **list_built_in()}.items():
            typer.echo(f"{title}: {about}")
        return
    if out is None:
        raise InputError("missing --out; give the folder to build into.")
    source = {
        "instances": instances and str(instances),
        "captions": captions and str(captions),
        "images": images,
        "name": name,
        "split": split,
        "licence": licence,
        "max_per_image": max_per_image,
        "min_side": min_side,
        "min_area_share": min_area_share,
    }
    given = {option: value for option, value in source.items() if value is not None}
    if recipe == "demo":
        from scar.demo.corpus import build_demo

        _refuse_options(given.keys() - {"images"}, "the demo draws its own images")
        report = build_demo(
            out, _parse_image_count(images), seed or 0, images_mode=images_mode, force=force, track=show_progress
        )
    else:
        wanted = _make_recipe(recipe, given, seed, skip_bad, data_root)
        wanted = msgspec.structs.replace(
            wanted, decode_images=wanted.decode_images or decode_images, refine=wanted.refine or refine
        )
        workers = workers or os.cpu_count() or 1
        report = build_recipe(
            wanted, out, images_mode=images_mode, force=force, workers=workers, engine=engine, track=show_progress
        )
    if as_json:
        typer.echo(json.dumps(report, indent=2, sort_keys=True))
        return
    for key, entry in report.items():
        rejected = sum(entry["rejected"].values())
        typer.echo(f"{key}: {entry['records']} records = {entry['samples']} samples + {rejected} rejected", nl=False)
        typer.echo(f" ({_counts_text(entry['rejected'])})" if rejected else "")
        if entry["ignored"]:
            typer.echo(f"  also ignored: {_counts_text(entry['ignored'])}")
        if entry["overlap"]:
            typer.echo(f"  images that eval splits have: {_counts_text(entry['overlap'])}")
        typer.echo(f"  {out / entry['file']}, {entry['images']} images")


@app.command()
@one_line_errors("scar")
def check(
    folder: Folder,
    images: Annotated[
        Path | None, typer.Option(help="What image paths are relative to, if it is not the folder itself.")
    ] = None,
    against_paper: Annotated[
        bool, typer.Option("--against-paper", help="Compare counts with the paper's table instead, with the reasons.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at every row and image of a SCaR folder, ours or the published one; exit code 2 when something is wrong."""
    from scar.common.progress import show_progress
    from scar.formats.check import check_folder as check_folder

    if against_paper:
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


@app.command()
@one_line_errors("scar")
def stats(folder: Folder, as_json: JsonOption = False) -> None:
    """Count a SCaR folder by source and split; writes stats.json, stats.html and charts, into stats/."""
    from scar.common.progress import show_progress
    from scar.inspect.statistics import count_corpus as count_folder
    from scar.inspect.statistics import make_tables, write_charts

    counts = count_folder(folder, show_progress)
    write_charts(counts, folder)
    if as_json:
        typer.echo(json.dumps(counts, indent=2, sort_keys=True))
        return
    from rich.console import Console

    console = Console()
    for table in make_tables(counts):
        console.print(table)


@app.command()
@one_line_errors("scar")
def show(
    folder: Folder,
    count: Annotated[int, typer.Option("--n", min=1, help="How many samples.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Draws the samples.")] = 0,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only samples of this source.")] = None,
    split: Annotated[Literal["train", "eval"] | None, typer.Option(help="Only samples of this split.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="What image paths are relative to, if it is not the folder itself.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page.  [default: show.html in DIR]")] = None,
) -> None:
    """Write a page of samples: image, box and mask, the ten captions by kind, and where they come from."""
    from scar.common.progress import show_progress
    from scar.inspect.samples_page import SAMPLES_PAGE
    from scar.inspect.samples_page import write_samples_page as show_folder

    out = out or folder / SAMPLES_PAGE
    cards = show_folder(
        folder, out, count=count, seed=seed, source=source, split=split, images=images, track=show_progress
    )
    missing = [card for card in cards if card.picture is None]
    if missing:
        typer.echo(f"{len(missing)} of {len(cards)} images cannot be shown, the first: {missing[0].problem}", err=True)
    typer.echo(f"{out}: {len(cards)} samples")


@app.command()
@one_line_errors("scar")
def audit(
    folder: Folder,
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 2 when a figure is beyond its limit.")] = False,
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="How far above chance what sees no image may come.")
    ] = 0.05,
    trained_on: Annotated[int, typer.Option(min=1, help="Most samples to learn of, and to ask.")] = 50_000,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="A sentence-transformers model as one more baseline.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws samples from larger files.")] = 0,
) -> None:
    """Measure what captions give away, and which negatives may be true; writes audit.json, audit.html and audit/."""
    from scar.audit import audit as audit_folder
    from scar.audit.encoder import load_encoder
    from scar.audit.findings import list_findings
    from scar.audit.report import describe_unlinked_images, write_report
    from scar.audit.tables import make_tables
    from scar.common.progress import show_progress

    frozen = load_encoder(encoder) if encoder else None
    figures = audit_folder(folder, seed=seed, trained_on=trained_on, encoder=frozen, track=show_progress)
    beyond = list_findings(figures, margin)
    write_report(figures, folder, margin)
    if as_json:
        typer.echo(json.dumps(figures | {"findings": beyond}, indent=2, sort_keys=True))
    else:
        from rich.console import Console

        console = Console()
        for table in make_tables(figures):
            console.print(table)
        for line in [*describe_unlinked_images(figures), *(beyond or ["Nothing is beyond its limit."])]:
            typer.echo(line)
    if strict and beyond:
        raise typer.Exit(2)


for command in (card, push, pull):
    app.command()(command)


def _compare_with_paper(folder: Path, as_json: bool) -> None:
    """Print the corpus beside the paper's numbers."""
    from dataclasses import asdict

    from scar.inspect.against_paper import compare_with_paper

    rows = compare_with_paper(folder)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        ours = ("-", "-") if row.images is None or row.samples is None else (f"{row.images:,}", f"{row.samples:,}")
        typer.echo(f"{row.source}: {ours[0]} images (paper {row.paper_images:,}), ", nl=False)
        typer.echo(f"{ours[1]} samples (paper {row.paper_samples:,})")
        for reason in row.reasons:
            typer.echo(f"  {reason}")


def _make_recipe(
    name_or_path: str | None, source: dict[str, Any], seed: int | None, skip_bad: bool, data_root: Path | None
) -> Recipe:
    """The recipe of a file or of the package, with seed and --skip-bad from the command line, or of options alone."""
    import msgspec

    from scar.recipe import parse_recipe, read_recipe

    if name_or_path is not None:
        _refuse_options(source, f"the sources stand in {name_or_path}")
        recipe = read_recipe(name_or_path, data_root)
    else:
        missing = [f"--{option}" for option in ("instances", "images", "name", "split") if option not in source]
        if missing:
            raise InputError(f"missing {', '.join(missing)}; give them, or the path of a recipe, or 'demo'.")
        recipe = parse_recipe({"source": [source]}, file_name="options", base=Path())
    changes: dict[str, Any] = {"skip_bad": True} if skip_bad else {}
    if seed is not None:
        changes["seed"] = seed
    return msgspec.structs.replace(recipe, **changes)


def _refuse_options(options: Iterable[str], reason: str) -> None:
    """Options that would have no effect are an error."""
    useless = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(options))
    if useless:
        raise InputError(f"{useless}: {reason}; leave the option out.")


def _parse_image_count(images: str | None) -> int:
    """How many images the demo draws per split."""
    if images is None:
        return 120
    if not images.isdecimal():
        raise InputError(f"--images {images!r}: the demo takes a number of images to draw.")
    return int(images)


def _counts_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())
