"""The command line: a command parses, calls one function and prints; numbers to stdout, errors to stderr."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scar.common.terminal import one_line_errors
from scar.publish.send import DryRun, Public, Revision, Tag

app = typer.Typer(
    help="The reference VIRTUE embedder: text, images and regions of images to vectors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

MODEL_HELP = "demo (trained); tiny, 2b, 7b or a TOML file (random weights); a folder; or a Hugging Face repository."
SEGMENTER_HELP = "SAM 2's weights, a file or a Hub id, where the checkpoint does not contain them."
JSON_HELP = "Print JSON instead of a table."


@app.callback()
def virtue() -> None:
    """Embed text, images and regions of images."""


@app.command()
def info(
    model: Annotated[str, typer.Argument(help=MODEL_HELP)] = "tiny",
    segmenter: Annotated[str | None, typer.Option(help=SEGMENTER_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Sizes, settings and checks of a model."""
    with one_line_errors("virtue"):
        from virtue_ref.checkpoints.info import describe_model

        facts = describe_model(model, segmenter)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        typer.echo(f"{key:16} {_format_value(value)}")


@app.command()
def embed(
    inputs: Annotated[list[Path], typer.Argument(help="Image files, or JSONL with an item a row.")],
    out: Annotated[Path, typer.Option(help="File of vectors: .parquet (id, vector) or .npy.")],
    model: Annotated[str, typer.Option("--model", "--config", help=MODEL_HELP)] = "tiny",
    text: Annotated[str, typer.Option(help="Text of every image file.")] = "",
    profile: Annotated[str | None, typer.Option(help="official or clean; by default the model's own.")] = None,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda:1.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    truncate_dim: Annotated[int | None, typer.Option(help="Leading dimensions to keep.")] = None,
    resolution: Annotated[
        str | None, typer.Option(help="high, mid or low: make each image a square of that size first.")
    ] = None,
    segmenter: Annotated[str | None, typer.Option(help=SEGMENTER_HELP)] = None,
) -> None:
    """Embed files; the same command resumes a stopped run.

    A row of JSONL has text, image, and box [x0, y0, x1, y1], points [[x, y], ...] with labels, or mask, in pixels.
    """
    with one_line_errors("virtue"):
        from virtue_ref.embedder import load
        from virtue_ref.inference.vector_files import embed_rows, fingerprint_inputs, read_rows

        embedder = load(
            model,
            profile=profile,
            device=device,
            dtype=dtype,
            truncate_dim=truncate_dim,
            resolution=resolution,
            segmenter=segmenter,
        )
        count = embed_rows(embedder, read_rows(inputs, text), out, fingerprint_inputs(inputs, text))
    typer.echo(f"{count} vectors of {embedder.dim} dimensions by {embedder.name} in {out}")


@app.command()
def convert(
    model: Annotated[str, typer.Argument(help=MODEL_HELP)],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    to: Annotated[
        str, typer.Option(help="ours: one safetensors layout with all weights. official: the release's.")
    ] = "ours",
    segmenter: Annotated[str | None, typer.Option(help=SEGMENTER_HELP)] = None,
) -> None:
    """Write a checkpoint in our layout or in the official one; no weight changes a bit."""
    with one_line_errors("virtue"):
        from scar.errors import ConfigError
        from virtue_ref.checkpoints.format import write_checkpoint
        from virtue_ref.checkpoints.official import write_official
        from virtue_ref.checkpoints.resolve import read_checkpoint

        layouts = {"ours": write_checkpoint, "official": write_official}
        if to not in layouts:
            raise ConfigError(f"unknown layout {to!r}: it is one of {', '.join(layouts)}.")
        layouts[to](read_checkpoint(model, segmenter=segmenter), out)
    typer.echo(f"{model} in the {to} layout in {out}")


@app.command("bench")
def run_bench(
    model: Annotated[str, typer.Option("--model", "--config", help=MODEL_HELP)] = "tiny",
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each mode that count.")] = 5,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda:1.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    segmenter: Annotated[str | None, typer.Option(help=SEGMENTER_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Latency and peak memory of each kind of item, and of crop and text baselines."""
    with one_line_errors("virtue"):
        from virtue_ref.bench import measure_modes
        from virtue_ref.embedder import load

        embedder = load(model, device=device, dtype=dtype, segmenter=segmenter)
        timings = list(measure_modes(embedder, repeat))
    if as_json:
        modes = [dataclasses.asdict(timing) for timing in timings]
        typer.echo(json.dumps({"model": embedder.name, "device": str(embedder.model.device), "modes": modes}, indent=2))
        return
    typer.echo(f"{embedder.name} on {embedder.model.device}")
    typer.echo(f"{'mode':34} {'median ms':>10} {'slowest ms':>10} {'peak MiB':>9}")
    for timing in timings:
        numbers = f"{timing.latency_ms:10.1f} {timing.slowest_ms:10.1f} {timing.peak_mib:9.0f}"
        typer.echo(f"{timing.mode:34} {numbers}")


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="A TOML file, or the name of a built-in recipe: --list shows them.")
    ] = "",
    data: Annotated[Path, typer.Option(help="Folder of the data that the recipe names.")] = Path("data"),
    out: Annotated[Path | None, typer.Option(help="Folder of the run; a run in it is resumed.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Optimiser steps; 0 is one pass over all rows.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Pairs of a step, over all processes.")] = None,
    part: Annotated[int | None, typer.Option(min=1, help="Items embedded at once, as many as memory allows.")] = None,
    model: Annotated[str | None, typer.Option(help="Start from this checkpoint.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of connector, adapters and the order of rows.")] = None,
    missing: Annotated[
        str | None, typer.Option(help="Missing images: stop, or skip their rows and count them.")
    ] = None,
    track: Annotated[
        list[str] | None, typer.Option(help="Tracker besides TensorBoard: trackio or wandb, if installed.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Use no GPU.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the built-in recipes.")] = False,
) -> None:
    """Train connector and adapters with InfoNCE; with several processes under `accelerate launch [--use_fsdp]`."""
    from virtue_ref.training.recipe import TrainingRecipe, list_recipes

    if listed or not recipe:
        for name in list_recipes():
            typer.echo(f"{name:16} {TrainingRecipe.read(name).about}")
        typer.echo(f"{'demo':16} the demo model: small parts, then the SCaR stage, on drawn images; needs no data")
        return
    with one_line_errors("virtue"):
        if recipe == "demo":
            from virtue_ref.demo_model.make import make_demo_model

            checkpoint = make_demo_model(out or Path("runs") / "demo", seed or 0, report=_print_step)
            typer.echo(f"checkpoint {checkpoint}")
            return
        wanted = TrainingRecipe.read(recipe).with_options(
            steps=steps, batch=batch, part=part, seed=seed, missing=missing, model=model
        )
        from virtue_ref.training.run_recipe import run_recipe

        last = run_recipe(wanted, data, out or Path("runs") / wanted.name, track or (), cpu=cpu, dry_run=dry_run)
    if last is not None:
        typer.echo(f"checkpoint {last}; `virtue info {last / 'model'}` tells what it is")


