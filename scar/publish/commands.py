"""The commands `scar card`, `scar push` and `scar pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scar.common.terminal import one_line_errors
from scar.publish.send import DryRun, Prune, Public, Revision, Tag

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A SCaR folder, as `scar build` writes it.")]


@one_line_errors("scar")
def card(
    folder: Folder,
    repo: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="Where the corpus is or will be on the Hub.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Title of the card; by default the repository's or folder's name.")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own card template (jinja); may extend those of data_cards."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that was written by hand.")] = False,
) -> None:
    """Write a corpus's dataset card. README.md and croissant.json go into its folder."""
    from scar.common.progress import show_progress
    from scar.publish.card import CARD, CROISSANT, write_card

    summary = write_card(folder, name=name, repo=repo, template=template, force=force, track=show_progress)
    licence = summary.licence
    typer.echo(f"{summary.name}: {summary.samples:,} samples, {licence.name}: {'; '.join(licence.reasons)}")
    if summary.audit is None:
        typer.echo(f"It has not been audited; `scar audit {folder}` and this command again put the figures in.")
    for written in (CARD, CROISSANT):
        typer.echo(f"  {folder / written}")


@one_line_errors("scar")
def push(
    folder: Folder,
    repo: Annotated[
        str, typer.Option(metavar="ORG/NAME", help="The data set on the Hub; created if it does not exist.")
    ],
    public: Public = False,
    dry_run: DryRun = False,
    prune: Prune = False,
    revision: Revision = "main",
    tag: Tag = None,
    name: Annotated[str | None, typer.Option(help="Title of the card; by default the repository's name.")] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Template of the card; see `scar card`.")
    ] = None,
    embed_images: Annotated[
        bool,
        typer.Option(
            "--embed-images", help="Also push rows that contain their images, so that the Hub's viewer shows them."
        ),
    ] = False,
) -> None:
    """Upload a corpus to the Hub. Prints what changes there, and verifies the files sent; run again to resume.

    Files that an earlier push wrote and this one does not have are removed. Files and edits of others stay, unless
    --prune is given.
    """
    from scar.common.progress import show_progress
    from scar.publish.card import CARD
    from scar.publish.push_record import write_push_record
    from scar.publish.send import send_files
    from scar.publish.upload import PushTarget
    from scar.publish.upload_files import CARD_KEYS, collect_files

    files, summary = collect_files(
        folder, repo, name=name, template=template, embed_images=embed_images, track=show_progress
    )
    about = [f"licence: {summary.licence.name}: {'; '.join(summary.licence.reasons)}"]
    if embed_images:
        about.insert(0, "images go along: they keep the licences of their makers, see that these let you pass them on")
    message = f"{summary.name}: {summary.samples:,} samples"
    target = PushTarget(repo, "dataset", public, revision, tag, message, prune, card=CARD, card_keys=CARD_KEYS)
    send_files([*files, write_push_record(folder, files)], target, about=about, dry_run=dry_run)


@one_line_errors("scar")
def pull(
    repo: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="Sony/SCaR-Eval, Sony/SCaR-Train, or a pushed build.")
    ],
    out: Annotated[Path, typer.Option(help="Output folder; files that are already in it stay.")],
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit; by default the commit that the folder holds, else the newest."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder that the image paths in the rows start from; by default the output folder."),
    ] = None,
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="Do not fetch images that are embedded in rows.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace local files that differ; remove those that another --revision lacks."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; fetch nothing.")] = False,
) -> None:
    """Download a corpus from the Hub. Checks every row and lists missing images; run again to resume."""
    from scar.common.progress import show_progress
    from scar.formats.check import check_folder
    from scar.publish.checksums import StoredHashes
    from scar.publish.missing_images import find_missing_images, iter_instructions, write_missing_list
    from scar.publish.pull import HASHES, iter_pull_lines, plan_pull, pull_files

    def say(line: str) -> None:
        typer.echo(line, err=True)

    plan = plan_pull(repo, out, revision=revision, rows_only=rows_only, force=force, say=say)
    for line in iter_pull_lines(plan):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was fetched.")
        return
    pull_files(plan, track=show_progress, say=say)
    typer.echo(f"{len(plan.pulled.files)} files of {plan.pulled.commit}, all verified")
    hashes = StoredHashes(out / HASHES)
    statuses = find_missing_images(out, images, sha256=hashes, track=show_progress)
    hashes.save()
    missing = {name for status in statuses for name in status.missing}
    findings = check_folder(out, images, show_progress, missing)
    for line in findings.iter_report_lines():
        typer.echo(line)
    for line in iter_instructions(statuses, out, images):
        typer.echo(line)
    if missing_list := write_missing_list(statuses, out):
        typer.echo(f"{missing_list} names every missing image; the same command looks again.")
    if findings.counts or any(status.changed for status in statuses):
        raise typer.Exit(2)
