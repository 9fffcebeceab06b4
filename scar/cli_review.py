"""The command `scar review`: people inspect a corpus in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scar.common.terminal import MAX_SEED, one_line_errors
from scar.publish.commands import Folder


@one_line_errors("scar")
def review(
    folder: Folder,
    count: Annotated[int, typer.Option("--n", min=1, help="The number of samples to inspect.")] = 100,
    shared: Annotated[
        float, typer.Option(min=0, max=1, help="The share of the samples that every reviewer is asked about.")
    ] = 0.2,
    choose: Annotated[
        bool, typer.Option("--choose", help="Hide which caption is true, and ask for it: measures the hit@1 of people.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The seed that draws samples and their order.")] = 0,
    images: Annotated[
        Path | None, typer.Option(show_default="DIR", help="The folder that the image paths in the rows start from.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default="review.sqlite in DIR", help="The file of decisions.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to serve on; one that other machines reach asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8310,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Serve nothing: write the decisions, as JSON lines, or as tasks to a .json file."
        ),
    ] = None,
    bring: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="FILE",
            help="Serve nothing: take in decisions of such a file, or a Label Studio export.",
        ),
    ] = None,
) -> None:
    """Inspect samples in the browser: accept, reject, edit, or choose the fitting caption.

    Decisions are kept in review.sqlite at once. --export writes review.jsonl, which `scar audit` and `scar card` report
    and `scar build --decisions` applies.
    """
    from scar.review.open_review import open_review

    session = open_review(folder, count, shared, "choose" if choose else "inspect", seed, images, store)
    try:
        if bring is not None:
            typer.echo(f"{session.store.path}: {session.bring_in(bring)} new decisions of {bring}")
        if export is not None:
            typer.echo(f"{export}: {session.export(export)} decisions")
        if bring is None and export is None:
            from scar.review.serve import serve

            serve(session, host, port, typer.echo)
    finally:
        session.store.close()