@app.command("table")
def compare_strategies(
    run: Annotated[list[Path], typer.Argument(help="Folders of `virtue train demo`; several are several columns.")],
    out: Annotated[Path, typer.Option(help="The scores as JSON; a table in Markdown goes beside them.")],
    draw: Annotated[list[int], typer.Option(help="Seed of an evaluation world; may be repeated.")] = [11, 12, 13],  # noqa: B006 - typer copies it
    pictures: Annotated[
        int, typer.Option(min=1, help="Images of each world; 240 give a little over 1,000 queries.")
    ] = 240,
) -> None:
    """Score the demo model with every region strategy, before and after its SCaR stage; resumes a stopped run."""
    with one_line_errors("virtue"):
        from mmeb_eval.report.markdown import render_strategy_table
        from mmeb_eval.report.strategy_table import make_strategy_table, write_strategy_scores
        from scar.common.files import write_bytes
        from virtue_ref.demo_model.strategy_scores import score_strategies

        scores = [
            each
            for folder in run
            for each in score_strategies(folder, draw, pictures, lambda line: typer.echo(line, err=True))
        ]
        text = render_strategy_table(make_strategy_table(scores))
        write_strategy_scores(scores, out)
        write_bytes(f"{text}\n".encode(), out.with_suffix(".md"))
    typer.echo(text)
    typer.echo(f"{out} and {out.with_suffix('.md')}")


Trained = Annotated[
    Path, typer.Argument(help="Folder in our layout; or of a run, for its best or else last checkpoint.")
]
CardName = Annotated[str | None, typer.Option(help="Title of the card.  [default: the repository's or folder's name]")]
CardResults = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that mmeb-eval wrote; results of exactly these weights are taken."),
]
CardLicence = Annotated[
    str | None,
    typer.Option(help="Of the weights, such as cc-by-nc-4.0; without it the card says that it is not settled."),
]
CardData = Annotated[
    list[str] | None, typer.Option(help="ORG/NAME on the Hub of data it was trained on; may be repeated.")
]
CardTemplate = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Your own words; may extend model.md.jinja of data_cards.")
]


@app.command()
def card(
    checkpoint: Trained,
    repo: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="Where it is or will be on the Hub.")] = None,
    name: CardName = None,
    results: CardResults = None,
    licence: CardLicence = None,
    dataset: CardData = None,
    template: CardTemplate = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that was not rendered.")] = False,
) -> None:
    """Render a checkpoint's model card and its results for the Hub: README.md and .eval_results/."""
    with one_line_errors("virtue"):
        from virtue_ref.checkpoints.publish import write_card

        folder, facts = write_card(checkpoint, repo, name, results, licence, dataset or (), template, force=force)
    typer.echo(f"{facts.name}: {len(facts.results)} results, licence {facts.licence.name}: {folder / 'README.md'}")


@app.command()
def push(
    checkpoint: Trained,
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="The model on the Hub; made if it is not there.")],
    public: Public = False,
    dry_run: DryRun = False,
    revision: Revision = "main",
    tag: Tag = None,
    name: CardName = None,
    results: CardResults = None,
    licence: CardLicence = None,
    dataset: CardData = None,
    template: CardTemplate = None,
) -> None:
    """Upload a checkpoint with card and results: contents first, then one commit, checked; resumable."""
    with one_line_errors("virtue"):
        from scar.publish.push import PushTarget
        from scar.publish.send import send_files
        from virtue_ref.checkpoints.publish import OWNED_FOLDERS, list_uploads, write_card

        folder, facts = write_card(checkpoint, repo, name, results, licence, dataset or (), template)
        message = f"{facts.name}: weights {facts.revision}"
        target = PushTarget(repo, "model", public, revision, tag, message, OWNED_FOLDERS)
        about = [f"licence: {facts.licence.name}; {len(facts.results)} results"]
        send_files(list_uploads(folder), target, about=about, dry_run=dry_run)


def _print_step(step: int, steps: int, line: str) -> None:
    if line:
        typer.echo(f"step {step}/{steps}: {line}", err=True)


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number:,}" for key, number in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "-" if value is None else str(value)
