"""The command line: ``virtue info | embed | bench | convert``. Each command calls one function and prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from mmeb_eval.errors import EvalError
from scar.errors import ScarError

app = typer.Typer(
    help="The reference VIRTUE embedder: text, images and regions of images to vectors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

MODEL_HELP = "tiny, 2b, 7b or a TOML file (random weights); a checkpoint folder; or a Hugging Face repository."
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
    with one_line_errors():
        from virtue_ref.info import describe

        facts = describe(model, segmenter)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        typer.echo(f"{key:16} {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number:,}" for key, number in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "-" if value is None else str(value)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """An expected failure becomes one line on stderr and exit code 2."""
    try:
        yield
    except (EvalError, ScarError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
