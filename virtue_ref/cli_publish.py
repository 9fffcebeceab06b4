"""The commands `virtue card` and `virtue push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scar.common.terminal import one_line_errors
from scar.publish.send import DryRun, Prune, Public, Revision, Tag

Trained = Annotated[
    Path,
    typer.Argument(
        help="Folder of a checkpoint as virtue convert writes it, or of a training run: "
        "then its best checkpoint, else its last."
    ),
]
CardName = Annotated[
    str | None, typer.Option(help="Title of the card; by default the name of the repository, else of the folder.")
]
CardResults = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder that mmeb-eval --output wrote; only results of exactly these weights are used."
    ),
]
CardLicence = Annotated[
    str | None,
    typer.Option(help="Licence of the weights, such as cc-by-nc-4.0; without it the card says that it is not settled."),
]
CardData = Annotated[
    list[str] | None, typer.Option(help="ORG/NAME on the Hub of a data set that it was trained on; may be repeated.")
]
CardTemplate = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Your own Jinja template of the card; it may extend the built-in model.md.jinja."
    ),
]


def card(
    checkpoint: Trained,
    repo: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="Repository of the model on the Hub; it need not exist yet.")
    ] = None,
    name: CardName = None,
    results: CardResults = None,
    licence: CardLicence = None,
    dataset: CardData = None,
    template: CardTemplate = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that virtue did not render.")] = False,
) -> None:
    """Write a checkpoint's model card. README.md and .eval_results/ go into the checkpoint's folder."""
    with one_line_errors("virtue"):
        from virtue_ref.checkpoints.publish import write_card

        folder, facts = write_card(checkpoint, repo, name, results, licence, dataset or (), template, force=force)
    typer.echo(f"{facts.name}: {len(facts.results)} results, licence {facts.licence.name}: {folder / 'README.md'}")


def push(
    checkpoint: Trained,
    repo: Annotated[
        str, typer.Option(metavar="ORG/NAME", help="Repository of the model on the Hub; created if missing.")
    ],
    public: Public = False,
    dry_run: DryRun = False,
    prune: Prune = False,
    revision: Revision = "main",
    tag: Tag = None,
    name: CardName = None,
    results: CardResults = None,
    licence: CardLicence = None,
    dataset: CardData = None,
    template: CardTemplate = None,
) -> None:
    """Upload a checkpoint with its card and results. Prints what changes on the Hub, and verifies the files sent.

    Files that an earlier push wrote and this one does not have are removed there. Files and edits that no push made
    stay, unless --prune is given; weights among them stop the push.
    """
    with one_line_errors("virtue"):
        from scar.publish.card import CARD
        from scar.publish.push_record import write_push_record
        from scar.publish.send import send_files
        from scar.publish.upload import PushTarget
        from virtue_ref.checkpoints.publish import WEIGHT_PATTERNS, list_uploads, write_card

        folder, facts = write_card(checkpoint, repo, name, results, licence, dataset or (), template)
        message = f"{facts.name}: weights {facts.revision}"
        target = PushTarget(repo, "model", public, revision, tag, message, prune, WEIGHT_PATTERNS, CARD)
        about = [f"licence: {facts.licence.name}; {len(facts.results)} results"]
        files = list_uploads(folder)
        send_files([*files, write_push_record(folder, files)], target, about=about, dry_run=dry_run)
