"""The `virtue` command line. A command parses, calls one function and prints: results to stdout, errors to stderr."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from scar.common.terminal import CommandGroup, one_line_errors
from virtue_ref import cli_explain, cli_publish, cli_search

app = typer.Typer(
    cls=CommandGroup,
    help="The reference VIRTUE embedder: embeds text, images and regions of images as vectors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts faster
)

MODEL_HELP = (
    "Model: demo (small and trained); tiny, 2b, 7b, qwen3-2b or a TOML file (random weights); the folder of a "
    "checkpoint or of a training run; or a Hugging Face repository."
)
SEGMENTER_HELP = "File or Hub id of SAM 2's weights, for a checkpoint that does not contain them."

Device: TypeAlias = Annotated[
    str | None, typer.Option(help="Device such as cpu or cuda:1; by default a GPU if there is one.")
]
Devices: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Device such as cpu or cuda:1; cuda:0,cuda:1 shares the work out. By default a GPU, if any."),
]
Dtype: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Number format: float32, bfloat16 or float16; by default float32 on a CPU, else bfloat16."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ModelArgument: TypeAlias = Annotated[str, typer.Argument(help=MODEL_HELP)]
ModelOption: TypeAlias = Annotated[str | None, typer.Option("--model", "--config", help=f"{MODEL_HELP} Required.")]
Segmenter: TypeAlias = Annotated[str | None, typer.Option(help=SEGMENTER_HELP)]
"""Options and arguments that several commands share."""


@app.callback()
def virtue() -> None:
    """Embed text, images and regions of images."""


@app.command()
def info(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    segmenter: Segmenter = None,
    as_json: JsonOption = False,
) -> None:
    """Show sizes and settings of a model, and check its weights."""
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
    inputs: Annotated[list[Path], typer.Argument(help="Image files, and JSONL files with one item a row.")],
    out: Annotated[
        Path,
        typer.Option(
            help="New file for the vectors, in the order of the inputs: .parquet (columns id, vector) or .npy."
        ),
    ],
    model: ModelOption = None,
    text: Annotated[str, typer.Option(help="Text that goes with every image file; JSONL rows have their own.")] = "",
    profile: Annotated[
        str | None,
        typer.Option(
            help="How images and prompts are used: official (released code) or clean (paper); by default the model's."
        ),
    ] = None,
    device: Devices = None,
    dtype: Dtype = None,
    truncate_dim: Annotated[
        int | None, typer.Option(min=1, help="Number of leading dimensions to keep; all by default.")
    ] = None,
    resolution: Annotated[
        str | None,
        typer.Option(
            help="First resize each image to a square: high (1344 pixels a side), mid (672) or low (128); "
            "by default as the model does."
        ),
    ] = None,
    segmenter: Segmenter = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Keep the language model's weights as 8-bit integers, to save memory.")
    ] = False,
) -> None:
    """Embed image files and JSONL rows. The same command resumes a stopped run and embeds again what has changed.

    A JSONL row has text, image (a path) and at most one prompt: box [x0, y0, x1, y1], points [[x, y], ...] with labels,
    or mask (COCO's polygons or run lengths, or a path), in pixels of the image as it is displayed. Paths are relative
    to the JSONL file's folder. A row may have an id; without one its id is its number, from 0. The id of an image file
    is its path.
    """
    with one_line_errors("virtue"):
        from scar.errors import ConfigError
        from virtue_ref.device_group import load_on
        from virtue_ref.inference.vector_files import check_rows, embed_rows, read_rows

        if text and all(path.suffix == ".jsonl" for path in inputs):
            raise ConfigError("--text: it goes with image files, and all inputs are JSONL; leave it out.")
        embedder = load_on(
            model,
            device,
            profile=profile,
            dtype=dtype,
            truncate_dim=truncate_dim,
            resolution=resolution,
            segmenter=segmenter,
            int8=int8,
        )
        if embedder.int8_cosine is not None:
            typer.echo(f"8-bit weights: cosine with whole ones at least {embedder.int8_cosine:.4f}", err=True)
        check_rows(inputs, text)
        count = embed_rows(embedder, read_rows(inputs, text), out)
    typer.echo(f"{count} vectors of {embedder.dim} dimensions by {embedder.name} in {out}")


app.command()(cli_search.index)
app.command()(cli_search.search)
app.command()(cli_explain.explain)


@app.command()
def convert(
    model: ModelArgument,
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    to: Annotated[
        str,
        typer.Option(help="ours: safetensors and virtue.json. official: the files that the released code reads."),
    ] = "ours",
    segmenter: Segmenter = None,
) -> None:
    """Convert a checkpoint to another layout.

    Weights stay bit-identical, except those into which an adapter is merged.
    """
    with one_line_errors("virtue"):
        from scar.errors import ConfigError
        from virtue_ref.checkpoints.checkpoint import merge_adapter
        from virtue_ref.checkpoints.format import write_checkpoint
        from virtue_ref.checkpoints.official import write_official
        from virtue_ref.checkpoints.resolve import read_checkpoint

        layouts = {"ours": write_checkpoint, "official": write_official}
        if to not in layouts:
            raise ConfigError(f"unknown layout {to!r}: it is one of {', '.join(layouts)}.")
        layouts[to](merge_adapter(read_checkpoint(model, segmenter=segmenter)), out)
    typer.echo(f"{model} in the {to} layout in {out}")


@app.command("bench")
def run_bench(
    model: ModelOption = None,
    repeat: Annotated[int, typer.Option(min=1, help="Measured runs for each kind of item.")] = 5,
    device: Device = None,
    dtype: Dtype = None,
    segmenter: Segmenter = None,
    segmenters: Annotated[
        bool,
        typer.Option("--segmenters", help="Measure every segmenter at its published size instead; no model is needed."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure latency and peak memory. Each row is a kind of item, such as a text, or an image with a box."""
    if segmenters:
        with one_line_errors("virtue"):
            from scar.errors import ConfigError

            if given := [
                name for name, value in {"--model": model, "--dtype": dtype, "--segmenter": segmenter}.items() if value
            ]:
                raise ConfigError(f"{given[0]}: --segmenters measures every segmenter alone; leave it out.")
            _bench_segmenters(repeat, device, as_json=as_json)
        return
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


def _bench_segmenters(repeat: int, device: str | None, *, as_json: bool) -> None:
    from virtue_ref.bench_segmenters import measure_segmenters
    from virtue_ref.embedder import choose_device

    timings = measure_segmenters(repeat, choose_device(device))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(timing) for timing in timings], indent=2))
        return
    typer.echo(f"{'segmenter':14} {'pixels':>6} {'tokens':>6} {'weights':>12} {'image ms':>9} {'box ms':>8}")
    for each in timings:
        numbers = f"{each.side:6} {each.tokens:6} {each.parameters:12,} {each.encode_ms:9.1f} {each.prompt_ms:8.1f}"
        typer.echo(f"{each.package:14} {each.problem or numbers}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A built-in recipe (--list shows them), or a TOML file.")] = "",
    data: Annotated[
        Path | None, typer.Option(help="Folder that the recipe's paths are relative to; by default data.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run, by default runs/RECIPE; a run in it is resumed.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Number of optimiser steps; 0 is one pass over all rows.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Number of pairs in a step, over all processes.")] = None,
    part: Annotated[
        int | None,
        typer.Option(min=1, help="Number of items embedded at once; fewer need less memory, the result is the same."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Start from this model, not from the recipe's.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of connector, adapters, dropout and the order of rows.")
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(help="What to do if an image is missing or broken: stop, or skip its row and count it."),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(help="Draw curves also with trackio or wandb, if installed; may be repeated."),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Do not use a GPU.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan, for which two steps are tried, and stop.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the built-in recipes.")] = False,
) -> None:
    """Train connector and adapters. `accelerate launch $(which virtue) train ...` uses several processes.

    `virtue train demo` makes the demo model on drawn images; it needs no data and takes --out, --seed and --dry-run.
    """
    settings = {"steps": steps, "batch": batch, "part": part, "model": model, "seed": seed, "missing": missing}
    options = {"data": data, "out": out, "track": track or None, "cpu": cpu or None, "dry-run": dry_run or None}
    given = [f"--{name}" for name, value in (options | settings).items() if value is not None]
    with one_line_errors("virtue"):
        from scar.errors import ConfigError
        from virtue_ref.training.recipe import DEMO, TrainingRecipe, list_recipes

        if listed or not recipe:
            if unused := [recipe][: bool(recipe)] + given:
                takes = "--list takes nothing else" if listed else "no recipe is named; --list shows them"
                raise ConfigError(f"{unused[0]}: {takes}.")
            for name in list_recipes():
                typer.echo(f"{name:16} {TrainingRecipe.read(name).about}")
            typer.echo(f"{DEMO:16} the demo model: small parts, then the SCaR stage, on drawn images; needs no data")
            return
        if recipe == DEMO:
            if unused := [name for name in given if name not in ("--out", "--seed", "--cpu", "--dry-run")]:
                raise ConfigError(f"{unused[0]}: the demo model takes --out, --seed and --dry-run alone.")
            _train_demo_model(out or Path("runs") / DEMO, seed or 0, dry_run=dry_run)
            return
        wanted = TrainingRecipe.read(recipe).with_options(**settings)
        from virtue_ref.training.run_recipe import run_recipe

        last = run_recipe(
            wanted,
            data or Path("data"),
            out or Path("runs") / wanted.name,
            track or (),
            cpu=cpu,
            dry_run=dry_run,
        )
    if last is not None:
        typer.echo(f"checkpoint {last}; `virtue info {last / 'model'}` tells what it is")


def _train_demo_model(out: Path, seed: int, *, dry_run: bool) -> None:
    from virtue_ref.demo_model.make import Effort, describe_stages, make_demo_model

    for stage, state in describe_stages(out, seed, Effort()):
        typer.echo(f"{stage:28} {state}")
    if not dry_run:
        typer.echo(f"checkpoint {make_demo_model(out, seed, report=_print_step)}")


@app.command("table")
def compare_strategies(
    run: Annotated[
        list[Path], typer.Argument(help="Folders that `virtue train demo` wrote; each training seed has two columns.")
    ],
    out: Annotated[Path, typer.Option(help="JSON file for the scores; a Markdown table is written beside it.")],
    draw: Annotated[list[int], typer.Option(help="Seed of drawn images to score on; may be repeated.")] = [11, 12, 13],  # noqa: B006 - typer copies it
    pictures: Annotated[
        int, typer.Option(min=1, help="Number of images for each --draw; 240 give a little over 1,000 queries.")
    ] = 240,
) -> None:
    """Score the demo model with each region strategy.

    It is scored before and after its last training stage (SCaR). The same command resumes a stopped run.
    """
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


app.command()(cli_publish.card)
app.command()(cli_publish.push)


def _print_step(step: int, steps: int, line: str) -> None:
    if line:
        typer.echo(f"step {step}/{steps}: {line}", err=True)


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number:,}" for key, number in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "-" if value is None else str(value)
